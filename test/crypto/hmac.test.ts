import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hmac, hmacHex } from '../../src/crypto/hmac.js';

const bytes = (maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

describe('HMAC', () => {
  it('is that of node:crypto for any key and any cutting of a message', () => {
    fc.assert(fc.property(bytes(150), fc.array(bytes(2000), { maxLength: 5 }), (key, message) => {
      const expected = createHmac('sha256', key).update(Buffer.concat(message)).digest();
      assert.deepEqual(hmac(key, ...message), expected);
      assert.equal(hmacHex(key, ...message), expected.toString('hex'));
    }));
  });

  it('changes neither key nor message, and gives a buffer that nothing else uses', () => {
    const [key, message] = [Buffer.alloc(32, 7), Buffer.alloc(5000, 8)];
    const [first, second] = [hmac(key, message), hmac(key, message)];
    assert.deepEqual([key, message], [Buffer.alloc(32, 7), Buffer.alloc(5000, 8)]);
    first.fill(0);
    assert.deepEqual(second, createHmac('sha256', key).update(message).digest());
    assert.deepEqual(hmac(key, message), second);
  });
});
