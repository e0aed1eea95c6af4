import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { combineCrc64, Crc64 } from '../../src/crypto/crc64.js';
import { FOREIGN_FAMILIES, loadObjects } from '../vectors/load.js';

const crc = await Crc64.create();

describe('Crc64', () => {
  it('is CRC-64/XZ', () => {
    assert.equal(crc.digestOf(Buffer.from('123456789')), 0x995dc9bbdf1939fan);
    assert.equal(crc.digestOf(Buffer.alloc(0)), 0n);
  });

  it('equals what OSS reports for every captured object', () => {
    for (const { ciphertext, ciphertextCrc64 } of FOREIGN_FAMILIES.flatMap((family) => loadObjects(family))) {
      assert.equal(crc.digestOf(Buffer.from(ciphertext, 'base64')).toString(), ciphertextCrc64);
    }
  });

  it('is the same however the data is cut', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (pieces) => {
      crc.start();
      pieces.forEach((piece) => crc.update(piece));
      assert.equal(crc.digest(), crc.digestOf(Buffer.concat(pieces)));
    }));
  });

  it('keeps several computations apart, one-shot ones in between included', async () => {
    const other = await Crc64.create();
    crc.start().update(Buffer.from('1234'));
    other.start().update(Buffer.from('other'));
    crc.digestOf(Buffer.from('in between'));
    crc.update(Buffer.from('56789'));
    assert.equal(crc.digest(), 0x995dc9bbdf1939fan);
    assert.equal(other.digest(), crc.digestOf(Buffer.from('other')));
  });

  it('begins anew with start', () => {
    crc.start().update(Buffer.from('junk'));
    assert.equal(crc.start().update(Buffer.from('123456789')).digest(), 0x995dc9bbdf1939fan);
  });

  it('refuses update and digest before start', () => {
    assert.throws(() => crc.update(Buffer.from('x')), /start\(\) comes before/);
    assert.throws(() => crc.digest(), /start\(\) comes before/);
  });
});

describe('combineCrc64', () => {
  it('joins any two pieces', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      assert.equal(combineCrc64(crc.digestOf(a), crc.digestOf(b), b.length), crc.digestOf(Buffer.concat([a, b])));
    }));
  });

  it('joins equal parts and a shorter last one', () => {
    const data = randomBytes(10 * 4096 + 17);
    const parts = Array.from({ length: 11 }, (_, i) => data.subarray(i * 4096, (i + 1) * 4096));
    const joined = parts.reduce((sum, part) => combineCrc64(sum, crc.digestOf(part), part.length), 0n);
    assert.equal(joined, crc.digestOf(data));
  });

  it('takes lengths far beyond 32 bits: runs of zero bytes, doubled and added', () => {
    assert.equal(crcOfZeros(100_003), crc.digestOf(Buffer.alloc(100_003)));
    fc.assert(fc.property(fc.nat(2 ** 30), fc.nat(2 ** 30), (a, b) => {
      const [left, right] = [a * 2 ** 9 + 1, b * 2 ** 9 + 3];
      assert.equal(combineCrc64(crcOfZeros(left), crcOfZeros(right), right), crcOfZeros(left + right));
    }), { numRuns: 10 });
  });
});

function crcOfZeros(length: number): bigint {
  if (length === 0) {
    return 0n;
  }
  if (length % 2 === 1) {
    return combineCrc64(crcOfZeros(length - 1), crc.digestOf(Buffer.alloc(1)), 1);
  }
  const half = crcOfZeros(length / 2);
  return combineCrc64(half, half, length / 2);
}
