import { fetchInto } from '../run/fetch-into.js';
import type { Piece, PieceProof } from '../run/jobs.js';
import { cut, onEveryPiece } from '../run/large-file.js';
import { proofOf, verifyProofs, type PieceKeys } from '../run/piece-proof.js';
import type { BucketPorts } from './bucket-ports.js';
import { stopIfAborted } from './chunks.js';
import { FrozenBody } from './frozen-body.js';
import type { Opened } from './opened.js';
import type { ObjectProgress, OperationOptions } from './options.js';
import { Spool } from './spool.js';

export interface FetchOptions extends OperationOptions {
  readonly onProgress?: ((progress: ObjectProgress) => void) | undefined;
}

export type PieceSink = (piece: Piece, ciphertext: Buffer) => Promise<void> | void;

/** Ciphertext of a verified object in a temporary file. */
export interface Spooled {
  readonly body: FrozenBody;
  readonly keys: PieceKeys;
  readonly spool: Spool;
}

/**
 * Hands every piece of the ciphertext to `sink`, in any order, as many at once as the budget admits; the buffer is the
 * sink's until it answers. Resolves when the object as a whole is verified.
 *
 * @throws AuthenticationError: whatever the sink has made of it has to go.
 */
export async function fetchPieces(object: Opened, sink: PieceSink, options: FetchOptions, ports: BucketPorts): Promise<{ pieces: Piece[]; proofs: PieceProof[] }> {
  const { name, head, opened: { sealed } } = object;
  const keys = keysOf(object);
  const pieces = cut(head.sizeBytes, ports.bounds.partBytes);
  const proofs: PieceProof[] = [];
  let movedBytes = 0;
  await onEveryPiece(pieces, ports.memory, async (piece) => {
    stopIfAborted(name, options.signal);
    proofs[piece.index] = await fetchPiece(object, piece, { sink, signal: options.signal }, ports);
    movedBytes += piece.bytes;
    options.onProgress?.({ movedBytes, totalBytes: head.sizeBytes });
  });
  if (sealed !== undefined) {
    verifyProofs(keys, sealed.aad, proofs, { ...sealed.authentication, object: name });
  }
  return { pieces, proofs };
}

/** For an object that does not fit in memory. What comes back is checked again, piece by piece, when it is read from disk. */
export async function spoolCiphertext(object: Opened, options: FetchOptions, ports: BucketPorts): Promise<Spooled> {
  const spool = await Spool.create(ports.temporaryDirectory);
  try {
    const scanned = await fetchPieces(object, (piece, ciphertext) => spool.write(ciphertext, piece.offset), options, ports);
    const keys = keysOf(object);
    const read = (into: Buffer, piece: Piece): Promise<void> => spool.read(into, piece.offset);
    return { body: new FrozenBody(keys, { ...scanned, sizeBytes: object.head.sizeBytes, md5: undefined }, read), keys, spool };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

async function fetchPiece(
  object: Opened, piece: Piece, { sink, signal }: { sink: PieceSink; signal: AbortSignal | undefined }, { store, slabs }: BucketPorts,
): Promise<PieceProof> {
  const { name, head } = object;
  const slab = slabs.take(piece.bytes);
  try {
    await fetchInto(store, { key: name, etag: head.etag, offset: piece.offset, signal }, slab);
    const proof = proofOf(piece, slab, keysOf(object));
    await sink(piece, slab);
    return proof;
  } finally {
    slabs.give(slab);
  }
}

function keysOf({ opened: { keys } }: Opened): PieceKeys {
  return { dataKey: keys.dataKey, start: keys.startBlock };
}
