import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { DATA_KEY_BYTES, RANDOM_POOL_BYTES } from '../../src/limits.js';

describe('DataKey', () => {
  it('never repeats, across several draws of the pool', () => {
    const count = (3 * RANDOM_POOL_BYTES) / DATA_KEY_BYTES;
    const keys = Array.from({ length: count }, () => DataKey.generate().exportBytes().toString('hex'));
    assert.equal(new Set(keys).size, count);
    assert.ok(keys.every((key) => key.length === 2 * DATA_KEY_BYTES && !/^0+$/.test(key)));
  });

  it('takes 32 bytes and zeroes where they came from', () => {
    const bytes = Buffer.alloc(32, 7);
    const key = DataKey.adopt(bytes);
    assert.deepEqual(key.exportBytes(), Buffer.alloc(32, 7));
    assert.deepEqual(bytes, Buffer.alloc(32));
  });

  it('refuses any other number of bytes, and zeroes them too', () => {
    for (const length of [1, 16, 31, 33, 64]) {
      const bytes = Buffer.alloc(length, 7);
      assert.throws(() => DataKey.adopt(bytes), RangeError);
      assert.deepEqual(bytes, Buffer.alloc(length));
    }
    assert.throws(() => DataKey.adopt(Buffer.alloc(0)), RangeError);
  });

  it('comes back from the KeyObject that crossed a thread', () => {
    const key = DataKey.generate();
    const cloned = DataKey.fromKeyObject(structuredClone(key.keyObject));
    assert.deepEqual(cloned.exportBytes(), key.exportBytes());
  });

  it('refuses a KeyObject that is no secret of 32 bytes', () => {
    assert.throws(() => DataKey.fromKeyObject(createSecretKey(Buffer.alloc(16))), RangeError);
    assert.throws(() => DataKey.fromKeyObject(generateKeyPairSync('ed25519').privateKey), RangeError);
  });

  it('seals once', () => {
    const key = DataKey.generate();
    key.claimSeal();
    assert.throws(() => key.claimSeal(), /seals once/);
  });

  it('zeroes itself and what was derived from it', () => {
    const key = DataKey.generate();
    const secrets = [key.bytes, key.extract(Buffer.alloc(16, 1)), key.derive(Buffer.alloc(16, 1), Buffer.from('a\x01'))];
    key.wipe();
    key.wipe();
    assert.deepEqual(secrets, [Buffer.alloc(32), Buffer.alloc(32), Buffer.alloc(32)]);
    const other = DataKey.generate();
    const first = other.extract(Buffer.alloc(16, 1));
    assert.equal(other.extract(Buffer.alloc(16, 1)), first);
    assert.notDeepEqual(other.extract(Buffer.alloc(16, 2)), first);
    assert.deepEqual(first, Buffer.alloc(32));
  });

  it('is gone after wiping', () => {
    const key = DataKey.generate();
    key.wipe();
    assert.throws(() => key.keyObject, /wiped/);
    assert.throws(() => key.exportBytes(), /wiped/);
    assert.throws(() => key.extract(Buffer.alloc(16)), /wiped/);
  });

  it('shows no byte to a log', () => {
    const key = DataKey.adopt(Buffer.from('0123456789abcdefghijklmnopqrstuv'));
    assert.doesNotMatch(`${inspect(key, { depth: 9, showHidden: true })}${JSON.stringify(key)}`, /0123|30 ?31 ?32|MDEyMz/);
  });
});
