/** A bench from flags to numbers: makes the data, measures every combination beside its floor, opens what was sealed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SealiftError, toFailure } from '../../errors.js';
import { createRsaKey } from '../../keys/key-files.js';
import { DEFAULT_CONCURRENCY } from '../../limits.js';
import { formatBytes, plural } from '../../report/format.js';
import type { Context } from '../context.js';
import { makeScratch } from '../scratch.js';
import { measureCombination } from './combination.js';
import { htmlReport } from './html.js';
import { parseRequest, type BenchRequest, type Flags } from './request.js';
import { checkRoom } from './room.js';
import type { Stage } from './round.js';
import { BENCH_VERSION, thisMachine, type BenchFile, type Row } from './rows.js';
import { suggestionLines, sweepFlags, type Suggestion } from './suggest.js';
import { tableLines } from './table.js';
import { openPlaces } from './target.js';
import { makeWork, nameOf, workFrom, type Work } from './work.js';

/** Unless --runs was given, nothing is measured again after this time, in milliseconds. */
const PATIENCE_MS = 25_000;

export async function runBench(context: Context, flags: Flags): Promise<void> {
  const request = parseRequest(flags, context.cwd);
  const signal = context.signal();
  const scratch = makeScratch('sealift-bench-');
  try {
    const { rows, suggestion } = await measureAll(context, { request, flags, scratch, signal });
    const file: BenchFile = { version: BENCH_VERSION, machine: thisMachine(), rows };
    deliver(context, { file, suggestion, outputs: { ...request, json: flags['json'] === true } });
  } catch (error) {
    throw signal.aborted ? stopped(signal.reason) : error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whatever failed then failed because of it. */
function stopped(reason: unknown): SealiftError {
  const { code, message } = toFailure(reason);
  return new SealiftError(code, `the bench was ${message}, no numbers were kept`);
}

interface Plan {
  readonly request: BenchRequest;
  readonly flags: Flags;
  readonly scratch: string;
  readonly signal: AbortSignal;
}

interface Results {
  readonly rows: readonly Row[];
  readonly suggestion: Suggestion | undefined;
}

async function measureAll(context: Context, plan: Plan): Promise<Results> {
  const { request, flags, scratch } = plan;
  const deadlineMs = flags['runs'] === undefined ? context.now() + PATIENCE_MS : Infinity;
  const keyFile = join(scratch, 'key.pem');
  await createRsaKey(keyFile, { bits: request.keyBits });
  let made: Work | undefined;
  const work = (): Work => (made ??= prepareWork(context, request, scratch));
  const all: Results[] = [];
  for (const latencyMs of request.latencyMs) {
    all.push(await measureLatency(context, plan, { work, keyFile, latencyMs, mayRepeat: () => context.now() < deadlineMs }));
  }
  return { rows: all.flatMap(({ rows }) => rows), suggestion: all[0]?.suggestion };
}

interface Given extends Pick<Stage, 'keyFile' | 'latencyMs' | 'mayRepeat'> {
  /** Made on first use: a target that cannot be reached says so at once. */
  readonly work: () => Work;
}

/** All combinations against servers that answer so late. */
async function measureLatency(context: Context, { request, flags, scratch, signal }: Plan, given: Given): Promise<Results> {
  const { envelope, keyBits, target } = request;
  const directory = mkdtempSync(join(scratch, 'server-'));
  const { place, sink } = await openPlaces(context, { choice: target, latencyMs: given.latencyMs, flags, directory });
  const say = (line: string): void => void context.stderr.write(`${line}\n`);
  try {
    const stage: Stage = { ...given, work: given.work(), place, sink, scratch, envelope, keyBits, signal, say };
    return request.suggest ? await sweepFlags(request, stage) : { rows: await measureEach(request, stage), suggestion: undefined };
  } finally {
    await place.close();
    await sink.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureEach({ threads, concurrency = [DEFAULT_CONCURRENCY], partBytes, memoryBytes, runs, isWarm }: BenchRequest, stage: Stage): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const count of threads ?? [undefined]) {
    for (const requests of concurrency) {
      rows.push(...(await measureCombination({ threads: count, concurrency: requests, partBytes, memoryBytes, runs, isWarm, withPull: true, withProfile: true }, stage)));
    }
  }
  return rows;
}

function prepareWork(context: Context, request: BenchRequest, scratch: string): Work {
  const work = workOf(request, scratch);
  context.stderr.write(`${work.name}: ${plural(work.files.length, 'file')}, ${formatBytes(work.bytes)}\n`);
  return work;
}

function workOf({ groups, profile, directory, isWarm, target: { kind: target } }: BenchRequest, scratch: string): Work {
  if (groups === undefined) {
    const work = workFrom(profile ?? '', directory ?? '');
    checkRoom({ bytes: work.bytes, isMade: false, isWarm, target }, scratch);
    return work;
  }
  checkRoom({ bytes: groups.reduce((sum, { files, bytes }) => sum + files * bytes, 0), isMade: true, isWarm, target }, scratch);
  const data = join(scratch, 'data');
  mkdirSync(data);
  return makeWork(profile ?? groups.map(nameOf).join(' + '), groups, data);
}

interface Delivery {
  readonly file: BenchFile;
  readonly suggestion: Suggestion | undefined;
  readonly outputs: Pick<BenchRequest, 'out' | 'report'> & { readonly json: boolean };
}

function deliver({ stdout, stderr }: Context, { file, suggestion, outputs: { out, report, json } }: Delivery): void {
  if (out !== undefined) {
    writeFileSync(out, `${JSON.stringify(file, null, 2)}\n`);
    stderr.write(`numbers: ${out}\n`);
  }
  if (report !== undefined) {
    writeFileSync(report, htmlReport(file));
    stderr.write(`page: ${report}\n`);
  }
  const advice = suggestion === undefined ? {} : { suggestion };
  const lines = json ? [JSON.stringify({ ...file, ...advice })] : [...tableLines(file), ...(suggestion === undefined ? [] : suggestionLines(suggestion))];
  stdout.write(`${lines.join('\n')}\n`);
}
