import { availableParallelism } from 'node:os';
import { MAX_THREADS } from '../../limits.js';
import { inRange } from './in-range.js';

export interface CrewSize {
  /** At most. */
  readonly threads: number;
  /** Of these, that start as soon as one has enough to do, whatever the work: at least one. */
  readonly threadsAtOnce: number;
}

/**
 * All that were asked for; of as many as there are cores, the last one shares its core with the coordinator and has to be worth it.
 *
 * @throws SealiftError `usage` unless 1 to 256 were asked for.
 */
export function crewSize(asked?: number, cores = availableParallelism()): CrewSize {
  if (asked !== undefined) {
    const threads = inRange('threads', asked, 1, MAX_THREADS);
    return { threads, threadsAtOnce: threads };
  }
  const threads = Math.min(cores, MAX_THREADS);
  return { threads, threadsAtOnce: Math.max(1, threads - 1) };
}
