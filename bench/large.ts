/**
 * What does one large file cost? `node dist/bench/large.js [--size 3GiB] [--runs 3] [--only speed|memory] [--dir DIR]`
 *
 * speed: a push with one thread and with two against a server that swallows it, pass 1 included: by whole commands, and by
 * threads that have pushed before, whose scaling is that of the work alone. memory: peak resident set of the whole process
 * during push, pull and verify, at the default budget.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCloud } from '../src/commands/bench/processes.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { DEFAULT_MEMORY_BYTES, GiB, MiB } from '../src/limits.js';
import { parseSize } from '../src/values.js';
import { speed } from './large-speed.js';
import { judge, machine } from './machine.js';
import { measureCli } from './processes.js';

/** What the process may need besides the budget: Node, two threads, ali-oss. */
const ALLOWANCE_MIB = 150;
const SMALLER_BYTES = 200 * MiB;

const { values: options } = parseArgs({
  options: { size: { type: 'string', default: '3GiB' }, runs: { type: 'string', default: '3' }, only: { type: 'string' }, dir: { type: 'string', default: tmpdir() } },
});
const sizeBytes = parseSize('--size', options.size, { min: MiB, max: 64 * GiB - 32 });
const runs = Number(options.runs);
const work = mkdtempSync(join(options.dir, 'sealift-bench-'));

try {
  console.log(machine());
  const key = join(work, 'key.pem');
  await createRsaKey(key, { bits: 2048 });
  if (options.only !== 'memory') {
    const { command, warm } = await speed({ source: plant('speed', sizeBytes), sizeBytes, key, runs, work });
    console.log(`  two threads against one: ${command.toFixed(2)} times as fast by whole commands`);
    judge(`  two threads against one: ${warm.toFixed(2)} times as fast by warm threads (wanted: 1.5)`, warm >= 1.5);
  }
  if (options.only !== 'speed') {
    await memory(key);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function memory(key: string): Promise<void> {
  for (const bytes of [sizeBytes, SMALLER_BYTES]) {
    const source = plant(`memory-${bytes}`, bytes);
    const data = join(work, `cloud-${bytes}`);
    const cloud = await startCloud(data);
    try {
      await measureRoundTrip(source, key, { cloud: cloud.announced as unknown as Announced, bytes });
    } finally {
      await cloud.stop();
      rmSync(data, { recursive: true, force: true });
      rmSync(source, { recursive: true, force: true });
    }
  }
}

interface Announced {
  readonly oss: { readonly endpoint: string; readonly region: string };
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

async function measureRoundTrip(source: string, key: string, { cloud, bytes }: { cloud: Announced; bytes: number }): Promise<void> {
  const cwd = mkdtempSync(join(work, 'run-'));
  const env = {
    OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret, OSS_REGION: cloud.oss.region, OSS_ENDPOINT: cloud.oss.endpoint,
  };
  const common = ['--key', key, '--threads', '2', '--quiet'];
  const back = join(cwd, 'back');
  for (const args of [['push', source, 'oss://sealift/x'], ['pull', 'oss://sealift/x', back], ['verify', 'oss://sealift/x']]) {
    const peaks: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      rmSync(back, { recursive: true, force: true });
      const afresh = args[0] === 'verify' ? [] : ['--new-run'];
      const replace = args[0] === 'push' ? ['--if-exists', 'overwrite'] : [];
      peaks.push((await measureCli([...args, ...common, ...afresh, ...replace], { env, cwd })).peakRssMiB);
    }
    if (args[0] === 'pull' && statSync(join(back, 'file')).size !== bytes) {
      throw new Error('the pulled file has another size');
    }
    const peak = Math.max(...peaks);
    const bound = mib(DEFAULT_MEMORY_BYTES) + ALLOWANCE_MIB;
    judge(`${(args[0] ?? '').padEnd(6)} of ${mib(bytes)} MiB, two threads: peak RSS ${peak.toFixed(0)} MiB, the most of ${runs} (bound: ${bound})`, peak <= bound);
  }
}

/** A directory with one file of bytes that no layer can compress or leave out. */
function plant(name: string, bytes: number): string {
  const directory = join(work, name);
  mkdirSync(directory);
  const fd = openSync(join(directory, 'file'), 'w');
  const block = randomFillSync(Buffer.allocUnsafeSlow(8 * MiB));
  for (let written = 0; written < bytes; ) {
    block.writeBigUInt64LE(BigInt(written), 0);
    written += writeSync(fd, block, 0, Math.min(block.length, bytes - written));
  }
  closeSync(fd);
  return directory;
}

function mib(bytes: number): number {
  return bytes / MiB;
}
