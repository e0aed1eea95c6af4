/**
 * What does the manifest cost per file? `node dist/bench/manifest.js [--files 100000] [--runs 3]`
 *
 * Appends what a push of small files records, in batches of 16, and reads it back in a fresh index: µs of CPU time and
 * bytes on the disk per file, and bytes of memory per file of the index that a resumed run holds.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BATCH_FILES } from '../src/limits.js';
import { Manifest } from '../src/manifest/manifest.js';
import type { EncodedPath, FileStat } from '../src/run/types.js';
import { machine, median, mustHold, printRow } from './machine.js';

const { values: options } = parseArgs({
  options: { files: { type: 'string', default: '100000' }, runs: { type: 'string', default: '3' }, replay: { type: 'string' } },
});
const files = Number(options.files);
const FILES_PER_DIRECTORY = 200;
const STORED = { etag: 'D41D8CD98F00B204E9800998ECF8427E', crc64: '12345678901234567890', commitment: '0123456789abcdef'.repeat(4) };
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

await (options.replay === undefined ? measure() : tellReplay(options.replay));

async function measure(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
  try {
    const samples: Sample[] = [];
    for (let run = 0; run < Number(options.runs); run += 1) {
      samples.push(await sample(join(directory, `run-${run}.jsonl`)));
    }
    console.log(`${machine()}\nper file of ${files}, median of ${samples.length}`);
    printRow('append, µs of CPU', [median(samples.map(({ appendMicros }) => appendMicros))]);
    printRow('replay, µs of CPU', [median(samples.map(({ replayMicros }) => replayMicros))]);
    printRow('manifest, bytes on the disk (≤ 500)', [median(samples.map(({ diskBytes }) => diskBytes))], 0);
    printRow('index, bytes of memory (≤ 300)', [median(samples.map(({ memoryBytes }) => memoryBytes))], 0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Replay {
  readonly replayMicros: number;
  readonly memoryBytes: number;
}

interface Sample extends Replay {
  readonly appendMicros: number;
  readonly diskBytes: number;
}

/** Replays in a process of its own, where no other index can be mistaken for memory that was freed. */
async function sample(file: string): Promise<Sample> {
  const appendMicros = await microsPerFile(async () => await append(file));
  const replay = JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--files', options.files, '--replay', file], { encoding: 'utf8' })) as Replay;
  return { ...replay, appendMicros, diskBytes: statSync(file).size / files };
}

async function tellReplay(file: string): Promise<void> {
  const before = await held();
  const loaded: Manifest[] = [];
  const replayMicros = await microsPerFile(async () => void loaded.push(await Manifest.load(file)));
  const memoryBytes = (await held() - before) / files;
  for (const manifest of loaded) {
    mustHold(manifest.count('done') === files, 'the manifest has forgotten files');
    await manifest.release();
  }
  console.log(JSON.stringify({ replayMicros, memoryBytes } satisfies Replay));
}

async function append(file: string): Promise<void> {
  const manifest = await Manifest.create(file, {
    version: 1, run: 'bench', kind: 'push', createdAt: new Date().toISOString(), root: { path: '.' as EncodedPath, dev: '1', ino: '1' },
    target: { region: 'cn-hangzhou', bucket: 'bench', prefix: 'bench' }, envelope: 'oss-crypto', keyFingerprint: 'SHA256:bench', partBytes: 8_388_608, options: {},
  });
  for (let first = 0; first < files; first += BATCH_FILES) {
    const paths = Array.from({ length: Math.min(BATCH_FILES, files - first) }, (_, index) => pathOf(first + index));
    manifest.started(paths).forEach((id) => manifest.done(id, statOf(id), STORED));
    await Promise.resolve();
  }
  await manifest.release();
}

async function microsPerFile(work: () => Promise<void>): Promise<number> {
  const cpu = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / files;
}

/** What is still in use, in bytes. */
async function held(): Promise<number> {
  collect();
  await setImmediate();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function pathOf(index: number): EncodedPath {
  return `directory-${Math.floor(index / FILES_PER_DIRECTORY)}/file-${index}` as EncodedPath;
}

function statOf(id: number): FileStat {
  return { sizeBytes: 4096, mtimeNs: 1_700_000_000_123_456_789n, ctimeNs: 1_700_000_000_123_456_789n, ino: BigInt(1_000_000 + id), dev: 66_304n, mode: 0o644 };
}
