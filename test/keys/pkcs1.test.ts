import assert from 'node:assert/strict';
import { constants, createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pkcs1Decrypter } from '../../src/keys/pkcs1.js';
import { wycheproofGroups, wycheproofKey } from './fixtures.js';

const FIELD = { name: 'key', bytes: 32 };

describe('pkcs1Decrypter on Wycheproof', () => {
  const groups = wycheproofGroups('rsa_pkcs1_2048_test.json').map((group) => ({ decrypt: pkcs1Decrypter(wycheproofKey(group)), tests: group.tests }));
  const cases = groups.flatMap(({ decrypt, tests }) => tests.map((test) => ({ decrypt, ...test })));

  it('has all 67 cases of both kinds', () => {
    assert.equal(cases.length, 67);
    assert.equal(cases.filter(({ result }) => result === 'valid').length, 42);
  });

  for (const { decrypt, tcId, result, msg, ct, comment } of cases) {
    const ciphertext = Buffer.from(ct, 'hex');
    const field = { name: 'key', bytes: msg.length / 2 };
    if (result === 'valid') {
      it(`opens ${tcId}: ${comment}`, () => {
        assert.equal(decrypt(ciphertext, field).toString('hex'), msg);
      });
    } else {
      it(`rejects ${tcId} silently: ${comment}`, () => {
        const first = decrypt(ciphertext, field);
        assert.equal(first.length, field.bytes);
        assert.notEqual(first.toString('hex'), msg);
        assert.deepEqual(decrypt(ciphertext, field), first, 'the same bytes every time');
        assert.notDeepEqual(decrypt(ciphertext, { ...field, name: 'start' }), first, 'other bytes for another field');
      });
    }
  }

  it('answers every invalid case for every length a header may have', () => {
    for (const { decrypt, ct } of cases.filter(({ result }) => result === 'invalid')) {
      for (const bytes of [16, 32]) {
        assert.equal(decrypt(Buffer.from(ct, 'hex'), { name: 'key', bytes }).length, bytes);
      }
    }
  });
});

describe('pkcs1Decrypter', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = createPublicKey(privateKey);
  const decrypt = pkcs1Decrypter(privateKey);
  const wrap = (bytes: Uint8Array) => publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, bytes);
  /** An encoded message of our own making, encrypted as it is. */
  const raw = (encoded: Buffer) => publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, encoded);
  const encoded = (padding: Buffer, message: Buffer) => Buffer.concat([Buffer.from([0, 2]), padding, Buffer.from([0]), message]);

  it('opens what OpenSSL wraps', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      assert.deepEqual(decrypt(wrap(bytes), FIELD), Buffer.from(bytes));
    }), { numRuns: 20 });
  });

  it('gives pseudo-random bytes of the expected length for a message of any other length', () => {
    for (const length of [0, 1, 16, 31, 33, 64, 245]) {
      const message = randomBytes(length);
      const opened = decrypt(wrap(message), FIELD);
      assert.equal(opened.length, 32);
      assert.ok(!message.includes(opened) && !opened.equals(message.subarray(-32)), `length ${length}`);
    }
  });

  it('rejects a zero at each place of the padding, so no place decides alone', () => {
    const message = randomBytes(32);
    const paddingBytes = 256 - 3 - 32;
    const good = Buffer.alloc(paddingBytes, 0xa5);
    assert.deepEqual(decrypt(raw(encoded(good, message)), FIELD), message);
    for (const index of [0, 1, 7, 8, 100, paddingBytes - 2, paddingBytes - 1]) {
      const bad = Buffer.from(good);
      bad[index] = 0;
      assert.notDeepEqual(decrypt(raw(encoded(bad, message)), FIELD), message, `zero at ${index}`);
    }
  });

  it('takes every non-zero padding byte', () => {
    const message = randomBytes(32);
    for (let value = 1; value < 256; value += 1) {
      assert.deepEqual(decrypt(raw(encoded(Buffer.alloc(221, value), message)), FIELD), message, `padding byte ${value}`);
    }
  });

  it('rejects any other header or separator', () => {
    const message = randomBytes(32);
    for (const [index, value] of [[0, 1], [1, 0], [1, 1], [1, 3], [1, 0x82], [223, 1], [223, 0x80]] as const) {
      const em = encoded(Buffer.alloc(221, 7), message);
      em[index] = value;
      assert.notDeepEqual(decrypt(raw(em), FIELD), message, `byte ${index} = ${value}`);
    }
  });

  it('needs eight bytes of padding', () => {
    assert.equal(decrypt(wrap(Buffer.alloc(245, 9)), { name: 'key', bytes: 245 }).length, 245);
    assert.throws(() => decrypt(wrap(Buffer.alloc(1)), { name: 'key', bytes: 246 }), RangeError);
    assert.throws(() => decrypt(wrap(Buffer.alloc(1)), { name: 'key', bytes: -1 }), RangeError);
  });

  it('never throws on, and never tells apart, arbitrary bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const opened = decrypt(Buffer.from(bytes), FIELD);
      assert.equal(opened.length, 32);
      assert.deepEqual(decrypt(Buffer.from(bytes), FIELD), opened);
    }), { numRuns: 50 });
  });

  it('derives the bytes of a rejection from the private key', () => {
    const other = pkcs1Decrypter(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    const ciphertext = Buffer.alloc(12, 1);
    assert.notDeepEqual(other(ciphertext, FIELD), decrypt(ciphertext, FIELD));
  });
});
