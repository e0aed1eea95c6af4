/**
 * Has a change made Sealift clearly more wasteful? `npm run gate`, under a minute; exit code 1 says yes.
 *
 * Counts what pushes and pulls ask of the embedded cloud, of the file system and of memory, and measures efficiency, the
 * CPU time of the floor per CPU time of ours in the same run. Everything is a ratio, and bounds.ts holds its bound.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeWork } from '../src/commands/bench/work.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { KiB, MiB } from '../src/limits.js';
import { BOUNDS, type Bound, type Bounded } from './bounds.js';
import { startCountedCloud, type CloudCounts } from './cloud.js';
import { machine } from './machine.js';
import { efficienciesOf, measurePairs, type PairOptions } from './pair.js';
import { measureCli, type Cost } from './processes.js';

const SMALL = { files: 500, bytes: 4 * KiB };
const LARGE = { files: 1, bytes: 64 * MiB };
const PARTS = LARGE.bytes / (8 * MiB);
/** Another process may take a core away in the middle of a measure, so a loss must show every time. */
const ATTEMPTS = 3;

const work = mkdtempSync(join(tmpdir(), 'sealift-gate-'));
const cloud = await startCountedCloud(join(work, 'cloud'), 0);
let missed = 0;

try {
  console.log(machine());
  await createRsaKey(join(work, 'key.pem'), { bits: 2048 });
  plant('one', { files: 1, bytes: 1 });
  plant('small', SMALL);
  plant('large', LARGE);
  const starts = await countStarts();
  await countSmall(starts);
  await countKms();
  await countLarge(starts);
} finally {
  await cloud.stop();
  rmSync(work, { recursive: true, force: true });
}
await efficiencies('small', { files: 1500, bytes: 4 * KiB });
await efficiencies('large', { files: 2, bytes: 48 * MiB });
console.log(missed === 0 ? 'all within their bounds' : `${missed} out of bounds`);
process.exitCode = missed === 0 ? 0 : 1;

interface Starts {
  readonly push: Counted;
  readonly pull: Counted;
}

/** What a process and its threads ask for before the first file: almost all of it loads modules. */
async function countStarts(): Promise<Starts> {
  return { push: await counted(['push', join(work, 'one'), 'oss://bench/one']), pull: await counted(['pull', 'oss://bench/one', join(work, 'back-one')]) };
}

async function countSmall({ push: startOfPush, pull: startOfPull }: Starts): Promise<void> {
  const bytes = SMALL.files * SMALL.bytes;
  const push = await counted(['push', join(work, 'small'), 'oss://bench/small']);
  judge('push small: requests per file', push.ossRequests / SMALL.files);
  judge('push small: bytes sent per byte', push.ossBytes / bytes);
  judge('push small: bytes read per byte', (push.bytesRead - startOfPush.bytesRead) / bytes);
  judge('push small: bytes copied per byte', (push.bytesCopied - startOfPush.bytesCopied) / bytes);
  judge('push small: file system calls per file', (push.fsCalls - startOfPush.fsCalls) / SMALL.files);
  judge('push small: opens per file', (push.opens - startOfPush.opens) / SMALL.files);
  const again = await counted(['push', join(work, 'small'), 'oss://bench/small']);
  judge('push again: requests per file', again.ossRequests / SMALL.files);
  const pull = await counted(['pull', 'oss://bench/small', join(work, 'back-small')]);
  judge('pull small: requests per file', pull.ossRequests / SMALL.files);
  judge('pull small: bytes copied per byte', (pull.bytesCopied - startOfPull.bytesCopied) / bytes);
  judge('pull small: file system calls per file', (pull.fsCalls - startOfPull.fsCalls) / SMALL.files);
}

async function countKms(): Promise<void> {
  const key = ['--kms-key', cloud.kms.keyId, '--kms-endpoint', cloud.kms.endpoint, '--kms-qps', '100000', '--threads', '2'];
  const push = await counted(['push', join(work, 'small'), 'oss://bench/kms'], key);
  judge('push small under KMS: calls per object', push.kmsCalls / SMALL.files);
  const pull = await counted(['pull', 'oss://bench/kms', join(work, 'back-kms')], key);
  judge('pull small under KMS: calls per object', pull.kmsCalls / SMALL.files);
}

async function countLarge({ push: startOfPush, pull: startOfPull }: Starts): Promise<void> {
  const push = await counted(['push', join(work, 'large'), 'oss://bench/large']);
  judge('push large: requests per file', push.ossRequests / LARGE.files);
  judge('push large: bytes sent per byte', push.ossBytes / LARGE.bytes);
  judge('push large: bytes read per byte', (push.bytesRead - startOfPush.bytesRead) / LARGE.bytes);
  judge('push large: bytes copied per byte', (push.bytesCopied - startOfPush.bytesCopied) / LARGE.bytes);
  const twice = await counted(['push', join(work, 'large'), 'oss://bench/twice', '--memory', '40MiB']);
  judge('push large in two passes: requests besides its parts', twice.ossRequests - PARTS);
  judge('push large in two passes: bytes read per byte', (twice.bytesRead - startOfPush.bytesRead) / LARGE.bytes);
  judge('push large in two passes: bytes copied per byte', (twice.bytesCopied - startOfPush.bytesCopied) / LARGE.bytes);
  const pull = await counted(['pull', 'oss://bench/large', join(work, 'back-large')]);
  judge('pull large: requests per file', pull.ossRequests / LARGE.files);
  judge('pull large: bytes copied per byte', (pull.bytesCopied - startOfPull.bytesCopied) / LARGE.bytes);
}

/** Both directions of a set, again while one of them is too low. */
async function efficiencies(set: 'small' | 'large', group: PairOptions['group']): Promise<void> {
  const best = { push: 0, pull: 0 };
  const isMet = (): boolean => isWithin(best.push, BOUNDS[`push ${set}: efficiency`]) && isWithin(best.pull, BOUNDS[`pull ${set}: efficiency`]);
  for (let attempt = 0; attempt < ATTEMPTS && !isMet(); attempt += 1) {
    const rounds = await measurePairs({ group, runs: 1 });
    best.push = Math.max(best.push, ...efficienciesOf(rounds, 'push'));
    best.pull = Math.max(best.pull, ...efficienciesOf(rounds, 'pull'));
  }
  judge(`push ${set}: efficiency`, best.push);
  judge(`pull ${set}: efficiency`, best.pull);
}

type Counted = Omit<CloudCounts, 'operations'> & NonNullable<Cost['calls']>;

/**
 * A command whose every call is counted, here and in the cloud; that it did its work, its exit code says. On one thread,
 * because others load as much of themselves as they come to before the end.
 */
async function counted(args: readonly string[], more: readonly string[] = ['--key', join(work, 'key.pem'), '--threads', '1']): Promise<Counted> {
  const before = await cloud.counts();
  const env = {
    OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret, OSS_REGION: cloud.oss.region, OSS_ENDPOINT: cloud.oss.endpoint,
  };
  const { calls } = await measureCli([...args, ...more, '--quiet'], { env, cwd: work, imports: ['./calls.js'] });
  const after = await cloud.counts();
  if (calls === undefined) {
    throw new Error('the process has counted nothing');
  }
  const { kmsCalls, ossRequests, ossBytes } = after;
  return { ...calls, kmsCalls: kmsCalls - before.kmsCalls, ossRequests: ossRequests - before.ossRequests, ossBytes: ossBytes - before.ossBytes };
}

function judge(name: Bounded, value: number): void {
  const bound: Bound = BOUNDS[name];
  const isMet = isWithin(value, bound);
  missed += isMet ? 0 : 1;
  const limits = [bound.min === undefined ? '' : `at least ${bound.min}`, bound.max === undefined ? '' : `at most ${bound.max}`].filter((limit) => limit !== '');
  console.log(`${name.padEnd(52)} ${value.toFixed(4).padStart(9)}  ${limits.join(', ')}${isMet ? '' : '  MISSED'}`);
}

function isWithin(value: number, { min = 0, max = Infinity }: Bound): boolean {
  return value >= min && value <= max;
}

function plant(name: string, group: { readonly files: number; readonly bytes: number }): void {
  mkdirSync(join(work, name));
  makeWork(name, [group], join(work, name));
}
