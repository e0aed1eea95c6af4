/** The measured process: a job on stdin, its measure on stdout. Loaded with `--import latency.js`. */
import { cpus } from 'node:os';
import { text } from 'node:stream/consumers';
import { SealiftError, toFailure } from '../../errors.js';
import { loadRsaKey } from '../../keys/key-files.js';
import type { RunEvent } from '../../run/events.js';
import type { RunResult, TransferOptions } from '../../run/options.js';
import { pull } from '../../run/pull.js';
import { push } from '../../run/push.js';
import { ThreadPool } from '../../run/threads/thread-pool.js';
import { defined } from '../defined.js';
import { FloorThreads, runFloor, type Moved } from './floor.js';
import type { Job, Measure, Refusal } from './job.js';
import { forgetLatency, latencySoFar } from './latency.js';

const MICROSECONDS = 1e6;
const KIBIBYTES_PER_MIB = 1024;

const job = JSON.parse(await text(process.stdin)) as Job;
const answer: Measure | Refusal = await measure(job).catch((error: unknown) => ({ failure: toFailure(error) }));
process.stdout.write(`${JSON.stringify(answer)}\n`);

type Move = (job: Job, options: TransferOptions) => Promise<Moved>;

async function measure(job: Job): Promise<Measure> {
  if (job.warmUp === undefined) {
    return await measureRound(job, job.program === 'floor' ? runFloor : transfer);
  }
  const { move, end } = job.program === 'floor' ? floorThreads(job) : ourThreads(job);
  try {
    await measureRound({ ...job, ...job.warmUp }, move);
    forgetLatency();
    return await measureRound(job, move);
  } finally {
    await end();
  }
}

/** Threads that stay between rounds. */
interface Threads {
  readonly move: Move;
  readonly end: () => Promise<void>;
}

function floorThreads(job: Job): Threads {
  const threads = new FloorThreads(job);
  return { move: (round) => threads.move(round), end: () => threads.end() };
}

function ourThreads({ threads, concurrency }: Job): Threads {
  const pool = new ThreadPool(defined({ threads, concurrency }));
  return { move: (round, options) => transfer(round, { ...options, pool }), end: () => pool.destroy() };
}

async function measureRound(job: Job, move: Move): Promise<Measure> {
  const overTime: [number, number][] = [];
  const options = await optionsOf(job);
  const begunUs = Number(process.hrtime.bigint() / 1000n);
  const [cpu, cores] = [process.cpuUsage(), coreTimes()];
  const begun = performance.now();
  const onEvent = (event: RunEvent): void => {
    if (event.event === 'progress') {
      overTime.push([(performance.now() - begun) / 1000, event.movedBytes]);
    }
  };
  const { files, bytes } = await move(job, { ...options, onEvent });
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const latency = latencySoFar();
  return {
    begunUs, seconds, files, bytes, overTime: [...overTime, [seconds, bytes]],
    cpuSeconds: (user + system) / MICROSECONDS,
    machineBusy: busyShare(cores, coreTimes()),
    peakRssMiB: process.resourceUsage().maxRSS / KIBIBYTES_PER_MIB,
    ...(latency === undefined ? {} : { latency }),
  };
}

interface CoreTimes {
  readonly idle: number;
  readonly all: number;
}

/** Of all cores together, since they were started. */
function coreTimes(): CoreTimes {
  const times = cpus().map((core) => core.times);
  const idle = times.reduce((sum, core) => sum + core.idle, 0);
  return { idle, all: times.reduce((sum, { user, nice, sys, idle: free, irq }) => sum + user + nice + sys + free + irq, 0) };
}

function busyShare(before: CoreTimes, after: CoreTimes): number {
  return after.all === before.all ? 0 : 1 - (after.idle - before.idle) / (after.all - before.all);
}

async function transfer({ operation, directory, envelope }: Job, options: TransferOptions): Promise<Moved> {
  return counted(operation === 'push' ? await push({ ...options, source: directory, envelope, ifExists: 'overwrite' }) : await pull({ ...options, destination: directory }));
}

async function optionsOf({ keyFile, target, credentials, manifest, threads, concurrency, partBytes, memoryBytes }: Job): Promise<TransferOptions> {
  return {
    target, credentials, manifest, manifestDirectories: [],
    keys: [await loadRsaKey(keyFile)],
    tuning: defined({ threads, concurrency, partBytes, memoryBytes }),
  };
}

/** A measure of work that was not done would be a lie. */
function counted({ done, bytes, complete, error, failures: [failure] }: RunResult): Moved {
  const cause = error ?? failure;
  if (!complete || cause !== undefined) {
    throw new SealiftError(cause?.code ?? 'internal', `the measured run did not finish: ${cause?.message ?? 'no failure was named'}`, defined({ remedy: cause?.remedy }));
  }
  return { files: done, bytes };
}
