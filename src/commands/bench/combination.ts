/** One combination of flags, measured: push and pull, each in turn with its floor, and proof that the objects open. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvelopeFamily } from '../../keys/wrapper.js';
import { measure } from './processes.js';
import type { Job, Measure, Operation } from './job.js';
import { proveObjects, proveTree } from './proof.js';
import { figures, medianRun, type Row } from './rows.js';
import { readStages, type StageSplit } from './stages.js';
import { sweep, type Place } from './target.js';
import type { Work } from './work.js';

export interface Combination {
  readonly threads: number;
  readonly concurrency: number;
  readonly partBytes: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly withPull: boolean;
  /** At most, as long as there is time. */
  readonly runs: number;
}

export interface Stage {
  readonly work: Work;
  readonly place: Place;
  readonly sink: Place;
  readonly latencyMs: number;
  /** An empty or reusable directory for everything that is written. */
  readonly scratch: string;
  readonly keyFile: string;
  readonly envelope: EnvelopeFamily;
  readonly keyBits: number;
  readonly signal: AbortSignal;
  readonly mayRepeat: () => boolean;
}

interface Pair {
  readonly ours: readonly Measure[];
  readonly floor: readonly Measure[];
}

type MutablePair = { readonly [Name in keyof Pair]: Measure[] };

const EMPTY = (): MutablePair => ({ ours: [], floor: [] });

export async function measureCombination(combination: Combination, stage: Stage): Promise<readonly Row[]> {
  const pairs: Record<Operation, MutablePair> = { push: EMPTY(), pull: EMPTY() };
  for (let run = 0; run < combination.runs && (run === 0 || stage.mayRepeat()); run += 1) {
    const directory = mkdtempSync(join(stage.scratch, 'run-'));
    const name = `run-${run}`;
    await both(pairs.push, jobs('push', { combination, stage, directory, name }), stage);
    if (combination.withPull) {
      await both(pairs.pull, jobs('pull', { combination, stage, directory, name }), stage);
    }
    await prove(stage, { directory, name, pulled: combination.withPull });
    await forget(stage, name);
    rmSync(directory, { recursive: true, force: true });
  }
  const stages = await profile(combination, stage);
  return (['push', 'pull'] as const).flatMap((operation) => (pairs[operation].ours.length === 0 ? [] : [rowOf(operation, pairs[operation], { combination, stage, stages })]));
}

/** Objects of this run are not needed any more; those of the floor neither. */
async function forget({ place, sink }: Stage, name: string): Promise<void> {
  await Promise.all([...new Set([place, sink])].map(async ({ target, ...rest }) => {
    for (const program of ['sealift', 'floor']) {
      await sweep({ target, ...rest }, `${target.prefix}/${program}-${name}`);
    }
  }));
}

async function both(pair: MutablePair, [ours, floor]: readonly [Job, Job], { signal }: Stage): Promise<void> {
  pair.ours.push(await measure(ours, signal));
  pair.floor.push(await measure(floor, signal));
}

interface Errand {
  readonly combination: Combination;
  readonly stage: Stage;
  readonly directory: string;
  readonly name: string;
}

function jobs(operation: Operation, errand: Errand): readonly [Job, Job] {
  return [jobOf('sealift', operation, errand), jobOf('floor', operation, errand)];
}

function jobOf(program: Job['program'], operation: Operation, { combination, stage, directory, name }: Errand): Job {
  const { work, keyFile, envelope } = stage;
  const { target, credentials } = program === 'floor' ? stage.sink : stage.place;
  const { threads, concurrency, partBytes, memoryBytes } = combination;
  const pulled = join(directory, `pulled-${program}`);
  mkdirSync(pulled, { recursive: true });
  return {
    program, operation, keyFile, envelope, threads, concurrency, credentials,
    directory: operation === 'push' ? work.directory : pulled,
    files: program === 'floor' ? work.files : [],
    manifest: join(directory, `${operation}.jsonl`),
    target: { ...target, prefix: `${target.prefix}/${program}-${name}` },
    ...(partBytes === undefined ? {} : { partBytes }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

async function prove({ work, place, sink, keyFile }: Stage, { directory, name, pulled }: { readonly directory: string; readonly name: string; readonly pulled: boolean }): Promise<void> {
  await proveObjects(place, `${place.target.prefix}/sealift-${name}`, { work, keyFile, named: 'path' });
  await proveObjects(sink, `${sink.target.prefix}/floor-${name}`, { work, keyFile, named: 'piece' });
  if (pulled) {
    proveTree(work, join(directory, 'pulled-sealift'));
  }
}

/** Once more under the profiler, whose own cost is why this run is not timed. */
async function profile(combination: Combination, stage: Stage): Promise<Readonly<Record<Operation, StageSplit>>> {
  const directory = mkdtempSync(join(stage.scratch, 'profile-'));
  const splits: Partial<Record<Operation, StageSplit>> = {};
  for (const operation of ['push', 'pull'] as const) {
    if (operation === 'pull' && !combination.withPull) {
      continue;
    }
    const profiles = join(directory, operation);
    mkdirSync(profiles);
    await measure(jobOf('sealift', operation, { combination, stage, directory, name: 'profile' }), stage.signal, ['--cpu-prof', `--cpu-prof-dir=${profiles}`]);
    splits[operation] = readStages(profiles);
  }
  await forget(stage, 'profile');
  rmSync(directory, { recursive: true, force: true });
  return splits as Readonly<Record<Operation, StageSplit>>;
}

function rowOf(operation: Operation, pair: Pair, { combination, stage, stages }: { readonly combination: Combination; readonly stage: Stage; readonly stages: Readonly<Record<Operation, StageSplit>> }): Row {
  const { threads, concurrency, partBytes } = combination;
  const { work, place, latencyMs, envelope, keyBits } = stage;
  const ours = medianRun(pair.ours);
  const floor = medianRun(pair.floor);
  const extra = [partBytes === undefined ? '' : `, parts of ${partBytes} bytes`, latencyMs === 0 ? '' : `, ${latencyMs} ms`].join('');
  return {
    work: `${operation} ${work.name}, ${threads} thread${threads === 1 ? '' : 's'} × ${concurrency}${extra}`,
    operation, data: work.name, target: place.name, envelope, keyBits, threads, concurrency, latencyMs,
    ...(partBytes === undefined ? {} : { partBytes }),
    runs: pair.ours.length,
    ...figures(ours),
    stages: stages[operation],
    floor: { seconds: floor.seconds, cpuSeconds: floor.cpuSeconds },
    efficiency: Math.min(1, floor.cpuSeconds / ours.cpuSeconds),
  };
}
