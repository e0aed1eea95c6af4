/**
 * What do KMS keys cost? `node dist/bench/kms.js [--files 2000] [--runs 3] [--threads 2] [--latency 5]`
 *
 * Pushes and pulls small files under a KMS key of the embedded cloud, which waits 5 ms before each answer, first as fast as
 * it goes and then at the default rate. Prints calls per object, which is what the service bills, and objects per second.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_KMS_QPS, KiB, MAX_KMS_QPS } from '../src/limits.js';
import type { RunResult } from '../src/run/options.js';
import { pull } from '../src/run/pull.js';
import { push } from '../src/run/push.js';
import { startCountedCloud, type CloudPlace } from './cloud.js';
import { machine, median } from './machine.js';

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '2000' }, runs: { type: 'string', default: '3' }, threads: { type: 'string', default: '2' }, latency: { type: 'string', default: '5' },
  },
});
const files = Number(options.files);
const threads = Number(options.threads);
const work = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
const cloud = await startCountedCloud(join(work, 'cloud'), Number(options.latency));
let missed = 0;

try {
  plant();
  console.log(machine());
  console.log(`${files} files of 4 KiB, ${threads} threads, KMS at ${options.latency} ms, median of ${options.runs}`);
  for (const callsPerSecond of [MAX_KMS_QPS, DEFAULT_KMS_QPS]) {
    await measure(cloud, callsPerSecond);
  }
} finally {
  await cloud.stop();
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;

function plant(): void {
  mkdirSync(join(work, 'source'));
  for (let i = 0; i < files; i += 1) {
    writeFileSync(join(work, 'source', `f${i}`), Buffer.alloc(4 * KiB, i));
  }
}

async function measure(cloud: CloudPlace, callsPerSecond: number): Promise<void> {
  const { oss, kms, accessKeyId, accessKeySecret } = cloud;
  const common = {
    credentials: { accessKeyId, accessKeySecret }, tuning: { threads }, manifestDirectories: [join(work, 'manifests')], newRun: true,
    keys: [{ ...kms, region: oss.region, callsPerSecond }],
  };
  mkdirSync(join(work, 'manifests'), { recursive: true });
  const sealed: Sample[] = [];
  const opened: Sample[] = [];
  for (let run = 0; run < Number(options.runs); run += 1) {
    const target = { bucket: oss.bucket, prefix: `${callsPerSecond}-${run}`, region: oss.region, endpoint: oss.endpoint };
    const destination = join(work, 'back', target.prefix);
    sealed.push(await sample(() => push({ ...common, target, source: join(work, 'source') })));
    opened.push(await sample(() => pull({ ...common, target, destination })));
  }
  report(`push at ${callsPerSecond} calls/s at most`, sealed);
  report(`pull at ${callsPerSecond} calls/s at most`, opened);
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

function report(label: string, samples: readonly Sample[]): void {
  const most = Math.max(...samples.map((one) => one.calls));
  const rate = files / median(samples.map(({ seconds }) => seconds));
  const isWithin = most <= 1.01 * files + threads;
  missed += isWithin ? 0 : 1;
  console.log(`${label}: ${(most / files).toFixed(4)} calls per object at most${isWithin ? '' : ' — MORE THAN PROMISED'}, ${rate.toFixed(0)} objects/s, threads and modules included`);
}

async function calls(): Promise<number> {
  return (await cloud.counts()).kmsCalls;
}
