/**
 * Pushes of one source by threads that have pushed it before, in a process of their own:
 * `node --import echo.js warm-push.js {"source":…,"key":…,"origin":…,"threads":[1,2],"rounds":3}` prints a line of JSON, the
 * rounds as arrays of {@link Round}.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRsaKey, push, ThreadPool, type RsaKey } from '../src/index.js';
import { mustHold } from './machine.js';

export interface WarmJob {
  readonly source: string;
  /** File with an RSA key. */
  readonly key: string;
  /** Endpoint of the sink. */
  readonly origin: string;
  /** Each is measured in every round, in this order. */
  readonly threads: readonly number[];
  /** Behind one that nobody counts. */
  readonly rounds: number;
}

/** Of one push; CPU seconds of the whole process. */
export interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const job = JSON.parse(process.argv[2] ?? '{}') as WarmJob;
const work = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
const key = await loadRsaKey(job.key);
const pools = job.threads.map((threads) => new ThreadPool({ threads }));
const rounds: Round[][] = [];
let pushes = 0;

try {
  for (let round = 0; round <= job.rounds; round += 1) {
    const measured: Round[] = [];
    for (const pool of pools) {
      measured.push(await pushWith(pool, key));
    }
    rounds.push(measured);
  }
  console.log(JSON.stringify(rounds.slice(1)));
} finally {
  await Promise.all(pools.map(async (pool) => await pool.destroy()));
  rmSync(work, { recursive: true, force: true });
}

async function pushWith(pool: ThreadPool, rsaKey: RsaKey): Promise<Round> {
  pushes += 1;
  const prefix = `${pushes}`;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const { done, failed } = await push({
    pool, source: job.source, keys: [rsaKey], manifestDirectories: [join(work, prefix)],
    credentials: { accessKeyId: 'bench', accessKeySecret: 'bench' },
    target: { bucket: 'bench', prefix, region: 'cn-hangzhou', endpoint: job.origin },
  });
  const seconds = (performance.now() - begun) / 1000;
  mustHold(done === 1 && failed === 0, 'the file was not pushed');
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}
