/** One large file on one thread and on two: whole commands, and pushes by threads that are warm. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, Measure } from '../src/commands/bench/job.js';
import { measure, startSink } from '../src/commands/bench/processes.js';
import { DEFAULT_CONCURRENCY, GiB, MiB } from '../src/limits.js';
import { median } from './machine.js';
import { measureCli } from './processes.js';

export interface SpeedSet {
  /** Directory with the one file. */
  readonly source: string;
  readonly sizeBytes: number;
  readonly key: string;
  readonly runs: number;
  /** Scratch directory. */
  readonly work: string;
}

type Round = Pick<Measure, 'seconds' | 'cpuSeconds'>;

const THREADS = [1, 2] as const;
const ECHO = new URL('./echo.js', import.meta.url).href;

/** Prints both tables. @returns how many times as fast two threads are, for the command and for the warm push */
export async function speed(set: SpeedSet): Promise<{ readonly command: number; readonly warm: number }> {
  const command = table('whole command, start of the process and its threads included', await commands(set), set);
  const warm = table('by threads that have pushed before (second push of a process)', await warmPushes(set), set);
  return { command, warm };
}

async function commands(set: SpeedSet): Promise<Round[][]> {
  const rounds: Round[][] = [];
  for (let run = 0; run < set.runs; run += 1) {
    const round: Round[] = [];
    for (const threads of THREADS) {
      round.push(await toSink(set, 1, async (origin) => await pushCommand(set, origin, threads)));
    }
    rounds.push(round);
  }
  return rounds;
}

/** A manifest folder of its own for every run, so that nothing is skipped. */
async function pushCommand({ source, key, work }: SpeedSet, origin: string, threads: number): Promise<Round> {
  const env = { OSS_ACCESS_KEY_ID: 'bench', OSS_ACCESS_KEY_SECRET: 'bench', OSS_REGION: 'cn-hangzhou', OSS_ENDPOINT: origin };
  const args = ['push', source, 'oss://bench/x', '--key', key, '--threads', `${threads}`, '--quiet'];
  return await measureCli(args, { env, cwd: mkdtempSync(join(work, 'run-')), imports: ['./echo.js'] });
}

async function warmPushes(set: SpeedSet): Promise<Round[][]> {
  const rounds: Round[][] = [];
  for (let run = 0; run < set.runs; run += 1) {
    const round: Round[] = [];
    for (const threads of THREADS) {
      round.push(await toSink(set, 2, async (endpoint) => await measure(warmJob(set, endpoint, threads), new AbortController().signal, ['--import', ECHO])));
    }
    rounds.push(round);
  }
  return rounds;
}

function warmJob({ source, key, work }: SpeedSet, endpoint: string, threads: number): Job {
  const directory = mkdtempSync(join(work, 'run-'));
  const target = { bucket: 'bench', prefix: 'x', region: 'cn-hangzhou', endpoint };
  return {
    program: 'sealift', operation: 'push', directory: source, files: [], keyFile: key, envelope: 'oss-crypto', threads, concurrency: DEFAULT_CONCURRENCY,
    target, credentials: { accessKeyId: 'bench', accessKeySecret: 'bench' }, manifest: join(directory, 'second.jsonl'),
    warmUp: { directory: source, target: { ...target, prefix: 'first' }, manifest: join(directory, 'first.jsonl') },
  };
}

/** A sink of its own, and the proof that everything arrived there. */
async function toSink<T>({ sizeBytes }: SpeedSet, pushes: number, measured: (origin: string) => Promise<T>): Promise<T> {
  const sink = await startSink({ discard: true });
  const origin = `http://127.0.0.1:${String(sink.announced['port'])}`;
  try {
    const result = await measured(origin);
    const { bodyBytes } = (await (await fetch(`${origin}/?stats`)).json()) as { bodyBytes: number };
    if (bodyBytes < pushes * sizeBytes) {
      throw new Error(`only ${bodyBytes} of ${pushes} × ${sizeBytes} bytes arrived`);
    }
    return result;
  } finally {
    await sink.stop();
  }
}

/** @returns the median of the rounds, each comparing its own pushes: what slows the machine down for a while slows both */
function table(name: string, rounds: readonly (readonly Round[])[], { sizeBytes, runs }: SpeedSet): number {
  console.log(`push of one file of ${sizeBytes / MiB} MiB to a sink, median of ${runs}, ${name}:`);
  THREADS.forEach((threads, column) => {
    const seconds = median(rounds.map((round) => round[column]?.seconds ?? NaN));
    const cpu = median(rounds.map((round) => round[column]?.cpuSeconds ?? NaN));
    const speeds = `${seconds.toFixed(2)} s  ${(sizeBytes / MiB / seconds).toFixed(0)} MiB/s  ${(cpu / (sizeBytes / GiB)).toFixed(2)} cpu-s/GiB`;
    console.log(`  ${threads} thread${threads === 1 ? ' ' : 's'}  ${speeds}`);
  });
  return median(rounds.map(([one, two]) => (one?.seconds ?? NaN) / (two?.seconds ?? NaN)));
}
