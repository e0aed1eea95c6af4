/** The numbers of a bench: rows, the file they are kept in, and the machine they were measured on. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { SealiftError } from '../../errors.js';
import { GiB } from '../../limits.js';
import type { Latency, Measure, Operation } from './job.js';
import type { StageSplit } from './stages.js';

export const BENCH_VERSION = 1;

export interface Machine {
  readonly processor: string;
  readonly parallelism: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  /** Average number of running processes, 1 minute: how busy it was otherwise. */
  readonly load: number;
}

export interface Row {
  /** What was done, and what tells this row from others: `push mixed, up to 2 threads × 64, warm`. */
  readonly work: string;
  readonly operation: Operation;
  readonly data: string;
  readonly target: string;
  readonly envelope: string;
  readonly keyBits: number;
  readonly threads: number;
  readonly concurrency: number;
  readonly partBytes?: number;
  readonly latencyMs: number;
  readonly files: number;
  readonly bytes: number;
  /** Measured so many times; the numbers are those of the run with the median CPU time. */
  readonly runs: number;
  /** The threads had done the same work before; left out where they had not. */
  readonly warm?: true;
  readonly seconds: number;
  readonly filesPerSecond: number;
  /** Megabytes, 10^6. */
  readonly mbPerSecond: number;
  readonly cpuSeconds: number;
  readonly cpuSecondsPerGiB: number;
  readonly cpuSecondsPer1000Files: number;
  readonly latency?: Latency;
  /** Share of all cores of the machine that worked meanwhile, servers included: 0 to 1. */
  readonly machineBusy: number;
  readonly peakRssMiB: number;
  readonly stages?: StageSplit;
  readonly floor: { readonly seconds: number; readonly cpuSeconds: number };
  /** CPU time of the floor per CPU time of ours, 0 to 1; the median of the runs. */
  readonly efficiency: number;
  readonly overTime: Measure['overTime'];
}

export interface BenchFile {
  readonly version: number;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown', parallelism: availableParallelism(), memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`, node: process.versions.node, load: loadavg()[0] ?? 0,
  };
}

export type Figures = Pick<Row, 'seconds' | 'filesPerSecond' | 'mbPerSecond' | 'cpuSeconds' | 'cpuSecondsPerGiB' | 'cpuSecondsPer1000Files' | 'files' | 'bytes' | 'machineBusy' | 'peakRssMiB' | 'overTime' | 'latency'>;

export function figures({ seconds, cpuSeconds, files, bytes, machineBusy, peakRssMiB, overTime, latency }: Measure): Figures {
  return {
    seconds, cpuSeconds, files, bytes, machineBusy, peakRssMiB, overTime,
    filesPerSecond: files / seconds,
    mbPerSecond: bytes / 1e6 / seconds,
    cpuSecondsPerGiB: cpuSeconds / (bytes / GiB),
    cpuSecondsPer1000Files: cpuSeconds / (files / 1000),
    ...(latency === undefined ? {} : { latency }),
  };
}

/** The one in the middle, of two the lower. @throws RangeError for none */
export function medianBy<T>(items: readonly T[], of: (item: T) => number): T {
  const middle = items.toSorted((a, b) => of(a) - of(b))[Math.floor((items.length - 1) / 2)];
  if (middle === undefined) {
    throw new RangeError('a median needs values');
  }
  return middle;
}

/** @throws SealiftError `usage` for a file that no bench has written */
export function readBenchFile(path: string): BenchFile {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as Partial<BenchFile>;
    if (file.version === BENCH_VERSION && Array.isArray(file.rows) && file.machine !== undefined) {
      return { version: file.version, machine: file.machine, rows: file.rows };
    }
  } catch (cause) {
    throw refused(path, cause);
  }
  throw refused(path);
}

function refused(path: string, cause?: unknown): SealiftError {
  return new SealiftError('usage', `${path} is no file of sealift bench, version ${BENCH_VERSION}`, { object: path, remedy: 'Give files written with "sealift bench --out FILE".', cause });
}
