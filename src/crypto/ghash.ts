import { createCipheriv, type KeyObject } from 'node:crypto';
import { BLOCK_BYTES, NONCE_BYTES } from '../limits.js';
import { deriveMacKey, equalBytes } from './commitment.js';
import type { DataKey } from './data-key.js';
import { add, fromBlock, invert, multiply, power, toBlock, ZERO, type FieldElement } from './gf128.js';
import { Gmac } from './gmac.js';
import { authenticationFailed, type Expected } from './open.js';
import { partIv } from './part-digest.js';
import { assertSealedForm } from './seal.js';
import type { StartBlock } from './start-block.js';

/**
 * One GCM stream computed in pieces, on several threads, in any order. GHASH is a polynomial in the hash key H, so the
 * states of pieces join by multiplication with powers of H. A piece's state comes from node:crypto at full speed: it is
 * the GMAC of the piece with the mask E(J0) and the length block taken off again.
 *
 * States and hash keys are secrets: with the ciphertext they give the authentication key away. They stay in memory.
 */
export interface Piece {
  /** From 0, without gaps. */
  readonly index: number;
  /** The answer of {@link ghashPiece}. */
  readonly state: Buffer;
  /** A multiple of 16, the last piece excepted. */
  readonly lengthBytes: number;
}

/** A part whose digest is {@link partDigest}, in the order of the object. */
export interface DigestedPart {
  readonly digest: Buffer;
  /** A multiple of 16, the last part excepted. */
  readonly lengthBytes: number;
}

interface Term {
  readonly state: FieldElement;
  readonly lengthBytes: number;
}

/** The 16-byte GHASH state of one piece of ciphertext under the data key. */
export function ghashPiece(key: KeyObject, ciphertext: Buffer): Buffer {
  return new PieceGhash(key).update(ciphertext).digest();
}

/** The same for a piece that is looked at slice by slice. */
export class PieceGhash {
  readonly #key: KeyObject;
  readonly #gmac: Gmac;
  #lengthBytes = 0;

  constructor(key: KeyObject) {
    this.#key = key;
    this.#gmac = new Gmac(key, SCRATCH_IV);
  }

  update(ciphertext: Buffer): this {
    this.#gmac.update(ciphertext);
    this.#lengthBytes += ciphertext.length;
    return this;
  }

  /** Ends the computation. */
  digest(): Buffer {
    const hashKey = GhashKey.of(this.#key);
    return toBlock(hashKey.unmask(fromBlock(this.#gmac.digest()), hashKey.scratchMask, this.#lengthBytes));
  }
}

/**
 * The GCM tag of the object that the pieces make up, in any order. Counts as the one seal of the key.
 * @throws RangeError when a piece is missing or a piece other than the last is no multiple of 16 bytes
 */
export function joinTag(key: DataKey, start: StartBlock, aad: Buffer, pieces: readonly Piece[]): Buffer {
  assertSealedForm(start);
  key.claimSeal();
  return tagOf(key, start, aad, pieces);
}

/**
 * The mac of the whole object from the digests of its parts alone.
 * @throws RangeError when a part other than the last is no multiple of 16 bytes
 */
export function joinMac(macKey: Buffer, start: StartBlock, parts: readonly DigestedPart[]): Buffer {
  const hashKey = GhashKey.of(macKey);
  const masks = encryptBlocks(macKey, Buffer.concat([
    firstCounter(start.nonce), ...parts.map((_, index) => firstCounter(partIv(start, index))),
  ]));
  const terms = parts.map(({ digest, lengthBytes }, index) => {
    const mask = fromBlock(masks, (index + 1) * BLOCK_BYTES);
    return { state: hashKey.unmask(fromBlock(digest), mask, lengthBytes), lengthBytes };
  });
  const lengths = lengthBlock(totalBytes(terms), 0);
  return toBlock(add(hashKey.finish(hashKey.join(terms), lengths), fromBlock(masks)));
}

/** What a reader knows of an object that several threads have opened. */
export interface OpenedPieces {
  /** Each with its part digest, part i being piece i. */
  readonly pieces: readonly (Piece & { readonly digest: Buffer })[];
  readonly expected: Expected;
}

/** The last check of a body that was opened in pieces. @throws AuthenticationError unless tag and mac fit */
export function verifyPieces(key: DataKey, start: StartBlock, aad: Buffer, { pieces, expected }: OpenedPieces): void {
  const tag = tagOf(key, start, aad, pieces);
  const mac = joinMac(deriveMacKey(key, start), start, inOrder(pieces));
  if (!equalBytes(tag, expected.tag) || !equalBytes(mac, expected.mac)) {
    throw authenticationFailed(expected.object);
  }
}

function tagOf(key: DataKey, start: StartBlock, aad: Buffer, pieces: readonly Piece[]): Buffer {
  const hashKey = GhashKey.of(key.keyObject);
  const terms = inOrder(pieces).map(({ state, lengthBytes }) => ({ state: fromBlock(state), lengthBytes }));
  const padding = Buffer.alloc((BLOCK_BYTES - (aad.length % BLOCK_BYTES)) % BLOCK_BYTES);
  const prefix = Buffer.concat([aad, padding]);
  const prefixTerm = { state: fromBlock(ghashPiece(key.keyObject, prefix)), lengthBytes: prefix.length };
  const hash = hashKey.finish(hashKey.join([prefixTerm, ...terms]), lengthBlock(aad.length, totalBytes(terms)));
  return toBlock(add(hash, fromBlock(encryptBlocks(key.keyObject, firstCounter(start.nonce)))));
}

function inOrder<P extends Piece>(pieces: readonly P[]): P[] {
  const sorted = pieces.toSorted((a, b) => a.index - b.index);
  if (sorted.some(({ index }, position) => index !== position)) {
    throw new RangeError('pieces must be numbered from 0 without gaps or repetitions');
  }
  return sorted;
}

/** No nonce of ours is zero in its random half but by chance, and nothing made under this one ever leaves. */
const SCRATCH_IV = Buffer.alloc(NONCE_BYTES);

/** The hash key H = E(0) and what follows from it; kept as long as the object that holds the key lives. */
class GhashKey {
  static readonly #known = new WeakMap<KeyObject | Buffer, GhashKey>();
  readonly #h: FieldElement;
  readonly #inverse: FieldElement;
  readonly #powers = new Map<number, FieldElement>();
  readonly scratchMask: FieldElement;

  private constructor(key: KeyObject | Buffer) {
    const blocks = encryptBlocks(key, Buffer.concat([Buffer.alloc(BLOCK_BYTES), firstCounter(SCRATCH_IV)]));
    this.#h = fromBlock(blocks);
    this.#inverse = invert(this.#h);
    this.scratchMask = fromBlock(blocks, BLOCK_BYTES);
    blocks.fill(0);
  }

  static of(key: KeyObject | Buffer): GhashKey {
    const known = this.#known.get(key) ?? new GhashKey(key);
    this.#known.set(key, known);
    return known;
  }

  /** From a GMAC back to the state before its length block. */
  unmask(tag: FieldElement, mask: FieldElement, lengthBytes: number): FieldElement {
    return add(multiply(add(tag, mask), this.#inverse), lengthBlock(lengthBytes, 0));
  }

  join(terms: readonly Term[]): FieldElement {
    if (terms.slice(0, -1).some(({ lengthBytes }) => lengthBytes % BLOCK_BYTES !== 0)) {
      throw new RangeError(`every piece but the last is a multiple of ${BLOCK_BYTES} bytes`);
    }
    return terms.reduce(
      (hash, { state, lengthBytes }) => add(multiply(hash, this.#power(Math.ceil(lengthBytes / BLOCK_BYTES))), state),
      ZERO,
    );
  }

  finish(hash: FieldElement, lengths: FieldElement): FieldElement {
    return multiply(add(hash, lengths), this.#h);
  }

  #power(blocks: number): FieldElement {
    const known = this.#powers.get(blocks) ?? power(this.#h, blocks);
    this.#powers.set(blocks, known);
    return known;
  }
}

function encryptBlocks(key: KeyObject | Buffer, blocks: Buffer): Buffer {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(blocks);
}

/** J0: the counter block whose encryption masks the tag. */
function firstCounter(iv: Buffer): Buffer {
  return Buffer.concat([iv, Buffer.of(0, 0, 0, 1)]);
}

/** Two 64-bit counts of bits. */
function lengthBlock(aadBytes: number, ciphertextBytes: number): FieldElement {
  return [Math.floor(aadBytes / 2 ** 29), (aadBytes * 8) >>> 0, Math.floor(ciphertextBytes / 2 ** 29), (ciphertextBytes * 8) >>> 0];
}

function totalBytes(terms: readonly Term[]): number {
  return terms.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}
