import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { SealiftError } from '../../errors.js';
import {
  DEFAULT_CONCURRENCY, FEWEST_REQUESTS, FEW_DESCRIPTORS, LEAST_DESCRIPTORS, MAX_CONCURRENCY, MAX_OPEN_DIRECTORIES, MAX_THREADS, MODULE_DESCRIPTORS,
  PROCESS_DESCRIPTORS, REQUEST_DESCRIPTORS, THREAD_DESCRIPTORS,
} from '../../limits.js';
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

export interface AffordableCrew extends CrewSize {
  /** Requests in flight per thread. */
  readonly concurrency: number;
  /** Whether modules have to be loaded before the first socket, one thread at a time. */
  readonly fewDescriptors: boolean;
}

interface Asked {
  readonly threads?: number | undefined;
  readonly concurrency?: number | undefined;
}

/**
 * Of what was asked for, as much as there are file descriptors for.
 *
 * @throws SealiftError `usage` for a number out of its bounds, and where there is no descriptor for a single request.
 */
export function affordableCrew({ threads: asked, concurrency }: Asked, descriptors = descriptorLimit()): AffordableCrew {
  const size = crewSize(asked);
  const fewest = Math.min(FEWEST_REQUESTS, inRange('concurrency', concurrency ?? DEFAULT_CONCURRENCY, 1, MAX_CONCURRENCY));
  let { threads } = size;
  while (threads > 1 && descriptorsOf(threads, fewest) > descriptors) {
    threads -= 1;
  }
  return {
    threads,
    threadsAtOnce: Math.min(threads, size.threadsAtOnce),
    concurrency: affordableRequests(threads, concurrency, descriptors),
    fewDescriptors: descriptors < FEW_DESCRIPTORS,
  };
}

/** The same for threads that are there: requests of each. @throws SealiftError like {@link affordableCrew} */
export function affordableRequests(threads: number, asked = DEFAULT_CONCURRENCY, descriptors = descriptorLimit()): number {
  let concurrency = inRange('concurrency', asked, 1, MAX_CONCURRENCY);
  while (concurrency > 1 && descriptorsOf(threads, concurrency) > descriptors) {
    concurrency -= 1;
  }
  const needed = Math.max(LEAST_DESCRIPTORS, descriptorsOf(threads, concurrency));
  if (needed > descriptors) {
    throw new SealiftError('usage', `this process may have ${descriptors} files and sockets open, and needs ${needed}`, {
      remedy: `raise the limit of open files: ulimit -n ${needed} or more`,
    });
  }
  return concurrency;
}

/**
 * That a run may need at once. The coordinator has sockets and directories as a thread has, but no files to speak of. All threads
 * but the first start when there are sockets already.
 */
function descriptorsOf(threads: number, concurrency: number): number {
  const directories = Math.min(concurrency, MAX_OPEN_DIRECTORIES);
  const ofThreads = threads * (THREAD_DESCRIPTORS + REQUEST_DESCRIPTORS * concurrency + directories);
  return PROCESS_DESCRIPTORS + ofThreads + (threads - 1) * MODULE_DESCRIPTORS + concurrency + directories;
}

/** Files and sockets that this process may have open: Node has raised `ulimit -n` as far as it may. `Infinity` where the system does not tell. */
function descriptorLimit(): number {
  if (process.platform !== 'linux') {
    return Infinity;
  }
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity);
  } catch {
    // Without /proc.
    return Infinity;
  }
}
