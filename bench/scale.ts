/**
 * What does it cost to find that nothing changed? `node dist/bench/scale.js [--files 200000] [--small 10000] [--runs 3] [--dir DIR]`
 *
 * Resumes finished pushes of many files, of few and of none with the command line, in turn: replay of the manifest and walk
 * of the tree, and nothing to send. `--dir` keeps the files and manifests, so that the next call measures at once.
 * Beside it, in the same run: `find` over the tree, and reading the manifest with JSON.parse alone.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startSink } from '../src/commands/bench/processes.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { MiB } from '../src/limits.js';
import { readHead } from '../src/manifest/locate.js';
import { readManifest } from '../src/manifest/view.js';
import type { ManifestRecord, OpenRecord } from '../src/manifest/record.js';
import { judge, machine, median } from './machine.js';
import { measureCli, type Cost } from './processes.js';
import { plantFiles, recordFinished, type FileSet } from './scale-set.js';

/** Files of the push that shows what a real manifest looks like. */
const PROBE_FILES = 200;
const NOWHERE = 'http://127.0.0.1:9';

const { values: options } = parseArgs({
  options: { files: { type: 'string', default: '200000' }, small: { type: 'string', default: '10000' }, runs: { type: 'string', default: '3' }, dir: { type: 'string' } },
});
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const work = options.dir ?? mkdtempSync(join(memoryDisk, 'sealift-bench-'));
const key = join(work, 'key.pem');

try {
  mkdirSync(work, { recursive: true });
  console.log(machine());
  const [empty, small, large] = await makeSets();
  const costs = { empty: [] as Cost[], small: [] as Cost[], large: [] as Cost[] };
  for (let run = 0; run < Number(options.runs); run += 1) {
    costs.empty.push(await resume(empty));
    costs.small.push(await resume(small));
    costs.large.push(await resume(large));
  }
  report(large, small, { empty: medianOf(costs.empty), small: medianOf(costs.small), large: medianOf(costs.large) });
} finally {
  if (options.dir === undefined) {
    rmSync(work, { recursive: true, force: true });
  }
}

async function makeSets(): Promise<readonly [FileSet, FileSet, FileSet]> {
  const [empty, small, large] = [0, Number(options.small), Number(options.files)].map((count) => plantFiles(work, count)) as [FileSet, FileSet, FileSet];
  if (![empty, small, large].every(({ manifest }) => existsSync(manifest))) {
    const head = await probe();
    for (const set of [empty, small, large]) {
      await record(set, head);
    }
  }
  return [empty, small, large];
}

async function record(set: FileSet, head: OpenRecord): Promise<void> {
  await recordFinished(set, head);
  renameSync(`${set.manifest}.new`, set.manifest);
}

/** Pushes a few files for real, checks that the other way gives the same manifest, and returns how it begins. */
async function probe(): Promise<OpenRecord> {
  const set = plantFiles(join(work, 'probe'), PROBE_FILES);
  const real = join(work, 'probe', 'real.jsonl');
  rmSync(real, { force: true });
  if (!existsSync(key)) {
    await createRsaKey(key, { bits: 2048 });
  }
  const sink = await startSink({ discard: true, etagMd5: true });
  try {
    await sealift(['push', set.tree, 'oss://bench/x', '--manifest', real], `http://127.0.0.1:${String(sink.announced['port'])}`);
  } finally {
    await sink.stop();
  }
  const head = await readHead(real);
  await recordFinished(set, head);
  const [theirs, ours] = [await shapeOf(real), await shapeOf(`${set.manifest}.new`)];
  rmSync(join(work, 'probe'), { recursive: true });
  if (theirs.records !== ours.records || Math.abs(theirs.bytes / ours.bytes - 1) > 0.01) {
    throw new Error(`a real manifest has other records, or ${theirs.bytes} bytes instead of ${ours.bytes}:\n${theirs.records}\n${ours.records}`);
  }
  return head;
}

/** Members of every kind of record, how many there are of the kinds that grow with the files, and bytes per file. */
async function shapeOf(manifest: string): Promise<{ records: string; bytes: number }> {
  const kinds = new Set<string>();
  let done = 0;
  let doneBytes = 0;
  for await (const line of readManifest(manifest)) {
    kinds.add(membersOf(line));
    done += line.type === 'done' ? 1 : 0;
    doneBytes += line.type === 'done' ? JSON.stringify(line).length : 0;
  }
  return { records: `${done} done: ${[...kinds].sort().join('; ')}`, bytes: doneBytes / done };
}

function membersOf(record: ManifestRecord): string {
  return `${record.type}(${Object.keys(record).sort().join(',')})`;
}

async function resume(set: FileSet): Promise<Cost> {
  const cost = await sealift(['resume', set.manifest], NOWHERE);
  const last = JSON.parse(readFileSync(set.manifest, 'latin1').trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  if (last['type'] !== 'close' || last['scanned'] !== set.count || last['skipped'] !== set.count || last['complete'] !== true) {
    throw new Error(`not every one of ${set.count} files was found unchanged: ${JSON.stringify(last)}`);
  }
  return cost;
}

async function sealift(args: readonly string[], endpoint: string): Promise<Cost> {
  const env = { OSS_ACCESS_KEY_ID: 'bench', OSS_ACCESS_KEY_SECRET: 'bench', OSS_REGION: 'cn-hangzhou', OSS_ENDPOINT: endpoint };
  return await measureCli([...args, '--key', key, '--threads', '2', '--quiet'], { env, cwd: work });
}

function medianOf(costs: readonly Cost[]): Cost {
  const of = (what: 'seconds' | 'cpuSeconds' | 'peakRssMiB'): number => median(costs.map((cost) => cost[what]));
  return { seconds: of('seconds'), cpuSeconds: of('cpuSeconds'), peakRssMiB: of('peakRssMiB') };
}

function report(large: FileSet, small: FileSet, costs: Readonly<Record<'empty' | 'small' | 'large', Cost>>): void {
  const rssBytes = ((costs.large.peakRssMiB - costs.small.peakRssMiB) * MiB) / (large.count - small.count);
  const manifestBytes = statSync(large.manifest).size / large.count;
  const [each, eachOfFew] = [(costs.large.cpuSeconds / large.count) * 1e6, (costs.small.cpuSeconds / small.count) * 1e6];
  const own = (cost: Cost, count: number): number => ((cost.cpuSeconds - costs.empty.cpuSeconds) / count) * 1e6;
  console.log(`finished push of ${large.count} files, resumed; median of ${options.runs}; no file at all: ${costs.empty.seconds.toFixed(2)} s, ${costs.empty.cpuSeconds.toFixed(2)} cpu-s, ${costs.empty.peakRssMiB.toFixed(0)} MiB`);
  console.log(`  ${costs.large.seconds.toFixed(2)} s, ${costs.large.cpuSeconds.toFixed(2)} cpu-s, ${((costs.large.seconds / large.count) * 1e6).toFixed(1)} s per 1,000,000 files`);
  console.log(`  peak: ${costs.large.peakRssMiB.toFixed(0)} MiB, of ${small.count} files ${costs.small.peakRssMiB.toFixed(0)} MiB`);
  judge(`  memory: ${rssBytes.toFixed(0)} bytes per further file (bound: 300)`, rssBytes <= 300);
  judge(`  manifest: ${manifestBytes.toFixed(0)} bytes per file (bound: 500)`, manifestBytes <= 500);
  judge(`  CPU per file: ${each.toFixed(1)} µs, of ${small.count} files ${eachOfFew.toFixed(1)} µs: ${(each / eachOfFew).toFixed(2)} times (bound: 1.1)`, each / eachOfFew <= 1.1);
  console.log(`  the same without what no file at all costs: ${own(costs.large, large.count).toFixed(1)} µs and ${own(costs.small, small.count).toFixed(1)} µs`);
  const floor = find(large) + parse(large);
  console.log(`  find and JSON.parse alone: ${floor.toFixed(2)} s; the resume takes ${(costs.large.seconds / floor).toFixed(2)} times as long`);
}

/** Seconds to look at every file from C. */
function find({ tree, count }: FileSet): number {
  const begun = performance.now();
  const { stdout } = spawnSync('find', [tree, '-type', 'f', '-printf', '%s %T@ %C@ %i\n'], { maxBuffer: Infinity });
  if (stdout.toString('latin1').split('\n').length - 1 !== count) {
    throw new Error('find saw another number of files');
  }
  return (performance.now() - begun) / 1000;
}

/** Seconds to read every line without a check. */
function parse({ manifest, count }: FileSet): number {
  const begun = performance.now();
  let done = 0;
  for (const line of readFileSync(manifest, 'latin1').trimEnd().split('\n')) {
    done += (JSON.parse(line) as ManifestRecord).type === 'done' ? 1 : 0;
  }
  if (done !== count) {
    throw new Error('the manifest has another number of files');
  }
  return (performance.now() - begun) / 1000;
}
