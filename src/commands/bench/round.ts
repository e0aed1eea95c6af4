/** One round: ours pushed, pulled, proven and forgotten, then the floor; never both at once, so that memory serves either. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvelopeFamily } from '../../keys/wrapper.js';
import { providerOf } from '../../store/credentials.js';
import { defined } from '../defined.js';
import type { Job, Measure, Operation } from './job.js';
import { measure } from './processes.js';
import { proveObjects, proveTree } from './proof.js';
import { readStages, type StageSplit } from './stages.js';
import type { Place } from './target.js';
import type { Work } from './work.js';

export interface Combination {
  /** Where none are named, as many as pay. */
  readonly threads: number | undefined;
  readonly concurrency: number;
  readonly partBytes: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly withPull: boolean;
  /** Costs one more round. */
  readonly withProfile: boolean;
  /** Each process does the same work twice, by the same threads, and the second time counts. */
  readonly isWarm: boolean;
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
  /** Told what is being done, for people who wait. */
  readonly say: (line: string) => void;
}

/** Ends the names of what a warm-up writes. */
const WARM_UP = '-warm-up';

export type Program = Job['program'];
/** What was asked for; `pull` is left out where only pushes count. */
export type Measures = Readonly<Partial<Record<Operation, Measure>>>;
export type Round = Readonly<Record<Program, Measures>>;
export type Splits = Readonly<Partial<Record<Operation, StageSplit>>>;

export async function measureRound(combination: Combination, stage: Stage): Promise<Round> {
  return { sealift: await measureProgram('sealift', combination, stage), floor: await measureProgram('floor', combination, stage) };
}

/** Once more under the profiler, whose own cost is why this round is not timed. */
export async function profileRound(combination: Combination, stage: Stage): Promise<Splits> {
  return await inDirectory('sealift', { combination, stage }, async (directory) => {
    const splits: Partial<Record<Operation, StageSplit>> = {};
    for (const operation of operationsOf(combination)) {
      const profiles = join(directory, `profiles-${operation}`);
      mkdirSync(profiles);
      const { begunUs } = await measure(await jobOf('sealift', operation, { combination, stage, directory }), stage.signal, ['--cpu-prof', `--cpu-prof-dir=${profiles}`]);
      splits[operation] = readStages(profiles, begunUs);
    }
    return splits;
  });
}

/** @throws SealiftError unless all of it was done and what was sealed opens again */
export async function measureProgram(program: Program, combination: Combination, stage: Stage): Promise<Measures> {
  return await inDirectory(program, { combination, stage }, async (directory) => {
    const measures: Partial<Record<Operation, Measure>> = {};
    for (const operation of operationsOf(combination)) {
      measures[operation] = await measure(await jobOf(program, operation, { combination, stage, directory }), stage.signal);
    }
    await prove(program, directory, { stage, wasPulled: combination.withPull });
    return measures;
  });
}

function operationsOf({ withPull }: Combination): readonly Operation[] {
  return withPull ? ['push', 'pull'] : ['push'];
}

/** In a fresh directory, whose name the objects share; neither is there any more after success. */
async function inDirectory<T>(program: Program, { combination: { isWarm }, stage }: Setting, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(stage.scratch, `${program}-`));
  const result = await work(directory);
  rmSync(directory, { recursive: true, force: true });
  const prefix = prefixOf(program, stage, directory);
  for (const written of isWarm ? [prefix, `${prefix}${WARM_UP}`] : [prefix]) {
    await placeOf(program, stage).forget(written);
  }
  return result;
}

function placeOf(program: Program, { place, sink }: Stage): Place {
  return program === 'floor' ? sink : place;
}

function prefixOf(program: Program, stage: Stage, directory: string): string {
  return `${placeOf(program, stage).target.prefix}${directory.slice(stage.scratch.length)}`;
}

interface Setting {
  readonly combination: Combination;
  readonly stage: Stage;
}

interface Errand extends Setting {
  readonly directory: string;
}

/** With credentials of now: those of the first round may have expired. */
async function jobOf(program: Program, operation: Operation, { combination, stage, directory }: Errand): Promise<Job> {
  const { work, keyFile, envelope } = stage;
  const { target, credentials } = placeOf(program, stage);
  const { threads, concurrency, partBytes, memoryBytes, isWarm } = combination;
  const prefix = prefixOf(program, stage, directory);
  const placesOf = (ending: string): Required<Job>['warmUp'] => ({
    directory: operation === 'push' ? work.directory : freshIn(directory, `pulled${ending}`),
    manifest: join(directory, `${operation}${ending}.jsonl`),
    // A pull may take the same objects twice.
    target: { ...target, prefix: operation === 'push' ? `${prefix}${ending}` : prefix },
  });
  return {
    program, operation, keyFile, envelope, concurrency, credentials: await providerOf(credentials)(),
    files: program === 'floor' ? work.files : [],
    ...placesOf(''),
    ...(isWarm ? { warmUp: placesOf(WARM_UP) } : {}),
    ...defined({ threads, partBytes, memoryBytes }),
  };
}

function freshIn(directory: string, name: string): string {
  const fresh = join(directory, name);
  mkdirSync(fresh);
  return fresh;
}

async function prove(program: Program, directory: string, { stage, wasPulled }: { readonly stage: Stage; readonly wasPulled: boolean }): Promise<void> {
  const { work, keyFile, signal } = stage;
  const named = program === 'floor' ? 'piece' : 'path';
  await proveObjects(placeOf(program, stage), prefixOf(program, stage, directory), { work, keyFile, named, signal });
  if (wasPulled && program === 'sealift') {
    proveTree(work, join(directory, 'pulled'));
  }
}
