import { readSync } from 'node:fs';
import { CtrStream } from '../crypto/ctr.js';
import { SealiftError } from '../errors.js';
import { readFailure } from '../files/errno.js';
import { SLICE_BYTES } from '../limits.js';
import type { Piece, PieceSource } from './jobs.js';
import type { PieceKeys } from './piece-proof.js';
import type { Ports } from './ports.js';
import { sourceOf } from './source-of.js';

export interface Sealing {
  readonly source: PieceSource;
  readonly piece: Piece;
  readonly keys: PieceKeys;
  /** Looks at the ciphertext, slice by slice. */
  readonly see: (ciphertext: Buffer) => unknown;
}

/**
 * Reads a piece, seals it by CTR and shows the ciphertext, a slice at a time, so that every byte comes from memory once.
 * In a slab that is shorter than the piece each round overwrites the one before.
 *
 * @throws SealiftError `unstable` when the source is not what it was, or whatever reading it says
 */
export async function sealSlices({ source, piece, keys, see }: Sealing, slab: Buffer, ports: Ports): Promise<void> {
  const ctr = new CtrStream(keys.dataKey, keys.start, piece.offset);
  await reading(source, ports, (readAt) => {
    for (let at = 0; at < piece.bytes; at += SLICE_BYTES) {
      const begin = at % slab.length;
      const slice = slab.subarray(begin, begin + Math.min(SLICE_BYTES, piece.bytes - at));
      readAt(slice, piece.offset + at);
      ctr.apply(slice);
      see(slice);
    }
  });
}

type ReadAt = (into: Buffer, position: number) => void;

async function reading(source: PieceSource, ports: Ports, work: (readAt: ReadAt) => void): Promise<void> {
  if (source.kind === 'descriptor') {
    work((into, position) => readFully(source.fd, into, position));
    return;
  }
  const file = await sourceOf(ports.context, source.path, source.stat);
  try {
    work((into, position) => file.readAt(into, position));
    file.assertUnchanged();
  } finally {
    file.close();
  }
}

function readFully(fd: number, into: Buffer, position: number): void {
  for (let filled = 0; filled < into.length; ) {
    const count = readSome(fd, into.subarray(filled), position + filled);
    if (count === 0) {
      throw new SealiftError('unstable', 'a temporary file is shorter than what was written to it');
    }
    filled += count;
  }
}

function readSome(fd: number, into: Buffer, position: number): number {
  try {
    return readSync(fd, into, 0, into.length, position);
  } catch (error) {
    throw readFailure(error, 'a temporary file');
  }
}
