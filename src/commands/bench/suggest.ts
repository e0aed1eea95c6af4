/** Which flags suit a bucket: a sweep over threads, concurrency and part size, and what held it back. */
import { availableParallelism } from 'node:os';
import { DEFAULT_CONCURRENCY, MiB } from '../../limits.js';
import type { Combination } from './round.js';
import type { BenchRequest } from './request.js';
import type { Row } from './rows.js';

export interface Suggestion {
  readonly flags: readonly string[];
  readonly bound: 'CPU' | 'latency' | 'disk';
  readonly reason: string;
}

const CONCURRENCIES = [DEFAULT_CONCURRENCY, 4 * DEFAULT_CONCURRENCY];
const PARTS = [8 * MiB, 32 * MiB];
/** Of what the cores could do: above this, they are what limits. */
const BUSY_SHARE = 0.75;
/** Of the time of the threads that did not sleep: above this, reading is what limits. */
const READING_SHARE = 0.4;
/** A setting has to be this much faster before it is worth more threads or connections. */
const WORTH = 1.05;

/** What was asked for where it was, else what usually matters; pushes alone. */
export function sweepCombinations({ threads, concurrency, partBytes, memoryBytes }: BenchRequest): readonly Combination[] {
  const cores = availableParallelism();
  const threadCounts = threads.length > 1 ? threads : [...new Set([Math.max(1, Math.floor(cores / 2)), cores])];
  const concurrencies = concurrency.length > 1 ? concurrency : CONCURRENCIES;
  const parts = partBytes === undefined ? PARTS : [partBytes];
  const common = { memoryBytes, withPull: false, runs: 1 };
  const first = threadCounts.flatMap((count) => concurrencies.map((requests) => ({ ...common, threads: count, concurrency: requests, partBytes: parts[0] })));
  return [...first, ...parts.slice(1).map((bytes) => ({ ...common, threads: cores, concurrency: DEFAULT_CONCURRENCY, partBytes: bytes }))];
}

/** @throws RangeError for no rows */
export function suggest(rows: readonly Row[]): Suggestion {
  const best = rows.reduce((one, other) => (other.seconds * WORTH < one.seconds ? other : one));
  const busy = best.cpuSeconds / best.seconds / Math.min(availableParallelism(), best.threads + 1);
  const awake = 1 - (best.stages?.wait ?? 0);
  const reading = awake === 0 ? 0 : ((best.stages?.read ?? 0) + (best.stages?.walk ?? 0)) / awake;
  const flags = [`--threads ${best.threads}`, `--concurrency ${best.concurrency}`, ...(best.partBytes === undefined ? [] : [`--part-size ${best.partBytes / MiB}MiB`])];
  const speed = `${best.mbPerSecond.toFixed(0)} MB/s, ${best.filesPerSecond.toFixed(0)} files/s`;
  if (reading > READING_SHARE) {
    return { flags, bound: 'disk', reason: `${speed}; ${(reading * 100).toFixed(0)} % of the work is reading: disk-bound, more threads only help if the disk serves them at once` };
  }
  return busy > BUSY_SHARE
    ? { flags, bound: 'CPU', reason: `${speed}; the cores are ${(busy * 100).toFixed(0)} % busy: CPU-bound, more requests in flight would not help` }
    : { flags, bound: 'latency', reason: `${speed}; the cores are only ${(busy * 100).toFixed(0)} % busy: latency-bound, requests in flight matter most` };
}

export function suggestionLines({ flags, reason }: Suggestion): string[] {
  return ['', `use: ${flags.join(' ')}`, `because: ${reason}`];
}
