import type { Piece, PieceProof, ScanJob } from './jobs.js';
import { valueOf } from './result.js';
import type { Budget } from './budget.js';
import type { Pool } from './pool.js';

/** Where the pieces of a large file are worked on, and what bounds them. */
export interface Workshop {
  readonly pool: Pool;
  /** Bytes of all buffers of the run. */
  readonly memory: Budget;
}

/** Cuts `sizeBytes` into equal pieces; the last one may be shorter. */
export function cut(sizeBytes: number, pieceBytes: number): Piece[] {
  const count = Math.ceil(sizeBytes / pieceBytes);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * pieceBytes;
    return { index, offset, bytes: Math.min(pieceBytes, sizeBytes - offset) };
  });
}

/**
 * Runs `work` on every piece, as many at once as the memory budget admits. After the first failure no further piece is
 * begun, those under way are awaited, and the failure is thrown: nothing works on the file any more when this returns.
 */
export async function onEveryPiece(pieces: readonly Piece[], memory: Budget, work: (piece: Piece) => Promise<void>): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const inBudget = async (piece: Piece): Promise<void> => {
    try {
      await work(piece);
    } catch (error) {
      failures.push(error);
    } finally {
      memory.give(piece.bytes);
    }
  };
  try {
    for (const piece of pieces) {
      await memory.take(piece.bytes);
      if (failures.length > 0) {
        memory.give(piece.bytes);
        break;
      }
      const task: Promise<void> = inBudget(piece).finally(() => underWay.delete(task));
      underWay.add(task);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** Pass 1: what authenticates every piece, in order. The ciphertext is thrown away. */
export async function scanPieces(
  job: Omit<ScanJob, 'kind' | 'piece'>, pieces: readonly Piece[], { pool, memory }: Workshop,
): Promise<PieceProof[]> {
  const proofs: PieceProof[] = [];
  await onEveryPiece(pieces, memory, async (piece) => {
    proofs.push(valueOf(await pool.run({ kind: 'scan', ...job, piece })));
  });
  return proofs.sort((a, b) => a.index - b.index);
}

