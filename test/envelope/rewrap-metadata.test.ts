import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEnvelope, rewrapMetadata } from '../../src/envelope/envelope.js';
import { MAX_METADATA_BYTES } from '../../src/limits.js';

const KEY = 'x-oss-meta-oss-crypto-key';
const START = 'x-oss-meta-oss-crypto-start';
const WRAP = 'x-oss-meta-oss-wrap-alg';
const DESCRIPTION = 'x-oss-meta-oss-matdesc';
const ALIAS = 'x-oss-meta-oss-crypto-matdesc';
const OLD = {
  [KEY]: 'b2xk', [START]: 'b2xk', 'x-oss-meta-oss-cek-alg': 'AES/GCM/NoPadding', [WRAP]: 'kms', 'x-oss-meta-unencrypted-content-length': '3',
  'x-oss-meta-author': 'Ada',
};
const FRESH = { wrapAlgorithm: 'rsa', wrappedKey: 'bmV3', wrappedStart: 'bmV3ZXI=', materialDescription: undefined } as const;

describe('the metadata of an object under another key', () => {
  it('differs in what wraps, and in nothing else', () => {
    const renewed = rewrapMetadata(OLD, FRESH, 'a');
    assert.deepEqual(renewed, { ...OLD, [KEY]: 'bmV3', [START]: 'bmV3ZXI=', [WRAP]: 'rsa' });
    const { wrappedKey, wrappedStart, wrapAlgorithm, materialDescription } = parseEnvelope(renewed, 3) ?? assert.fail();
    assert.deepEqual({ wrappedKey, wrappedStart, wrapAlgorithm, materialDescription }, FRESH);
  });

  it('describes the new key, or no key, under whichever name the old one was described', () => {
    for (const name of [DESCRIPTION, ALIAS]) {
      const described = { ...OLD, [name]: '{"key":"old"}' };
      assert.deepEqual(rewrapMetadata(described, FRESH, 'a'), rewrapMetadata(OLD, FRESH, 'a'));
      const renewed = rewrapMetadata(described, { ...FRESH, materialDescription: { key: 'new' } }, 'a');
      assert.deepEqual([renewed[DESCRIPTION], renewed[ALIAS]], ['{"key":"new"}', undefined]);
    }
  });

  it('is refused where it becomes larger than OSS allows', () => {
    const full = { ...OLD, 'x-oss-meta-note': 'n'.repeat(MAX_METADATA_BYTES - 400) };
    assert.doesNotThrow(() => rewrapMetadata(full, FRESH, 'a'));
    assert.throws(() => rewrapMetadata(full, { ...FRESH, wrappedKey: 'A'.repeat(684) }, 'a'), { name: 'EnvelopeError', code: 'metadata-too-large', object: 'a' });
  });
});
