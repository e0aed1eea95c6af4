/** A bench from flags to numbers: makes the data, measures every combination beside its floor, opens what was sealed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRsaKey } from '../../keys/key-files.js';
import { formatBytes, formatDuration, plural } from '../../report/format.js';
import { parseText } from '../../values.js';
import type { Context } from '../context.js';
import { measureCombination, type Combination, type Stage } from './combination.js';
import { htmlReport } from './html.js';
import { parseRequest, type BenchRequest, type Flags } from './request.js';
import { BENCH_VERSION, thisMachine, type BenchFile, type Row } from './rows.js';
import { suggest, suggestionLines, sweepCombinations, type Suggestion } from './suggest.js';
import { tableLines } from './table.js';
import { openPlaces } from './target.js';
import { makeWork, nameOf, workFrom, type Work } from './work.js';

/** Unless --runs was given, nothing is measured again after this time, in milliseconds. */
const PATIENCE_MS = 15_000;

export async function runBench(context: Context, flags: Flags): Promise<void> {
  const request = parseRequest(flags, context.cwd);
  const signal = context.signal();
  const scratch = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
  try {
    const { rows, suggestion } = await measureAll(context, { request, flags, scratch, signal });
    const file: BenchFile = { version: BENCH_VERSION, machine: thisMachine(), rows };
    deliver(context, flags, { file, suggestion });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
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

async function measureAll(context: Context, { request, flags, scratch, signal }: Plan): Promise<Results> {
  const say = (line: string): void => void context.stderr.write(`${line}\n`);
  const deadlineMs = flags['runs'] === undefined ? context.now() + PATIENCE_MS : Infinity;
  const keyFile = join(scratch, 'key.pem');
  await createRsaKey(keyFile, { bits: request.keyBits });
  const work = prepareWork(request, scratch);
  say(`${work.name}: ${plural(work.files.length, 'file')}, ${formatBytes(work.bytes)}`);
  const rows: Row[] = [];
  for (const latencyMs of request.latencyMs) {
    const directory = mkdtempSync(join(scratch, 'server-'));
    const { place, sink } = await openPlaces(context, { choice: request.target, latencyMs, flags, directory });
    const stage: Stage = { work, place, sink, latencyMs, scratch, keyFile, envelope: request.envelope, keyBits: request.keyBits, signal, mayRepeat: () => context.now() < deadlineMs };
    try {
      for (const combination of combinations(request)) {
        const measured = await measureCombination(combination, stage);
        rows.push(...measured);
        measured.forEach(({ work: name, seconds, efficiency }) => say(`  ${name}: ${formatDuration(seconds * 1000)}, efficiency ${(efficiency * 100).toFixed(0)} %`));
      }
    } finally {
      await place.close();
      await sink.close();
    }
  }
  return { rows, suggestion: request.suggest ? suggest(rows) : undefined };
}

function combinations(request: BenchRequest): readonly Combination[] {
  if (request.suggest) {
    return sweepCombinations(request);
  }
  const { partBytes, memoryBytes, runs } = request;
  return request.threads.flatMap((threads) => request.concurrency.map((concurrency) => ({ threads, concurrency, partBytes, memoryBytes, withPull: true, runs })));
}

function prepareWork({ groups, profile, directory }: BenchRequest, scratch: string): Work {
  if (groups === undefined) {
    return workFrom(directory ?? '');
  }
  const target = join(scratch, 'data');
  mkdirSync(target);
  const [first] = groups;
  return makeWork(profile ?? (first === undefined ? 'nothing' : nameOf(first)), groups, target);
}

function deliver(context: Context, flags: Flags, { file, suggestion }: { readonly file: BenchFile; readonly suggestion: Suggestion | undefined }): void {
  const { out, report, json } = flags;
  if (out !== undefined) {
    writeFileSync(resolve(context.cwd, parseText('--out', out)), `${JSON.stringify(file, null, 2)}\n`);
  }
  if (report !== undefined) {
    writeFileSync(resolve(context.cwd, parseText('--report', report)), htmlReport(file));
  }
  const lines = json === true ? [JSON.stringify({ ...file, ...(suggestion === undefined ? {} : { suggestion }) })] : [...tableLines(file), ...(suggestion === undefined ? [] : suggestionLines(suggestion))];
  context.stdout.write(`${lines.join('\n')}\n`);
}
