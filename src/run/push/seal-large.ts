import { wrapForResume } from '../../crypto/resume-key.js';
import type { Budget } from '../budget.js';
import { partBytesFor } from '../effective.js';
import type { IssuedKeys, Piece, PieceProof, PushItem, SealKeys } from '../jobs.js';
import { cut, scanPieces } from '../large-file.js';
import { joinProofs, type PieceKeys } from '../piece-proof.js';
import { valueOf } from '../result.js';
import { sealedHeaders, sealingFacts, type SealedHeaders } from '../sealing.js';
import { withKeys } from '../threads/with-keys.js';
import type { FileStat } from '../types.js';
import type { PushScene } from './push-scene.js';
import type { SealedUpload } from './sealed-upload.js';
import type { HeldPieces, Shelf } from './shelf.js';

/** What pass 1 takes besides. */
export interface SealScene extends PushScene {
  /** Held by the one file that is in pass 1. */
  readonly scanning: Budget;
  /** Where it leaves its pieces, while there is room. */
  readonly shelf: Shelf;
}

/**
 * Pass 1, its record, and the right to send: after this the bytes of the object are frozen. One file at a time, on all
 * threads, while others are being sent. Pieces of what fits the memory stay there sealed, so that they are read once only,
 * as far as memory costs less than that.
 */
export async function sealLarge(item: PushItem, stat: FileStat, attempt: number, scene: SealScene): Promise<SealedUpload> {
  const partBytes = partBytesFor(stat.sizeBytes, scene.bounds.partBytes);
  const pieces = cut(stat.sizeBytes, partBytes);
  return await scene.scanning.with(1, async () => {
    const held = await scene.shelf.open(pieces);
    try {
      const issued = valueOf(await scene.pool.run({ kind: 'issue' }));
      const proofs = await scan(item, stat, { issued, pieces, held }, scene);
      const headers = await withKeys(issued.keys, (keys) => headersOf(item, stat, { keys, issued, proofs, partBytes }, scene));
      const digests = Buffer.concat(proofs.map(({ digest }) => digest));
      await record(item, { stat, headers, keys: issued.keys, partBytes, digests, attempt }, scene);
      return { stat, keys: issued.keys, pieces, digests, headers, held, crc64s: proofs.map(({ crc64 }) => crc64), uploadId: undefined, confirmed: new Map(), present: new Map() };
    } catch (error) {
      held.release();
      throw error;
    }
  });
}

async function scan(
  item: PushItem, stat: FileStat, { issued, pieces, held }: { issued: IssuedKeys; pieces: readonly Piece[]; held: HeldPieces }, scene: PushScene,
): Promise<PieceProof[]> {
  const source = { kind: 'path', path: item.path, stat } as const;
  return await scanPieces({ keys: issued.keys, source }, pieces, { ...scene, keep: held.filling() });
}

interface Scanned {
  readonly keys: PieceKeys;
  readonly issued: IssuedKeys;
  readonly proofs: readonly PieceProof[];
  readonly partBytes: number;
}

function headersOf(
  item: PushItem, stat: FileStat, { keys, issued, proofs, partBytes }: Scanned, { ports }: PushScene,
): SealedHeaders {
  const { wrappedKey, wrappedStart } = issued;
  const facts = sealingFacts(item.key, stat);
  const proof = joinProofs(keys, facts.aad, proofs);
  const { wrapAlgorithm } = ports.wrapper();
  const { materialDescription, context: { family } } = ports;
  const { dataKey, start: startBlock } = keys;
  return sealedHeaders(facts, { family, wrapAlgorithm, dataKey, startBlock, wrappedKey, wrappedStart, materialDescription }, proof, { multipartBytes: partBytes });
}

interface Sealing {
  readonly stat: FileStat;
  readonly headers: SealedHeaders;
  readonly keys: SealKeys;
  readonly partBytes: number;
  readonly digests: Buffer;
  readonly attempt: number;
}

async function record(item: PushItem, { headers, keys, ...sealing }: Sealing, { manifest, ports, resumeSecret }: PushScene): Promise<void> {
  const { metadata, commitment } = headers;
  const recoverable = ports.wrapper().canUnwrap;
  const resumeKey = resumeSecret === undefined ? {} : {
    resumeKey: await withKeys(keys, ({ dataKey, start: startBlock }) => wrapForResume(resumeSecret, { dataKey, startBlock }, commitment)),
  };
  await manifest.sealed({ id: item.id, metadata, recoverable, ...resumeKey, ...sealing });
}
