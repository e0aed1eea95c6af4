import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { overwrite } from '../../src/crypto/overwrite.js';

describe('overwrite', () => {
  it('copies what there is room for, wherever it lies, and touches nothing else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), fc.nat(220), (data, skew, offset) => {
      const bytes = Buffer.alloc(skew + data.length);
      bytes.set(data, skew);
      const target = Buffer.from(new SharedArrayBuffer(200)).fill(0xaa);
      const expected = Buffer.alloc(200, 0xaa);
      Buffer.from(data).copy(expected, Math.min(offset, 200));
      overwrite(target, offset, bytes.subarray(skew));
      assert.deepEqual(Buffer.from(target), expected);
    }));
  });
});
