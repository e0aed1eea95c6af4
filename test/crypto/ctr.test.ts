import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyCtr, CtrStream } from '../../src/crypto/ctr.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { FOREIGN_FAMILIES, hex, loadGcmObjects, loadObjects, vectorPlaintext, type VectorObject } from '../vectors/load.js';
import { BOUNDARY_SIZES, testKeys } from './support.js';

const { bytes, start, key } = testKeys(6);

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function opened({ cekHex, ivHex, ciphertext }: VectorObject): Buffer {
  const data = Buffer.from(ciphertext, 'base64');
  applyCtr(DataKey.adopt(hex(cekHex)), StartBlock.fromBytes(hex(ivHex)), 0, data);
  return data;
}

describe('objects of other SDKs', () => {
  for (const family of FOREIGN_FAMILIES) {
    it(`${family} opens whole and by ranges`, () => {
      const objects = loadObjects(family);
      assert.ok(objects.length >= 3);
      for (const object of objects) {
        const plaintext = opened(object);
        assert.equal(sha256(plaintext), object.plaintextSha256);
        assert.deepEqual(plaintext, vectorPlaintext(object.size));
        for (const offset of [0, 1, 15, 16, 17, 31, 32, 500].filter((at) => at < object.size)) {
          const range = Buffer.from(object.ciphertext, 'base64').subarray(offset, offset + 100);
          const stream = new CtrStream(DataKey.adopt(hex(object.cekHex)), StartBlock.fromBytes(hex(object.ivHex)), offset);
          assert.deepEqual(stream.update(range), plaintext.subarray(offset, offset + 100), `${object.size} at ${offset}`);
        }
      }
    });
  }

  it('written in parts open part by part, in any order', () => {
    const object = loadObjects('python-new-rsa').find(({ parts }) => parts !== undefined);
    assert.ok(object?.parts);
    const data = Buffer.from(object.ciphertext, 'base64');
    const offsets = object.parts.map((_, i, sizes) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
    for (const [i, offset] of [...offsets.entries()].reverse()) {
      const part = data.subarray(offset, offset + (object.parts[i] ?? 0));
      applyCtr(DataKey.adopt(hex(object.cekHex)), StartBlock.fromBytes(hex(object.ivHex)), offset, part);
    }
    assert.equal(sha256(data), object.plaintextSha256);
  });
});

describe('gcm-read-as-ctr', () => {
  it('is read as CTR and sealed again to the same bytes and tag', () => {
    const objects = loadGcmObjects();
    assert.equal(objects.length, 24);
    for (const object of objects) {
      const data = opened(object);
      assert.equal(sha256(data), object.plaintextSha256);
      const { tag } = sealInPlace(DataKey.adopt(hex(object.cekHex)), StartBlock.fromBytes(hex(object.ivHex)), Buffer.alloc(0), data);
      assert.equal(data.toString('base64'), object.ciphertext);
      assert.equal(tag.toString('base64'), object.gcmTag);
    }
  });
});

describe('applyCtr', () => {
  it('makes any aligned part of the whole, and is its own inverse', () => {
    for (const size of BOUNDARY_SIZES) {
      const plaintext = randomBytes(size);
      const whole = createCipheriv('aes-256-ctr', bytes, start.bytes).update(plaintext);
      for (const offset of [0, 16, 4096, 65_536].filter((at) => at <= size)) {
        const part = Buffer.from(plaintext.subarray(offset));
        applyCtr(key(), start, offset, part);
        assert.deepEqual(part, whole.subarray(offset));
        applyCtr(key(), start, offset, part);
        assert.deepEqual(part, plaintext.subarray(offset));
      }
    }
  });

  it('refuses an offset inside a block', () => {
    assert.throws(() => applyCtr(key(), start, 8, Buffer.alloc(8)), RangeError);
  });

  it('counts beyond 2^32 blocks', () => {
    const offset = 2 ** 36;
    const data = Buffer.alloc(16);
    applyCtr(key(), start, offset, data);
    const counter = Buffer.from(start.bytes);
    counter.writeUInt32BE(1, 8);
    assert.deepEqual(data, createCipheriv('aes-256-ecb', bytes, null).update(counter));
  });
});

describe('CtrStream', () => {
  it('starts at any byte and takes pieces of any size', () => {
    const plaintext = randomBytes(500);
    const whole = createCipheriv('aes-256-ctr', bytes, start.bytes).update(plaintext);
    fc.assert(fc.property(fc.nat(500), fc.integer({ min: 1, max: 60 }), (offset, pieceBytes) => {
      const stream = new CtrStream(key(), start, offset);
      const pieces = Array.from({ length: Math.ceil((500 - offset) / pieceBytes) }, (_, i) =>
        stream.update(whole.subarray(offset + i * pieceBytes, offset + (i + 1) * pieceBytes)));
      assert.deepEqual(Buffer.concat(pieces), plaintext.subarray(offset));
    }));
  });

  it('leaves its input alone, also when it is large', () => {
    const data = Buffer.alloc(200_000, 7);
    const output = new CtrStream(key(), start, 3).update(data);
    assert.ok(data.every((byte) => byte === 7));
    assert.deepEqual(new CtrStream(key(), start, 3).update(output), data);
  });
});
