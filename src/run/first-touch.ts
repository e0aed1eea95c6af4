import { ARENA_GRAIN_BYTES, TOUCHED_PAGES, TOUCHED_STRETCHES } from '../limits.js';

/** Nanoseconds for the first touch of a page of this memory, in which nothing stands yet. */
export type FirstTouch = (fresh: Uint8Array) => number;

/**
 * Touches some pages: the median of a few stretches, so that one interruption does not count. A quarter of a microsecond
 * where the system has the memory; ten and more in a virtual machine whose host has to find each page first.
 *
 * @param fresh - as many whole pages as there are stretches, at least
 */
export function measureFirstTouch(fresh: Uint8Array): number {
  const pages = Math.min(TOUCHED_PAGES, Math.floor(fresh.length / ARENA_GRAIN_BYTES / TOUCHED_STRETCHES));
  const stretch = pages * ARENA_GRAIN_BYTES;
  const times = Array.from({ length: TOUCHED_STRETCHES }, (_, index) => touch(fresh.subarray(index * stretch, (index + 1) * stretch)));
  return times.sort((a, b) => a - b)[Math.floor(TOUCHED_STRETCHES / 2)] ?? Infinity;
}

function touch(bytes: Uint8Array): number {
  const begin = process.hrtime.bigint();
  for (let at = 0; at < bytes.length; at += ARENA_GRAIN_BYTES) {
    bytes[at] = 1;
  }
  return Number(process.hrtime.bigint() - begin) / (bytes.length / ARENA_GRAIN_BYTES);
}
