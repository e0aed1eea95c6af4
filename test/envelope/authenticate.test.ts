import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildAad, commit } from '../../src/crypto/commitment.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { authenticationFailed } from '../../src/crypto/open.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { encodeEnvelope, parseEnvelope } from '../../src/envelope/envelope.js';
import { AuthenticationError, EnvelopeError, isSealiftError, UnauthenticatedObjectError } from '../../src/errors.js';
import { Keyring } from '../../src/keys/keyring.js';
import type { KeyUnwrapper } from '../../src/keys/wrapper.js';
import { openBody, openEnvelope, type OpenedEnvelope } from '../../src/run/opening.js';
import type { Metadata } from '../../src/store/store.js';
import { hex, loadObjects, loadSealiftObjects } from '../vectors/load.js';
import { flipBit } from '../crypto/support.js';
import { OBJECT_BYTES, sealedObject } from './support.js';

const KEY = 'a/b.txt';
const { input, unwrapped, body } = sealedObject(KEY);
const HEADERS = encodeEnvelope(input);

/** As a reader does it, whatever the wrapped values are: they open to `keys`. */
async function open(metadata: Metadata, { keys = unwrapped(), key = KEY, sizeBytes = OBJECT_BYTES, allowRenamed = false } = {}): Promise<OpenedEnvelope> {
  const unwrapper: KeyUnwrapper = {
    description: 'the right key', wrapAlgorithms: ['rsa', 'kms', 'RSA/NONE/PKCS1Padding', 'KMS/ALICLOUD'], materialDescription: undefined, unwrap: () => Promise.resolve(keys),
  };
  return await openEnvelope(key, { metadata, sizeBytes }, new Keyring([unwrapper]), { allowRenamed, allowUnauthenticated: false, mustBeSealed: false });
}

type Suffix = 'attributes' | 'tag' | 'mac' | 'commitment';

function altered(suffix: Suffix, value: string): Metadata {
  return { ...HEADERS, [`x-oss-meta-sealift-${suffix}`]: value };
}

function without(end: string): Metadata {
  return Object.fromEntries(Object.entries(HEADERS).filter(([name]) => !name.endsWith(end)));
}

function failsAlike(error: unknown): boolean {
  return error instanceof AuthenticationError && error.code === 'authentication-failed' && error.message === authenticationFailed(KEY).message;
}

describe('what authenticates an object', () => {
  it('opens the body', async () => {
    const data = Buffer.from(body);
    openBody(KEY, await open(HEADERS), data);
    assert.deepEqual(data, Buffer.alloc(OBJECT_BYTES, 4));
  });

  it('is there in every sealift-v1 vector', async () => {
    for (const { metadata, size, name, cekHex, ivHex, aad } of loadSealiftObjects()) {
      const keys = { dataKey: DataKey.adopt(hex(cekHex)), startBlock: StartBlock.fromBytes(hex(ivHex)) };
      const { sealed } = await open(metadata, { keys, key: name, sizeBytes: size });
      assert.equal(sealed?.aad.toString('latin1'), aad);
    }
  });

  it('fails with the one message for another key or start block', async () => {
    const other = { dataKey: DataKey.adopt(Buffer.alloc(32, 9)), startBlock: unwrapped().startBlock };
    await assert.rejects(open(HEADERS, { keys: other }), failsAlike);
    await assert.rejects(open(HEADERS, { keys: { ...unwrapped(), startBlock: StartBlock.generate() } }), failsAlike);
  });

  it('fails at each flipped bit of tag, mac and commitment', async () => {
    const { authentication } = parseEnvelope(HEADERS, OBJECT_BYTES) ?? {};
    assert.ok(authentication);
    for (let bit = 0; bit < 256; bit++) {
      await assert.rejects(open(altered('commitment', flipBit(Buffer.from(authentication.commitment, 'hex'), bit).toString('hex'))), failsAlike);
      await assert.rejects(open(altered('tag', flipBit(authentication.tag, bit % 128).toString('hex'))), failsAlike);
      await assert.rejects(open(altered('mac', flipBit(authentication.mac, bit % 128).toString('hex'))), failsAlike);
    }
  });

  it('fails at each flipped bit of every header, in parsing or in the commitment', async () => {
    const names = ['version', 'name', 'attributes', 'tag', 'mac', 'commitment'].map((suffix) => `x-oss-meta-sealift-${suffix}`);
    for (const name of [...names, 'x-oss-meta-unencrypted-content-length']) {
      const value = Buffer.from(HEADERS[name] ?? '');
      assert.ok(value.length > 0);
      for (let bit = 0; bit < value.length * 8; bit++) {
        const headers = { ...HEADERS, [name]: flipBit(value, bit).toString('latin1') };
        await assert.rejects(
          open(headers, { allowRenamed: true }),
          (error: unknown) => (error instanceof EnvelopeError && error.code === 'envelope-invalid') || failsAlike(error),
          `${name} bit ${bit}`,
        );
      }
    }
  });

  it('fails for removed and for added attributes', async () => {
    await assert.rejects(open(without('-attributes')), failsAlike);
    await assert.rejects(open(altered('attributes', 'mode=755,mtime=1700000000.000000001')), failsAlike);
  });

  it('fails for another length, and earlier where a header says the right one', async () => {
    await assert.rejects(open(without('content-length'), { sizeBytes: 99 }), failsAlike);
    await assert.rejects(open(HEADERS, { sizeBytes: 99 }), { code: 'envelope-invalid' });
  });

  it('fails for a start block that commits but has another form, and wipes the key', async () => {
    const forms = [
      StartBlock.fromBytes(Buffer.alloc(16, 5)),
      StartBlock.fromDecimal((2n + (1n << 64n)).toString()),
    ];
    for (const startBlock of forms) {
      const { dataKey } = unwrapped();
      const { encodedName, attributes, tag, mac } = input.authentication;
      const commitment = commit(dataKey, startBlock, buildAad(encodedName, OBJECT_BYTES, attributes), { tag, mac });
      await assert.rejects(open(altered('commitment', commitment), { keys: { dataKey, startBlock } }), failsAlike);
      assert.throws(() => dataKey.bytes, /wiped/);
    }
  });

  it('fails for another name after the commitment, unless renaming is allowed', async () => {
    const key = 'moved.txt';
    await assert.rejects(open(HEADERS, { key }), (error: unknown) => isSealiftError(error) && error.code === 'renamed' && error.exitCode === 4);
    await assert.rejects(open(altered('tag', '0'.repeat(32)), { key }), { code: 'authentication-failed' });
    assert.equal((await open(HEADERS, { key, allowRenamed: true })).sealed?.authentication.name, KEY);
  });

  it('is missing in a foreign object', async () => {
    for (const { metadata, size, cekHex, ivHex } of loadObjects('python-legacy-rsa')) {
      const keys = { dataKey: DataKey.adopt(hex(cekHex)), startBlock: StartBlock.fromBytes(hex(ivHex)) };
      await assert.rejects(open(metadata, { keys, key: 'k', sizeBytes: size }), UnauthenticatedObjectError);
    }
  });
});
