import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildAad, commit } from '../../src/crypto/commitment.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { authenticationFailed, openInPlace } from '../../src/crypto/open.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { authenticate, encodeEnvelope, parseEnvelope, type Authentication, type Envelope } from '../../src/envelope/envelope.js';
import { AuthenticationError, EnvelopeError, isSealiftError, UnauthenticatedObjectError } from '../../src/errors.js';
import type { Metadata } from '../../src/store/store.js';
import { hex, loadObjects, loadSealiftObjects } from '../vectors/load.js';
import { flipBit } from '../crypto/support.js';
import { OBJECT_BYTES, sealedObject } from './support.js';

const KEY = 'a/b.txt';
const { input, unwrapped, body } = sealedObject(KEY);
const HEADERS = encodeEnvelope(input);
const requested = { key: KEY, objectBytes: OBJECT_BYTES };

function parsed(headers: Metadata, objectBytes = OBJECT_BYTES): Envelope {
  return parseEnvelope(headers, objectBytes, KEY) ?? assert.fail('not an envelope');
}

function altered(change: Partial<Authentication>): Envelope {
  const envelope = parsed(HEADERS);
  assert.ok(envelope.authentication);
  return { ...envelope, authentication: { ...envelope.authentication, ...change } };
}

function failsAlike(error: unknown): boolean {
  return error instanceof AuthenticationError && error.code === 'authentication-failed' && error.message === authenticationFailed(KEY).message;
}

describe('authenticate', () => {
  it('gives the AAD that opens the body', () => {
    const { aad, authentication } = authenticate(parsed(HEADERS), unwrapped(), requested);
    const data = Buffer.from(body);
    const { dataKey, startBlock } = unwrapped();
    openInPlace(dataKey, startBlock, aad, { ...authentication, data });
    assert.deepEqual(data, Buffer.alloc(OBJECT_BYTES, 4));
  });

  it('accepts every sealift-v1 vector', () => {
    for (const { metadata, size, name, cekHex, ivHex, aad } of loadSealiftObjects()) {
      const keys = { dataKey: DataKey.adopt(hex(cekHex)), startBlock: StartBlock.fromBytes(hex(ivHex)) };
      assert.equal(authenticate(parsed(metadata, size), keys, { key: name, objectBytes: size }).aad.toString('latin1'), aad);
    }
  });

  it('fails with the one message for another key or start block', () => {
    const other = { dataKey: DataKey.adopt(Buffer.alloc(32, 9)), startBlock: unwrapped().startBlock };
    assert.throws(() => authenticate(parsed(HEADERS), other, requested), failsAlike);
    assert.throws(() => authenticate(parsed(HEADERS), { ...unwrapped(), startBlock: StartBlock.generate() }, requested), failsAlike);
  });

  it('fails at each flipped bit of tag, mac and commitment', () => {
    const { authentication } = parsed(HEADERS);
    assert.ok(authentication);
    for (let bit = 0; bit < 256; bit++) {
      assert.throws(() => authenticate(altered({ commitment: flipBit(Buffer.from(authentication.commitment, 'hex'), bit).toString('hex') }), unwrapped(), requested), failsAlike);
      assert.throws(() => authenticate(altered({ tag: flipBit(authentication.tag, bit % 128) }), unwrapped(), requested), failsAlike);
      assert.throws(() => authenticate(altered({ mac: flipBit(authentication.mac, bit % 128) }), unwrapped(), requested), failsAlike);
    }
  });

  it('refuses each flipped bit of every header that authenticates, in parsing or in the commitment', () => {
    const names = ['version', 'name', 'attributes', 'tag', 'mac', 'commitment'].map((suffix) => `x-oss-meta-sealift-${suffix}`);
    for (const name of [...names, 'x-oss-meta-unencrypted-content-length']) {
      const value = Buffer.from(HEADERS[name] ?? '');
      assert.ok(value.length > 0);
      for (let bit = 0; bit < value.length * 8; bit++) {
        const headers = { ...HEADERS, [name]: flipBit(value, bit).toString('latin1') };
        assert.throws(
          () => authenticate(parsed(headers), unwrapped(), { ...requested, allowRenamed: true }),
          (error: unknown) => (error instanceof EnvelopeError && error.code === 'envelope-invalid') || failsAlike(error),
          `${name} bit ${bit}`,
        );
      }
    }
  });

  it('fails for removed and for added attributes', () => {
    assert.throws(() => authenticate(altered({ attributes: '' }), unwrapped(), requested), failsAlike);
    assert.throws(() => authenticate(altered({ attributes: 'mode=755,mtime=1700000000.000000001' }), unwrapped(), requested), failsAlike);
  });

  it('fails for another length, whoever says it', () => {
    const noStatedLength = Object.fromEntries(Object.entries(HEADERS).filter(([name]) => !name.endsWith('content-length')));
    assert.throws(() => authenticate(parsed(noStatedLength, 99), unwrapped(), { key: KEY, objectBytes: 99 }), failsAlike);
    assert.throws(() => authenticate(parsed(HEADERS), unwrapped(), { key: KEY, objectBytes: 99 }), failsAlike);
  });

  it('fails for a start block that commits but has another form', () => {
    const forms = [
      StartBlock.fromBytes(Buffer.alloc(16, 5)),
      StartBlock.fromDecimal((2n + (1n << 64n)).toString()),
    ];
    for (const startBlock of forms) {
      const { dataKey } = unwrapped();
      const { encodedName, attributes, tag, mac } = input.authentication;
      const commitment = commit(dataKey, startBlock, buildAad(encodedName, OBJECT_BYTES, attributes), { tag, mac });
      assert.throws(() => authenticate(altered({ commitment }), { dataKey, startBlock }, requested), failsAlike);
    }
  });

  it('refuses another name after the commitment, unless renaming is allowed', () => {
    const asked = { key: 'moved.txt', objectBytes: OBJECT_BYTES };
    assert.throws(() => authenticate(parsed(HEADERS), unwrapped(), asked), (error: unknown) => isSealiftError(error) && error.code === 'renamed' && error.exitCode === 4);
    assert.throws(() => authenticate(altered({ tag: Buffer.alloc(16) }), unwrapped(), asked), { code: 'authentication-failed' });
    assert.equal(authenticate(parsed(HEADERS), unwrapped(), { ...asked, allowRenamed: true }).authentication.name, KEY);
  });

  it('refuses a foreign object', () => {
    for (const { metadata, size, cekHex, ivHex } of loadObjects('python-legacy-rsa')) {
      const keys = { dataKey: DataKey.adopt(hex(cekHex)), startBlock: StartBlock.fromBytes(hex(ivHex)) };
      assert.throws(() => authenticate(parsed(metadata, size), keys, { key: 'k', objectBytes: size }), UnauthenticatedObjectError);
    }
  });
});
