import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { updateChunked, updateInPlace } from '../../src/crypto/cipher-chunks.js';
import { spent } from '../../src/crypto/spent.js';
import { CIPHER_CHUNK_BYTES } from '../../src/limits.js';
import { recycleBuffers } from '../../src/run/threads/young-space.js';

describe('a thread that recycles its buffers', () => {
  before(() => recycleBuffers());

  it('frees those that have memory of their own', () => {
    const own = Buffer.allocUnsafeSlow(70_000);
    spent(own);
    assert.equal(own.length, 0);
  });

  it('leaves others alone, whoever shares their memory', () => {
    const whole = Buffer.alloc(70_000, 'x');
    const shared = Buffer.from(new SharedArrayBuffer(70_000)).fill('y');
    const pooled = Buffer.from('pooled');
    [whole.subarray(1), shared, pooled].forEach(spent);
    assert.deepEqual([whole[69_999], shared[0], pooled.toString()], [0x78, 0x79, 'pooled']);
  });

  it('keeps what a cipher answers with until it was copied', () => {
    const echo = { update: (data: Buffer): Buffer => Buffer.concat([data]) };
    const data = randomBytes(3 * CIPHER_CHUNK_BYTES + 5);
    assert.deepEqual(updateChunked(echo, data), data);
    const inverted = { update: (part: Buffer): Buffer => Buffer.from(part.map((byte) => byte ^ 0xff)) };
    const copy = Buffer.from(data);
    updateInPlace(inverted, copy);
    assert.deepEqual(copy, Buffer.from(data.map((byte) => byte ^ 0xff)));
  });
});
