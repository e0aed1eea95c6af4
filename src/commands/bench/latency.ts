/**
 * Loaded into every thread of a measured process: counts how long each object took, in memory that all threads share,
 * because a thread of the pool ends without a word.
 */
import { subscribe } from 'node:diagnostics_channel';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import type { ObjectTime } from '../../run/threads/observed.js';
import type { Latency } from './job.js';

const NAME = 'sealift:bench:latency';
/** Of a doubling: neighbours differ by 4 %. */
const STEPS = 16;
const BUCKETS = 32 * STEPS;
const MICROSECONDS = 1000;

const shared = isMainThread ? new SharedArrayBuffer(BUCKETS * Uint32Array.BYTES_PER_ELEMENT) : getEnvironmentData(NAME);
if (isMainThread) {
  setEnvironmentData(NAME, shared);
}
const counts = new Uint32Array(shared instanceof SharedArrayBuffer ? shared : new SharedArrayBuffer(BUCKETS * Uint32Array.BYTES_PER_ELEMENT));

subscribe('sealift:object', (message) => {
  const { milliseconds } = message as ObjectTime;
  const bucket = Math.round(Math.log2(Math.max(1, milliseconds * MICROSECONDS)) * STEPS);
  Atomics.add(counts, Math.min(BUCKETS - 1, bucket), 1);
});

/** Between rounds, when no object is under way. */
export function forgetLatency(): void {
  counts.fill(0);
}

/** Of all threads, so far; undefined before the first object. */
export function latencySoFar(): Latency | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? undefined : { p50Ms: quantile(total * 0.5), p95Ms: quantile(total * 0.95), p99Ms: quantile(total * 0.99) };
}

function quantile(rank: number): number {
  let seen = 0;
  const bucket = counts.findIndex((count) => (seen += count) >= rank);
  return 2 ** (bucket / STEPS) / MICROSECONDS;
}
