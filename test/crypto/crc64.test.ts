import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createCRC64 } from 'hash-wasm';
import { BUFFER_BYTES, FOLD_DISTANCES, WINDOW_BYTES } from '../../src/crypto/crc64-kernel.js';
import { Crc64, joinCrc64 } from '../../src/crypto/crc64.js';
import { FOREIGN_FAMILIES, loadObjects } from '../vectors/load.js';

const crc = Crc64.create();
const library = await createCRC64();

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

  it('equals the library for every length up to 300 and around the sizes where the method changes', () => {
    const data = randomBytes(3 * BUFFER_BYTES);
    const edges = [3 * WINDOW_BYTES, BUFFER_BYTES, BUFFER_BYTES + WINDOW_BYTES, 2 * BUFFER_BYTES].flatMap((edge) => [-65, -64, -16, -1, 0, 1, 15, 64].map((by) => edge + by));
    for (const length of [...Array.from({ length: 301 }, (_, index) => index), ...edges]) {
      assert.equal(crc.digestOf(data.subarray(0, length)), libraryCrc(data.subarray(0, length)), `${length} bytes`);
    }
  });

  it('equals the library for any length, alignment and cut, in shared memory too', () => {
    const shared = Buffer.from(new SharedArrayBuffer(5 * BUFFER_BYTES));
    randomBytes(shared.length).copy(shared);
    fc.assert(fc.property(fc.nat(64), fc.nat(4 * BUFFER_BYTES), fc.integer({ min: 1, max: 2 * BUFFER_BYTES }), (offset, length, step) => {
      const data = shared.subarray(offset, offset + length);
      crc.start();
      for (let at = 0; at < length; at += step) {
        crc.update(data.subarray(at, at + step));
      }
      assert.equal(crc.digest(), libraryCrc(data));
    }));
  });

  it('strikes vectors out by a true multiple of the polynomial', () => {
    const polynomial = 0x142f0e1eba9ea3693n;
    const farthest = FOLD_DISTANCES.at(-1) ?? 0;
    const sum = FOLD_DISTANCES.reduce((terms, distance) => terms ^ (1n << BigInt(farthest - distance)), 1n << BigInt(farthest));
    assert.equal(remainder(sum, polynomial), 0n);
  });

  it('is the same however the data is cut', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (pieces) => {
      crc.start();
      pieces.forEach((piece) => crc.update(piece));
      assert.equal(crc.digest(), crc.digestOf(Buffer.concat(pieces)));
    }));
  });

  it('keeps several computations apart, one-shot ones in between included', () => {
    const other = Crc64.create();
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

describe('joinCrc64', () => {
  it('joins any two pieces', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      assert.equal(joinCrc64([partOf(a), partOf(b)]), crc.digestOf(Buffer.concat([a, b])));
    }));
  });

  it('joins equal parts and a shorter last one', () => {
    const data = randomBytes(10 * 4096 + 17);
    const parts = Array.from({ length: 11 }, (_, i) => data.subarray(i * 4096, (i + 1) * 4096));
    assert.equal(joinCrc64(parts.map(partOf)), crc.digestOf(data));
  });

  it('takes lengths far beyond 32 bits: runs of zero bytes, doubled and added', () => {
    assert.equal(crcOfZeros(100_003), crc.digestOf(Buffer.alloc(100_003)));
    fc.assert(fc.property(fc.nat(2 ** 30), fc.nat(2 ** 30), (a, b) => {
      const [left, right] = [a * 2 ** 9 + 1, b * 2 ** 9 + 3];
      assert.equal(joinCrc64([zeros(left), zeros(right)]), crcOfZeros(left + right));
    }), { numRuns: 10 });
  });
});

function libraryCrc(data: Uint8Array): bigint {
  return BigInt(`0x${library.init().update(data).digest('hex')}`);
}

/** Schoolbook division over GF(2); bit n is the coefficient of x^n. */
function remainder(dividend: bigint, divisor: bigint): bigint {
  let rest = dividend;
  for (let shift = rest.toString(2).length - divisor.toString(2).length; shift >= 0; shift = rest.toString(2).length - divisor.toString(2).length) {
    rest ^= divisor << BigInt(shift);
  }
  return rest;
}

interface Part {
  readonly crc64: bigint;
  readonly bytes: number;
}

function partOf(data: Uint8Array): Part {
  return { crc64: crc.digestOf(data), bytes: data.length };
}

function zeros(bytes: number): Part {
  return { crc64: crcOfZeros(bytes), bytes };
}

function crcOfZeros(length: number): bigint {
  if (length === 0) {
    return 0n;
  }
  if (length % 2 === 1) {
    return joinCrc64([zeros(length - 1), partOf(Buffer.alloc(1))]);
  }
  const half = zeros(length / 2);
  return joinCrc64([half, half]);
}
