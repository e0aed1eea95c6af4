import assert from 'node:assert/strict';
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { deriveMacKey } from '../../src/crypto/commitment.js';
import { fromBlock, invert, multiply, power, toBlock, ZERO, type FieldElement } from '../../src/crypto/gf128.js';
import { ghashPiece, joinMac, joinTag, PieceGhash, verifyPieces, type DigestedPart, type Piece } from '../../src/crypto/ghash.js';
import { partDigest, partGmac } from '../../src/crypto/part-digest.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { AuthenticationError } from '../../src/errors.js';
import { MAX_PARTS } from '../../src/limits.js';
import { flipBit, testKeys } from './support.js';

const { bytes, start, key } = testKeys(8);
const macKey = deriveMacKey(key(), start);
const element = fc.tuple(fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1))
  .map(([a, b, c, d]): FieldElement => [a * 2 + 1, b * 2, c * 2 + 1, d * 2]);

type OpenedPiece = Piece & DigestedPart;

/** Cuts at multiples of 16, given as block counts, as far as the body reaches; what is left is the last piece. */
function cut(body: Buffer, blockCounts: readonly number[]): OpenedPiece[] {
  let offset = 0;
  const parts: Buffer[] = [];
  for (const size of blockCounts.map((blocks) => 16 * blocks)) {
    if (offset + size <= body.length) {
      parts.push(body.subarray(offset, (offset += size)));
    }
  }
  return [...parts, body.subarray(offset)].map((part, index) => ({
    index,
    state: ghashPiece(key().keyObject, part),
    digest: partDigest(macKey, start, index, part),
    lengthBytes: part.length,
  }));
}

describe('pieces of a GCM stream', () => {
  it('join to the tag and mac of the whole, for any sizes, cuts and AAD, in any order', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 8 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 900 }), cuts, fc.uint8Array({ maxLength: 40 }), (plaintext, blockCounts, aadBytes) => {
      const body = Buffer.from(plaintext);
      const aad = Buffer.from(aadBytes);
      const expected = sealInPlace(key(), start, aad, body);
      const pieces = cut(body, blockCounts);
      assert.deepEqual(joinTag(key(), start, aad, [...pieces].reverse()), expected.tag);
      assert.deepEqual(joinMac(macKey, start, pieces), expected.mac);
      verifyPieces(key(), start, aad, { pieces: [...pieces].reverse(), expected });
    }), { numRuns: 200 });
  });

  it('join to what one-shot node:crypto computes', () => {
    const plaintext = randomBytes(300_007);
    const aad = randomBytes(33);
    const cipher = createCipheriv('aes-256-gcm', bytes, start.nonce, { authTagLength: 16 }).setAAD(aad);
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    assert.deepEqual(joinTag(key(), start, aad, cut(body, [6400, 6400])), cipher.getAuthTag());
  });

  it('are the same when a piece is looked at slice by slice', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 6 }), fc.nat(9999), (slices, index) => {
      const whole = Buffer.concat(slices);
      const [ghash, gmac] = [new PieceGhash(key().keyObject), partGmac(macKey, start, index)];
      slices.forEach((slice) => {
        ghash.update(Buffer.from(slice));
        gmac.update(Buffer.from(slice));
      });
      assert.deepEqual(ghash.digest(), ghashPiece(key().keyObject, whole));
      assert.deepEqual(gmac.digest(), partDigest(macKey, start, index, whole));
    }));
  });

  it('may be none at all for an empty object', () => {
    const aad = Buffer.from('aad');
    const expected = sealInPlace(key(), start, aad, Buffer.alloc(0));
    assert.deepEqual(joinTag(key(), start, aad, []), expected.tag);
    assert.deepEqual(joinMac(macKey, start, []), expected.mac);
  });

  it('come from a GMAC that the whole does not repeat: states under one key are equal for equal bytes alone', () => {
    const piece = randomBytes(64);
    const keyObject = createSecretKey(bytes);
    assert.deepEqual(ghashPiece(keyObject, piece), ghashPiece(structuredClone(keyObject), piece));
    assert.notDeepEqual(ghashPiece(keyObject, piece), ghashPiece(keyObject, flipBit(piece, 7)));
  });
});

describe('joining 10,000 parts', () => {
  it('takes lengths whose bit counts pass 32 bits', () => {
    const part = Buffer.alloc(1_048_576, 3);
    const state = ghashPiece(key().keyObject, part);
    const pieces = Array.from({ length: MAX_PARTS }, (_, index) => ({ index, state, lengthBytes: part.length }));
    const whole = joinTag(key(), start, Buffer.alloc(0), pieces);

    // The same 10 GiB from halves: every second piece is the state of two.
    const double = ghashPiece(key().keyObject, Buffer.concat([part, part]));
    const doubled = Array.from({ length: MAX_PARTS / 2 }, (_, index) => ({ index, state: double, lengthBytes: 2 * part.length }));
    assert.deepEqual(joinTag(key(), start, Buffer.alloc(0), doubled), whole);
    assert.notDeepEqual(joinTag(key(), start, Buffer.alloc(0), doubled.slice(1).map((piece, index) => ({ ...piece, index }))), whole);
  });
});

describe('joining refuses', () => {
  const body = randomBytes(100);
  const pieces = cut(body, [1, 2]);

  it('a second tag under one key', () => {
    const dataKey = key();
    joinTag(dataKey, start, Buffer.alloc(0), pieces);
    assert.throws(() => joinTag(dataKey, start, Buffer.alloc(1), pieces), /seals once/);
  });

  it('a start block of another form', () => {
    assert.throws(() => joinTag(key(), StartBlock.fromBytes(Buffer.alloc(16)), Buffer.alloc(0), pieces), RangeError);
  });

  it('missing and repeated pieces', () => {
    const [first, second, third] = pieces;
    assert.ok(first && second && third);
    for (const wrong of [[first, third], [first, second, second], [second, third]]) {
      assert.throws(() => joinTag(key(), start, Buffer.alloc(0), wrong), RangeError);
    }
  });

  it('a piece inside the object that is no multiple of 16 bytes', () => {
    const uneven = pieces.map((piece) => ({ ...piece, lengthBytes: piece.lengthBytes + 1 }));
    assert.throws(() => joinTag(key(), start, Buffer.alloc(0), uneven), RangeError);
    assert.throws(() => joinMac(macKey, start, uneven), RangeError);
  });
});

describe('verifyPieces', () => {
  const body = randomBytes(100);
  const aad = Buffer.from('aad');
  const expected = sealInPlace(key(), start, aad, body);
  const pieces = cut(body, [1, 2]);

  it('may be asked again: it authenticates nothing new', () => {
    const dataKey = key();
    verifyPieces(dataKey, start, aad, { pieces, expected });
    verifyPieces(dataKey, start, aad, { pieces, expected });
  });

  it('refuses each flipped bit of tag, mac and body, another AAD, and swapped pieces', () => {
    const refused = (opened: { pieces: readonly OpenedPiece[]; expected: typeof expected }, otherAad = aad): void =>
      assert.throws(
        () => verifyPieces(key(), start, otherAad, { ...opened, expected: { ...opened.expected, object: 'k' } }),
        (error: unknown) => error instanceof AuthenticationError && error.object === 'k',
      );
    for (let bit = 0; bit < 128; bit++) {
      refused({ pieces, expected: { ...expected, tag: flipBit(expected.tag, bit) } });
      refused({ pieces, expected: { ...expected, mac: flipBit(expected.mac, bit) } });
      refused({ pieces: cut(flipBit(body, bit), [1, 2]), expected });
    }
    refused({ pieces, expected }, Buffer.from('aae'));
    refused({ pieces: cut(Buffer.concat([body.subarray(16, 48), body.subarray(0, 16), body.subarray(48)]), [2, 1]), expected });
  });
});

describe('partDigest', () => {
  it('is the GMAC under R8 and the part number', () => {
    const part = randomBytes(100);
    const iv = Buffer.concat([start.nonce.subarray(0, 8), Buffer.from('00000003', 'hex')]);
    const cipher = createCipheriv('aes-256-gcm', macKey, iv, { authTagLength: 16 }).setAAD(part);
    cipher.final();
    assert.deepEqual(partDigest(macKey, start, 2, part), cipher.getAuthTag());
  });

  it('differs by part number', () => {
    const part = Buffer.alloc(16);
    assert.equal(new Set([0, 1, 2, 9999].map((index) => partDigest(macKey, start, index, part).toString('hex'))).size, 4);
  });

  it('refuses what is no index', () => {
    for (const index of [-1, 0.5, NaN, 2 ** 32 - 1]) {
      assert.throws(() => partDigest(macKey, start, index, Buffer.alloc(1)), RangeError);
    }
  });
});

describe('GF(2^128)', () => {
  const one: FieldElement = [0x80000000, 0, 0, 0];

  it('is a field', () => {
    fc.assert(fc.property(element, element, element, (a, b, c) => {
      assert.deepEqual(multiply(a, b), multiply(b, a));
      assert.deepEqual(multiply(multiply(a, b), c), multiply(a, multiply(b, c)));
      assert.deepEqual(multiply(a, one), a);
      assert.deepEqual(multiply(a, invert(a)), one);
      assert.deepEqual(multiply(a, ZERO), ZERO);
    }));
  });

  it('raises to powers', () => {
    fc.assert(fc.property(element, fc.nat(40), (a, exponent) => {
      assert.deepEqual(power(a, exponent), Array<FieldElement>(exponent).fill(a).reduce(multiply, one));
    }));
    const [a] = fc.sample(element, 1);
    assert.ok(a);
    assert.deepEqual(power(a, 2 ** 33), multiply(power(a, 2 ** 33 - 1), a));
  });

  it('multiplies the example of the GCM specification, test case 2', () => {
    const h = fromBlock(Buffer.from('66e94bd4ef8a2c3b884cfa59ca342b2e', 'hex'));
    const c = fromBlock(Buffer.from('0388dace60b6a392f328c2b971b2fe78', 'hex'));
    assert.equal(toBlock(multiply(c, h)).toString('hex'), '5e2ec746917062882c85b0685353deb7');
  });
});
