/**
 * What do KMS keys cost? `node dist/bench/kms.js [--files 2000] [--runs 3] [--threads 2] [--latency 5]`
 *
 * Pushes and pulls small files under a KMS key of the embedded cloud, which waits 5 ms before each answer, first as fast as
 * it goes and then at the default rate, each in turn with an RSA key. The objects go to the sink, the threads are warm.
 * Prints calls per object, which is what the service bills, and objects per second beside those of the RSA key.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSink } from '../src/commands/bench/target.js';
import { createRsaKey } from '../src/keys/key-files.js';
import type { KmsKey } from '../src/keys/kms.js';
import type { RsaKey } from '../src/keys/rsa.js';
import { DEFAULT_KMS_QPS, KiB, MAX_KMS_QPS } from '../src/limits.js';
import type { RunResult } from '../src/run/options.js';
import { pull } from '../src/run/pull.js';
import { push } from '../src/run/push.js';
import { ThreadPool } from '../src/run/threads/thread-pool.js';
import { startCountedCloud } from './cloud.js';
import { judge, machine, median } from './machine.js';

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '2000' }, runs: { type: 'string', default: '3' }, threads: { type: 'string', default: '2' }, latency: { type: 'string', default: '5' },
  },
});
const files = Number(options.files);
const threads = Number(options.threads);
const work = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
const cloud = await startCountedCloud(join(work, 'cloud'), Number(options.latency));
const sink = await openSink(0);
const pool = new ThreadPool({ threads });
/** Of RSA mode's objects per second, as far as the rate limit allows. */
const RATE_SHARE = 0.8;
let prefixes = 0;

try {
  plant();
  console.log(machine());
  console.log(`${files} files of 4 KiB, ${threads} threads, KMS at ${options.latency} ms, median of ${options.runs}`);
  const rsa = await createRsaKey(join(work, 'key.pem'), { bits: 2048 });
  await roundTrip(rsa);
  // Threads load the client of the KMS once, which is not what its calls cost.
  await roundTrip(kmsKey(MAX_KMS_QPS));
  for (const callsPerSecond of [MAX_KMS_QPS, DEFAULT_KMS_QPS]) {
    await measure(callsPerSecond, rsa);
  }
} finally {
  await pool.destroy();
  await sink.close();
  await cloud.stop();
  rmSync(work, { recursive: true, force: true });
}

function plant(): void {
  mkdirSync(join(work, 'source'));
  mkdirSync(join(work, 'manifests'));
  for (let i = 0; i < files; i += 1) {
    writeFileSync(join(work, 'source', `f${i}`), Buffer.alloc(4 * KiB, i));
  }
}

function kmsKey(callsPerSecond: number): KmsKey {
  return { ...cloud.kms, region: cloud.oss.region, callsPerSecond };
}

async function measure(callsPerSecond: number, rsa: RsaKey): Promise<void> {
  const trips = { kms: [] as Trip[], rsa: [] as Trip[] };
  for (let run = 0; run < Number(options.runs); run += 1) {
    trips.kms.push(await roundTrip(kmsKey(callsPerSecond)));
    trips.rsa.push(await roundTrip(rsa));
  }
  for (const way of ['push', 'pull'] as const) {
    report(`${way} at ${callsPerSecond} calls/s at most`, callsPerSecond, { kms: trips.kms.map((trip) => trip[way]), rsa: trips.rsa.map((trip) => trip[way]) });
  }
}

type Trip = Readonly<Record<'push' | 'pull', Sample>>;

async function roundTrip(key: KmsKey | RsaKey): Promise<Trip> {
  prefixes += 1;
  const { accessKeyId, accessKeySecret } = cloud;
  const target = { ...sink.target, prefix: `${prefixes}` };
  const common = {
    credentials: { accessKeyId, accessKeySecret }, tuning: { threads }, manifestDirectories: [join(work, 'manifests')], newRun: true, keys: [key], target, pool,
  };
  const trip = {
    push: await sample(() => push({ ...common, source: join(work, 'source') })),
    pull: await sample(() => pull({ ...common, destination: join(work, 'back', target.prefix) })),
  };
  rmSync(join(work, 'back'), { recursive: true });
  await sink.forget(target.prefix);
  return trip;
}

interface Sample {
  readonly seconds: number;
  readonly calls: number;
}

async function sample(run: () => Promise<RunResult>): Promise<Sample> {
  const before = await calls();
  const begun = performance.now();
  const { done, failures } = await run();
  const seconds = (performance.now() - begun) / 1000;
  if (done !== files) {
    throw new Error(`${done} of ${files} done: ${JSON.stringify(failures[0])}`);
  }
  return { seconds, calls: (await calls()) - before };
}

function report(label: string, callsPerSecond: number, { kms, rsa }: Readonly<Record<'kms' | 'rsa', readonly Sample[]>>): void {
  const most = Math.max(...kms.map((one) => one.calls));
  const [rate, rsaRate] = [rateOf(kms), rateOf(rsa)];
  const share = rate / Math.min(rsaRate, callsPerSecond);
  judge(`${label}: ${(most / files).toFixed(4)} calls per object at most`, most <= 1.01 * files + threads);
  judge(`${label}: ${rate.toFixed(0)} objects/s, under an RSA key ${rsaRate.toFixed(0)}: ${share.toFixed(2)} of what the rate allows`, share >= RATE_SHARE);
}

function rateOf(samples: readonly Sample[]): number {
  return files / median(samples.map(({ seconds }) => seconds));
}

async function calls(): Promise<number> {
  return (await cloud.counts()).kmsCalls;
}
