import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hmacSha256, hmacSha256Hex } from '../../src/crypto/hmac.js';
import { HMAC_MESSAGE_BYTES } from '../../src/limits.js';

const parts = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });

describe('HMAC-SHA-256', () => {
  it('is that of node:crypto for any key and any message, in one piece or several', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 130 }), parts, (key, message) => {
      const expected = createHmac('sha256', key).update(Buffer.concat(message)).digest();
      assert.deepEqual(hmacSha256(key, ...message), expected);
      assert.equal(hmacSha256Hex(key, ...message), expected.toString('hex'));
    }), { numRuns: 500 });
  });

  it('takes messages of any length, shorter ones afterwards too', () => {
    const key = Buffer.alloc(32, 7);
    for (const bytes of [HMAC_MESSAGE_BYTES, HMAC_MESSAGE_BYTES + 1, 100_000, 10]) {
      const message = Buffer.alloc(bytes, bytes);
      assert.deepEqual(hmacSha256(key, message), createHmac('sha256', key).update(message).digest());
    }
  });

  it('leaves nothing behind for the next call when a part is none', () => {
    const key = Buffer.alloc(32, 9);
    assert.throws(() => hmacSha256(key, undefined as unknown as Uint8Array), TypeError);
    assert.deepEqual(hmacSha256(key), createHmac('sha256', key).digest());
  });
});
