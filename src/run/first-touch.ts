import { ARENA_GRAIN_BYTES, FRESH_MEMORY_BYTES, TOUCHED_BYTES, TOUCHED_CHUNKS } from '../limits.js';

/**
 * What the first touch of a page of memory takes, in nanoseconds: the median of a few MiB of it. A quarter of a microsecond where
 * the system has the memory; ten and more in a virtual machine whose host has to find each page first.
 */
export function measureFirstTouch(): number {
  const fresh = new Uint8Array(new SharedArrayBuffer(FRESH_MEMORY_BYTES));
  const times = Array.from({ length: TOUCHED_CHUNKS }, (_, index) => touch(fresh.subarray(index * TOUCHED_BYTES, (index + 1) * TOUCHED_BYTES)));
  return times.sort((a, b) => a - b)[Math.floor(TOUCHED_CHUNKS / 2)] ?? Infinity;
}

function touch(bytes: Uint8Array): number {
  const begin = process.hrtime.bigint();
  for (let at = 0; at < bytes.length; at += ARENA_GRAIN_BYTES) {
    bytes[at] = 1;
  }
  return Number(process.hrtime.bigint() - begin) / (bytes.length / ARENA_GRAIN_BYTES);
}
