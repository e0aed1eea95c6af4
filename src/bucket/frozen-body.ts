import { createHash, timingSafeEqual, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { deriveMacKey } from '../crypto/commitment.js';
import { applyCtr } from '../crypto/ctr.js';
import { partDigest } from '../crypto/part-digest.js';
import { SealiftError } from '../errors.js';
import { MAX_PLAINTEXT_BYTES } from '../limits.js';
import type { Piece, PieceProof } from '../run/jobs.js';
import { cut } from '../run/large-file.js';
import { proofOf, type PieceKeys } from '../run/piece-proof.js';
import type { Slabs } from '../run/threads/slabs.js';
import type { Spool } from './spool.js';

/** Plaintext that can be read twice, such as a file. */
export interface PlainSource {
  readonly sizeBytes: number;
  /** Fills `into`. */
  readAt(into: Buffer, position: number): void;
  /** Fills `into`, which is as large as all of it. @throws SealiftError `unstable` when there is more, or it changes meanwhile. */
  readAll(into: Buffer): void;
  /** @throws SealiftError `unstable` when it is not what it was at the beginning. */
  assertUnchanged(): void;
}

/**
 * A body after pass 1. Its ciphertext is settled: a piece that comes out otherwise is refused before anybody sees it,
 * because two plaintexts under one keystream would give both away.
 */
export class FrozenBody {
  readonly sizeBytes: number;
  readonly pieces: readonly Piece[];
  readonly proofs: readonly PieceProof[];
  /** Base64, when it was asked for. */
  readonly md5: string | undefined;
  readonly #keys: PieceKeys;
  readonly #read: (into: Buffer, piece: Piece) => Promise<void> | void;

  constructor(keys: PieceKeys, scanned: Scanned, read: (into: Buffer, piece: Piece) => Promise<void> | void) {
    this.#keys = keys;
    this.sizeBytes = scanned.sizeBytes;
    this.pieces = scanned.pieces;
    this.proofs = scanned.proofs;
    this.md5 = scanned.md5;
    this.#read = read;
  }

  /** Fills `into` with the ciphertext of one piece. @throws SealiftError `unstable` unless it is what pass 1 saw. */
  async read(into: Buffer, piece: Piece): Promise<void> {
    await this.#read(into, piece);
    const { dataKey, start } = this.#keys;
    const digest = partDigest(deriveMacKey(dataKey, start), start, piece.index, into);
    if (!timingSafeEqual(digest, this.proofs[piece.index]?.digest ?? new Uint8Array(digest.length))) {
      throw unstable();
    }
  }
}

export interface Scanned {
  readonly sizeBytes: number;
  readonly pieces: readonly Piece[];
  readonly proofs: readonly PieceProof[];
  readonly md5: string | undefined;
}

/** Pass 1 over plaintext that is read again for pass 2: nothing is kept but what authenticates it. */
export async function freezeSource(
  source: PlainSource, keys: PieceKeys, { pieceBytes, slabs, withMd5 }: { pieceBytes: number; slabs: Slabs; withMd5: boolean },
): Promise<FrozenBody> {
  const md5 = withMd5 ? createHash('md5') : undefined;
  const pieces = cut(source.sizeBytes, pieceBytes);
  const proofs: PieceProof[] = [];
  const slab = slabs.take(pieceBytes);
  const read = (into: Buffer, piece: Piece): void => {
    source.readAt(into, piece.offset);
    applyCtr(keys.dataKey, keys.start, piece.offset, into);
  };
  try {
    for (const piece of pieces) {
      const view = slab.subarray(0, piece.bytes);
      source.readAt(view, piece.offset);
      md5?.update(view);
      applyCtr(keys.dataKey, keys.start, piece.offset, view);
      proofs.push(proofOf(piece, view, keys));
      await setImmediate();
    }
  } finally {
    slabs.give(slab);
  }
  source.assertUnchanged();
  return new FrozenBody(keys, { sizeBytes: source.sizeBytes, pieces, proofs, md5: md5?.digest('base64') }, read);
}

/**
 * Pass 1 over plaintext that comes only once: it is sealed as it comes, under the key of its object, and the ciphertext
 * waits on disk. There is no second sealing, so nothing of the plaintext is ever written anywhere.
 */
export class SpooledBody {
  readonly #keys: PieceKeys;
  readonly #spool: Spool;
  readonly #md5: Hash | undefined;
  readonly #pieces: Piece[] = [];
  readonly #proofs: PieceProof[] = [];
  #sizeBytes = 0;

  constructor(keys: PieceKeys, spool: Spool, withMd5: boolean) {
    this.#keys = keys;
    this.#spool = spool;
    this.#md5 = withMd5 ? createHash('md5') : undefined;
  }

  /** The next piece, sealed within its buffer. All but the last have the same size. */
  async add(plaintext: Buffer): Promise<void> {
    const piece = { index: this.#pieces.length, offset: this.#sizeBytes, bytes: plaintext.length };
    refuseTooLarge(piece.offset + piece.bytes);
    this.#md5?.update(plaintext);
    applyCtr(this.#keys.dataKey, this.#keys.start, piece.offset, plaintext);
    this.#proofs.push(proofOf(piece, plaintext, this.#keys));
    this.#pieces.push(piece);
    this.#sizeBytes += piece.bytes;
    await this.#spool.write(plaintext, piece.offset);
  }

  freeze(): FrozenBody {
    const scanned = { sizeBytes: this.#sizeBytes, pieces: this.#pieces, proofs: this.#proofs, md5: this.#md5?.digest('base64') };
    return new FrozenBody(this.#keys, scanned, (into, piece) => this.#spool.read(into, piece.offset));
  }
}

/** @throws SealiftError `too-large` */
export function refuseTooLarge(sizeBytes: number): void {
  if (sizeBytes > MAX_PLAINTEXT_BYTES) {
    throw new SealiftError('too-large', `the content has ${sizeBytes} bytes or more; AES-GCM seals at most ${MAX_PLAINTEXT_BYTES} (64 GiB − 32) under one key`, {
      remedy: 'Split it into several objects.',
    });
  }
}

function unstable(): SealiftError {
  return new SealiftError('unstable', 'the content changed between its first reading and its second', { remedy: 'Try again when nothing writes to it.' });
}
