import { readSync } from 'node:fs';
import { CtrStream } from '../../crypto/ctr.js';
import { SealiftError } from '../../errors.js';
import { readFailure } from '../../files/errno.js';
import { SLICE_BYTES } from '../../limits.js';
import type { Piece, PieceSource } from '../jobs.js';
import type { PieceKeys } from '../piece-proof.js';
import { sourceOf } from '../source-of.js';
import type { Ports } from '../threads/ports.js';

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
 * @returns the CRC-64 of the ciphertext, where all of it is in the slab now
 * @throws SealiftError `unstable` when the source is not what it was, or whatever reading it says
 */
export async function sealSlices({ source, piece, keys, see }: Sealing, slab: Buffer, ports: Ports): Promise<bigint | undefined> {
  const ctr = new CtrStream(keys.dataKey, keys.start, piece.offset);
  return await reading(source, ports, (readAt) => {
    const crc = slab.length === piece.bytes ? ports.crc64.start() : undefined;
    for (let at = 0; at < piece.bytes; at += SLICE_BYTES) {
      const begin = at % slab.length;
      const slice = slab.subarray(begin, begin + Math.min(SLICE_BYTES, piece.bytes - at));
      readAt(slice, piece.offset + at);
      ctr.apply(slice);
      see(slice);
      crc?.update(slice);
    }
    return crc?.digest();
  });
}

type ReadAt = (into: Buffer, position: number) => void;

/** `work` is not interrupted by anything else that this thread does. */
async function reading<T>(source: PieceSource, ports: Ports, work: (readAt: ReadAt) => T): Promise<T> {
  if (source.kind === 'descriptor') {
    return work((into, position) => readFully(source.fd, into, position));
  }
  const file = await sourceOf(ports.context, source.path, source.stat);
  try {
    const result = work((into, position) => file.readAt(into, position));
    file.assertUnchanged();
    return result;
  } finally {
    file.close();
  }
}

function readFully(fd: number, into: Buffer, position: number): void {
  for (let filled = 0; filled < into.length; ) {
    const count = readSome(fd, into.subarray(filled), position + filled);
    if (count === 0) {
      throw new SealiftError('unstable', 'a file became shorter while it was read');
    }
    filled += count;
  }
}

function readSome(fd: number, into: Buffer, position: number): number {
  try {
    return readSync(fd, into, 0, into.length, position);
  } catch (error) {
    throw readFailure(error, 'an open file');
  }
}
