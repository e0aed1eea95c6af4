import { isSealiftError } from '../errors.js';
import { SCANS_PER_THREAD, SLICE_BYTES } from '../limits.js';
import { Budget } from './budget.js';
import type { Bounds } from './effective.js';
import type { Job, Piece, PieceProof, ResultOf, ScanJob } from './jobs.js';
import { PartWindow, type WindowBounds } from './part-window.js';
import { valueOf } from './result.js';
import type { Arena, Region } from './threads/arena.js';
import type { Pool } from './threads/pool.js';

/** Where the pieces of a large file are worked on, and what bounds them. */
export interface Workshop {
  readonly pool: Pool;
  readonly memory: Arena;
  /** Objects and pieces under way. */
  readonly slots: Budget;
}

/** What lends bytes: counted or real ones. */
export interface Lender<L> {
  take(bytes: number): Promise<L>;
  give(lease: L): void;
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
export async function onEveryPiece<L>(pieces: readonly Piece[], memory: Lender<L>, work: (piece: Piece, lease: L) => Promise<void>): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const inBudget = async (piece: Piece, lease: L): Promise<void> => {
    try {
      await work(piece, lease);
    } catch (error) {
      failures.push(error);
    } finally {
      memory.give(lease);
    }
  };
  try {
    for (const piece of pieces) {
      const lease = await memory.take(piece.bytes);
      if (failures.length > 0) {
        memory.give(lease);
        break;
      }
      const task: Promise<void> = inBudget(piece, lease).finally(() => underWay.delete(task));
      underWay.add(task);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** What gives turns: so many at once, or as many as pay. */
export interface Turns {
  take(turns: number): Promise<unknown>;
  give(turns: number): void;
}

/** Lends bytes to whoever has a turn: pieces that could not be sent or fetched yet hold no memory. */
export function inTurn<L>(turns: Turns, memory: Lender<L>): Lender<L> {
  return {
    take: async (bytes) => {
      await turns.take(1);
      try {
        return await memory.take(bytes);
      } catch (error) {
        turns.give(1);
        throw error;
      }
    },
    give: (lease) => {
      memory.give(lease);
      turns.give(1);
    },
  };
}

/**
 * Lends bytes with so many slots. Slots come last, for everyone: pieces that are held have their memory already, so nobody may wait
 * for memory with a slot that they need.
 */
export function withSlots<L>(slots: Budget, count: number, memory: Lender<L>): Lender<L> {
  return {
    take: async (bytes) => {
      const lease = await memory.take(bytes);
      try {
        await slots.take(count);
        return lease;
      } catch (error) {
        memory.give(lease);
        throw error;
      }
    },
    give: (lease) => {
      memory.give(lease);
      slots.give(count);
    },
  };
}

/** What parts travel by. */
export interface Road extends Pick<Workshop, 'slots'> {
  readonly bounds: WindowBounds;
  readonly pool: Pick<Pool, 'watchIdleness'>;
}

/** Lends to parts that travel: each takes a slot besides its bytes, and no more are begun than keep the threads busy. */
export function travelling<L>({ pool, slots, bounds }: Road, memory: Lender<L>): Lender<L> {
  return inTurn(new PartWindow(pool, bounds), withSlots(slots, 1, memory));
}

/** What pass 1 is made on: `keep` lends regions in which the ciphertext of the pieces stays. */
export interface ScanScene extends Pick<Workshop, 'pool' | 'memory'> {
  readonly bounds: Pick<Bounds, 'threads'>;
  readonly keep?: Lender<Region> | undefined;
}

/** Pass 1: what authenticates every piece, in order. */
export async function scanPieces(
  job: Omit<ScanJob, 'kind' | 'piece' | 'region'>, pieces: readonly Piece[], { pool, memory, bounds, keep }: ScanScene,
): Promise<PieceProof[]> {
  const proofs: PieceProof[] = [];
  // As many pieces as keep the threads busy: none waits for the network here.
  const turns = new Budget(SCANS_PER_THREAD * bounds.threads);
  await onEveryPiece(pieces, inTurn(turns, keep ?? bySlices(memory)), async (piece, region) => {
    proofs.push(valueOf(await onSomeThread(pool, { kind: 'scan', ...job, piece, region })));
  });
  return proofs.sort((a, b) => a.index - b.index);
}

/** A slice per piece. */
export function bySlices(memory: Lender<Region>): Lender<Region> {
  return {
    take: async (bytes) => await memory.take(Math.min(bytes, SLICE_BYTES)),
    give: (region) => memory.give(region),
  };
}

/** Runs the job of one piece. A thread that dies costs the piece a second try: it makes the same bytes again, or none. */
export async function onSomeThread<J extends Job>(pool: Pool, job: J): Promise<ResultOf<J>> {
  try {
    return await pool.run(job);
  } catch (error) {
    if (!isSealiftError(error) || error.code !== 'worker-died') {
      throw error;
    }
    return await pool.run(job);
  }
}
