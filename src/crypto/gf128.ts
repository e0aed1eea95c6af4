import { BLOCK_BYTES } from '../limits.js';

/** An element of GHASH's field GF(2^128): four big-endian words; the top bit of the first is the coefficient of x^0. */
export type FieldElement = readonly [number, number, number, number];

export const ZERO: FieldElement = [0, 0, 0, 0];
const ONE: FieldElement = [0x80000000, 0, 0, 0];
/** x^128 reduced: 1 + x + x^2 + x^7 (SP 800-38D, 6.3). */
const REDUCTION = 0xe1000000;

export function add(x: FieldElement, y: FieldElement): FieldElement {
  return [(x[0] ^ y[0]) >>> 0, (x[1] ^ y[1]) >>> 0, (x[2] ^ y[2]) >>> 0, (x[3] ^ y[3]) >>> 0];
}

/** Bit by bit with masks instead of branches, about a microsecond: it runs once per piece, not once per block. */
export function multiply(x: FieldElement, y: FieldElement): FieldElement {
  let [z0, z1, z2, z3] = ZERO;
  let [v0, v1, v2, v3] = y;
  for (const word of x) {
    for (let bit = 31; bit >= 0; bit--) {
      const mask = -((word >>> bit) & 1);
      z0 ^= v0 & mask;
      z1 ^= v1 & mask;
      z2 ^= v2 & mask;
      z3 ^= v3 & mask;
      const carry = -(v3 & 1) & REDUCTION;
      v3 = (v3 >>> 1) | (v2 << 31);
      v2 = (v2 >>> 1) | (v1 << 31);
      v1 = (v1 >>> 1) | (v0 << 31);
      v0 = (v0 >>> 1) ^ carry;
    }
  }
  return [z0 >>> 0, z1 >>> 0, z2 >>> 0, z3 >>> 0];
}

/** @param exponent - a non-negative safe integer */
export function power(base: FieldElement, exponent: number): FieldElement {
  let result = ONE;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      result = multiply(result, square);
    }
    square = multiply(square, square);
  }
  return result;
}

/** x^(2^128 − 2) by a chain of half the multiplications (Itoh, Tsujii 1988); zero stays zero. */
export function invert(x: FieldElement): FieldElement {
  let run = x;
  // Here run = x^(2^k − 1); each round makes 2k + 1 of k.
  for (let k = 1; k < 127; k = 2 * k + 1) {
    const doubled = multiply(squared(run, k), run);
    run = multiply(squared(doubled, 1), x);
  }
  return squared(run, 1);
}

function squared(x: FieldElement, times: number): FieldElement {
  let square = x;
  for (let count = 0; count < times; count += 1) {
    square = multiply(square, square);
  }
  return square;
}

/** Reads the 16 bytes at `offset`. */
export function fromBlock(block: Buffer, offset = 0): FieldElement {
  return [
    block.readUInt32BE(offset), block.readUInt32BE(offset + 4), block.readUInt32BE(offset + 8), block.readUInt32BE(offset + 12),
  ];
}

export function toBlock(x: FieldElement): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  x.forEach((word, index) => block.writeUInt32BE(word, 4 * index));
  return block;
}
