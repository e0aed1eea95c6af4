import { deriveMacKey, type Authenticators } from '../crypto/commitment.js';
import type { DataKey } from '../crypto/data-key.js';
import { joinMac, joinTag, PieceGhash, verifyPieces, type DigestedPart } from '../crypto/ghash.js';
import type { Gmac } from '../crypto/gmac.js';
import type { Expected } from '../crypto/open.js';
import { partGmac } from '../crypto/part-digest.js';
import type { StartBlock } from '../crypto/start-block.js';
import type { Piece, PieceProof } from './jobs.js';

/** What a piece is sealed or opened with. */
export interface PieceKeys {
  readonly dataKey: DataKey;
  readonly start: StartBlock;
}

/** What authenticates one piece of ciphertext; joined with its neighbours it authenticates the object. */
export function proofOf(piece: Piece, ciphertext: Buffer, keys: PieceKeys): PieceProof {
  return new PieceProver(piece, keys).update(ciphertext).proof();
}

/** The same for a piece that is looked at slice by slice. */
export class PieceProver {
  readonly #piece: Piece;
  readonly #digest: Gmac;
  readonly #ghash: PieceGhash;

  constructor(piece: Piece, { dataKey, start }: PieceKeys) {
    this.#piece = piece;
    this.#digest = partGmac(deriveMacKey(dataKey, start), start, piece.index);
    this.#ghash = new PieceGhash(dataKey.keyObject);
  }

  update(ciphertext: Buffer): this {
    this.#digest.update(ciphertext);
    this.#ghash.update(ciphertext);
    return this;
  }

  /** Ends the computation. */
  proof(): PieceProof {
    const { index, bytes } = this.#piece;
    return { index, bytes, digest: this.#digest.digest(), ghash: this.#ghash.digest() };
  }
}

/** Tag and mac of the whole. Counts as the one seal of the data key. */
export function joinProofs({ dataKey, start }: PieceKeys, aad: Buffer, proofs: readonly PieceProof[]): Authenticators {
  return {
    tag: joinTag(dataKey, start, aad, proofs.map(({ index, ghash, bytes }) => ({ index, state: Buffer.from(ghash), lengthBytes: bytes }))),
    mac: joinMac(deriveMacKey(dataKey, start), start, digestsOf(proofs)),
  };
}

/** What the mac of the whole is made of. */
export function digestsOf(proofs: readonly PieceProof[]): DigestedPart[] {
  return proofs.map(({ digest, bytes }) => ({ digest: Buffer.from(digest), lengthBytes: bytes }));
}

/** @throws AuthenticationError unless the pieces, in any order, are the whole body that tag and mac were made of. */
export function verifyProofs({ dataKey, start }: PieceKeys, aad: Buffer, proofs: readonly PieceProof[], expected: Expected): void {
  const pieces = proofs.map(({ index, bytes, ghash, digest }) => ({
    index, lengthBytes: bytes, state: Buffer.from(ghash), digest: Buffer.from(digest),
  }));
  verifyPieces(dataKey, start, aad, { pieces, expected });
}
