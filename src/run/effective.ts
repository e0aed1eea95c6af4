import { SealiftError } from '../errors.js';
import { fingerprintOf } from '../keys/master-key.js';
import {
  BLOCK_BYTES, DEFAULT_MEMORY_BYTES, DEFAULT_PART_BYTES, LARGEST_WHOLE_BYTES, MAX_PARTS,
  MAX_PART_BYTES, MIN_ARENA_SHARE, MIN_BANDWIDTH, MIN_MEMORY_BYTES, MIN_PART_BYTES, RUN_BUFFER_BYTES, THREAD_BUFFER_BYTES,
} from '../limits.js';
import type { Effective } from './events.js';
import type { FirstTouch } from './first-touch.js';
import type { TransferOptions, Tuning } from './options.js';
import { parseProxy } from '../store/proxy.js';
import { affordableCrew, affordableRequests, type AffordableCrew } from './threads/crew-size.js';
import { inRange } from './threads/in-range.js';

/** The numbers that bound a run: memory, descriptors and sockets follow from them, never from the number of files. */
export interface Bounds extends AffordableCrew {
  readonly partBytes: number;
  readonly memoryBytes: number;
  /** Of object bodies, on all threads together; undefined for no limit. */
  readonly bandwidthBytesPerSecond: number | undefined;
  /** Of the memory: file data. The rest is for what every thread needs besides. */
  readonly arenaBytes: number;
  /** A file of more bytes travels in parts. */
  readonly singlePutBytes: number;
  /** Measured unless given. */
  readonly firstTouch: FirstTouch | undefined;
}

/**
 * Applies the defaults, checks every number, and takes what file descriptors there are into account.
 *
 * @param largestWhole - bytes above which files travel in parts, whatever the memory: `Infinity` where no threads could share them,
 * so that only what goes into one request limits it
 * @param crew - as many threads, and requests of each, as there are descriptors for
 * @throws SealiftError `usage` naming the option, its value and its bounds.
 */
export function resolveBounds(tuning: Tuning = {}, largestWhole = LARGEST_WHOLE_BYTES, crew = affordableCrew(tuning)): Bounds {
  const { threads } = crew;
  const memoryBytes = inRange('memory', tuning.memoryBytes ?? DEFAULT_MEMORY_BYTES, MIN_MEMORY_BYTES, Number.MAX_SAFE_INTEGER);
  const partBytes = roundUp(inRange('part-size', tuning.partBytes ?? Math.min(DEFAULT_PART_BYTES, roundDown(memoryBytes / 2)), MIN_PART_BYTES, MAX_PART_BYTES));
  if (partBytes * 2 > memoryBytes) {
    throw new SealiftError('usage', `parts of ${partBytes} bytes need a memory budget of at least two, and it is ${memoryBytes}`, {
      remedy: `allow ${partBytes * 2} bytes or more (--memory), or smaller parts (--part-size)`,
    });
  }
  const arenaBytes = Math.floor(Math.max(memoryBytes * MIN_ARENA_SHARE, memoryBytes - RUN_BUFFER_BYTES - threads * THREAD_BUFFER_BYTES));
  const singlePutBytes = Math.min(singlePutLimit(memoryBytes, partBytes, threads), Math.max(largestWhole, partBytes), MAX_PART_BYTES);
  const bandwidthBytesPerSecond = bandwidthOf(tuning);
  return { ...crew, partBytes, memoryBytes, bandwidthBytesPerSecond, arenaBytes, singlePutBytes, firstTouch: tuning.firstTouch };
}

function bandwidthOf({ bandwidthBytesPerSecond: asked }: Tuning): number | undefined {
  return asked === undefined ? undefined : inRange('bandwidth', asked, MIN_BANDWIDTH, Number.MAX_SAFE_INTEGER);
}

/**
 * Bytes per part of one file: the wanted size, or as much more as the 10,000-part rule of OSS demands. Parts are equal
 * multiples of 16 bytes, so that each starts at a whole counter block.
 */
export function partBytesFor(sizeBytes: number, wantedBytes: number): number {
  return Math.max(wantedBytes, roundUp(Math.ceil(sizeBytes / MAX_PARTS)));
}

/**
 * A file that fits its thread's share of the budget twice over is sealed in memory in one pass. On many threads the share
 * shrinks below what parts pay for, so two parts, or a quarter of the budget, are the floor.
 */
function singlePutLimit(memoryBytes: number, partBytes: number, threads: number): number {
  return Math.floor(Math.max(memoryBytes / (2 * threads), Math.min(2 * partBytes, memoryBytes / 4)));
}

/** The same for a run: a pool has the numbers of its threads. @throws SealiftError like {@link resolveBounds} */
export function boundsOf({ tuning, pool }: Pick<TransferOptions, 'tuning' | 'pool'>): Bounds {
  if (pool === undefined) {
    return resolveBounds(tuning);
  }
  const { threads, threadsAtOnce, fewDescriptors } = pool;
  return resolveBounds(tuning, LARGEST_WHOLE_BYTES, { threads, threadsAtOnce, fewDescriptors, concurrency: affordableRequests(threads, tuning?.concurrency) });
}

/** The numbers and names a run works with, for the start event. @throws SealiftError `config-invalid` for a proxy that is none */
export function effectiveOf(options: Pick<TransferOptions, 'target' | 'keys'>, bounds: Bounds, envelope: string): Effective {
  const { bucket, prefix, region, endpoint, internal, proxy } = options.target;
  const { threads, threadsAtOnce, concurrency, partBytes, memoryBytes, singlePutBytes, bandwidthBytesPerSecond } = bounds;
  return {
    threads, threadsAtOnce, concurrency, partBytes, memoryBytes, singlePutBytes, bandwidthBytesPerSecond, envelope, bucket, prefix, region,
    endpoint: endpoint ?? `https://oss-${region.replace(/^oss-/, '')}${internal === true ? '-internal' : ''}.aliyuncs.com`,
    ...(proxy === undefined ? {} : { proxy: parseProxy(proxy, 'proxy').name }),
    masterKeys: options.keys.map(fingerprintOf),
  };
}

function roundDown(bytes: number): number {
  return Math.floor(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
