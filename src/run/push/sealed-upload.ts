import type { Piece, SealKeys, SentPart } from '../jobs.js';
import type { SealedHeaders } from '../sealing.js';
import type { FileStat } from '../types.js';
import type { HeldPieces } from './shelf.js';

/** A large file after pass 1: its bytes and headers are frozen, only sending is left. */
export interface SealedUpload {
  readonly stat: FileStat;
  readonly keys: SealKeys;
  readonly pieces: readonly Piece[];
  /** Part digests, 16 bytes each, in order. */
  readonly digests: Buffer;
  readonly headers: SealedHeaders;
  /** CRC-64s by part, as far as pass 1 knows them: of those that are held, and perhaps of others. */
  readonly crc64s: readonly (bigint | undefined)[];
  /** What pass 1 has left of the ciphertext; every other part is sealed again from a fresh read. */
  readonly held: HeldPieces;
  uploadId: string | undefined;
  /** Parts that the server has and that need not be sent, by number (from 1). */
  readonly confirmed: Map<number, SentPart>;
  /** ETags of parts that the server lists but no record confirms, by number: checked before anything is sent. */
  readonly present: ReadonlyMap<number, string>;
}
