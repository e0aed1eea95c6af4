/** Which flags suit a bucket: one flag after the other is tried, at the best values of those before, and what held it back. */
import { availableParallelism } from 'node:os';
import { DEFAULT_CONCURRENCY, DEFAULT_PART_BYTES, MiB } from '../../limits.js';
import { measureCombination } from './combination.js';
import type { BenchRequest } from './request.js';
import { profileRound, type Combination, type Stage } from './round.js';
import type { Row } from './rows.js';
import type { StageSplit } from './stages.js';
import { isMostlyStart, shortened } from './table.js';

export interface Suggestion {
  readonly flags: readonly string[];
  readonly bound: 'CPU' | 'latency' | 'disk';
  readonly reason: string;
}

export interface Sweep {
  readonly rows: readonly Row[];
  readonly suggestion: Suggestion;
}

type Axis = Pick<Combination, 'threads'> | Pick<Combination, 'concurrency'> | Pick<Combination, 'partBytes'>;

interface Trial {
  readonly combination: Combination;
  readonly row: Row;
}

const CONCURRENCIES = [DEFAULT_CONCURRENCY / 4, DEFAULT_CONCURRENCY, 2 * DEFAULT_CONCURRENCY];
const LARGER_PART_BYTES = 32 * MiB;
/** Of what the cores could do: above this, they are what limits. */
const BUSY_SHARE = 0.75;
/** Of the time of the threads that did not sleep: above this, reading is what limits. */
const READING_SHARE = 0.4;
/** A setting has to be this much faster before it is worth more threads or connections. */
const WORTH = 1.05;

/** Pushes alone. Of a flag that was given, only the given values are tried. */
export async function sweepFlags(request: BenchRequest, stage: Stage): Promise<Sweep> {
  const cores = availableParallelism();
  const { threads = [...new Set([Math.ceil(cores / 2), cores])], concurrency = CONCURRENCIES, partBytes, memoryBytes, isWarm } = request;
  const isPartSizeFree = partBytes === undefined && stage.work.files.some(({ bytes }) => bytes > LARGER_PART_BYTES);
  const parts = isPartSizeFree ? [DEFAULT_PART_BYTES, LARGER_PART_BYTES] : [partBytes];
  const base = { memoryBytes, isWarm, withPull: false, withProfile: false, runs: 1, threads: Math.max(...threads), concurrency: concurrency[0] ?? DEFAULT_CONCURRENCY, partBytes: parts[0] };
  const trials = await tried([], [base], stage);
  for (const axis of [concurrency.map((requests) => ({ concurrency: requests })), threads.map((count) => ({ threads: count })), parts.map((bytes) => ({ partBytes: bytes }))] satisfies Axis[][]) {
    const best = bestOf(trials).combination;
    trials.push(...(await tried(trials, axis.map((value) => ({ ...best, ...value })), stage)));
  }
  const best = bestOf(trials);
  const stages = (await profileRound(best.combination, stage)).push;
  return { rows: trials.map(({ row }) => (row === best.row && stages !== undefined ? { ...row, stages } : row)), suggestion: suggestionFor(best.row, stages) };
}

async function tried(before: readonly Trial[], combinations: readonly Combination[], stage: Stage): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const combination of combinations.filter((one) => !before.some(({ combination: other }) => isSame(one, other)))) {
    const rows = await measureCombination(combination, stage);
    trials.push(...rows.map((row) => ({ combination, row })));
  }
  return trials;
}

function isSame(a: Combination, b: Combination): boolean {
  return a.threads === b.threads && a.concurrency === b.concurrency && a.partBytes === b.partBytes;
}

/** The modest ones first: more has to be worth it. */
function bestOf(trials: readonly Trial[]): Trial {
  const modestFirst = trials.toSorted(({ row: a }, { row: b }) => a.threads - b.threads || a.concurrency - b.concurrency || (a.partBytes ?? 0) - (b.partBytes ?? 0));
  return modestFirst.reduce((best, other) => (other.row.seconds * WORTH < best.row.seconds ? other : best));
}

function suggestionFor(row: Row, stages: StageSplit | undefined): Suggestion {
  const { threads, concurrency, partBytes, cpuSeconds, seconds, machineBusy, mbPerSecond, filesPerSecond } = row;
  // Where a container may use fewer cores than there are, its own share says more than the machine's.
  const busy = Math.max(machineBusy, Math.min(1, cpuSeconds / seconds / Math.min(availableParallelism(), threads + 1)));
  const awake = 1 - (stages?.wait ?? 0);
  const reading = awake === 0 ? 0 : ((stages?.read ?? 0) + (stages?.walk ?? 0)) / awake;
  const flags = [`--threads ${threads}`, `--concurrency ${concurrency}`, ...(partBytes === undefined ? [] : [`--part-size ${partBytes % MiB === 0 ? `${partBytes / MiB}MiB` : partBytes}`])];
  const speed = `${shortened(mbPerSecond)} MB/s, ${shortened(filesPerSecond)} files/s`;
  const short = isMostlyStart(row) ? `; but at ${seconds.toFixed(1)} s most of it is start-up: try more data` : '';
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  if (reading > READING_SHARE) {
    return { flags, bound: 'disk', reason: `${speed}; ${percent(reading)} of the work is walking and reading: disk-bound, more threads help only if the disk serves them at once${short}` };
  }
  return busy > BUSY_SHARE
    ? { flags, bound: 'CPU', reason: `${speed}; the cores are ${percent(busy)} busy: CPU-bound, more requests in flight would not help${short}` }
    : { flags, bound: 'latency', reason: `${speed}; the cores are only ${percent(busy)} busy: latency-bound, the requests in flight and the line to the server decide${short}` };
}

export function suggestionLines({ flags, reason }: Suggestion): string[] {
  return ['', `use: ${flags.join(' ')}`, `because: ${reason}`];
}
