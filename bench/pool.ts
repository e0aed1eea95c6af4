/**
 * What does it cost to hand files to the threads? `node dist/bench/pool.js [--threads 2]`
 *
 * µs of CPU time per file, all threads together, by the number of files per job: jobs and outcomes are what a push of
 * small files sends, the worker answers at once.
 */
import { parseArgs } from 'node:util';
import type { Outcome, PushItem } from '../src/run/jobs.js';
import { ThreadPool } from '../src/run/threads/thread-pool.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const { values: options } = parseArgs({ options: { threads: { type: 'string', default: '2' } } });
const threads = Number(options.threads);
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128];
const IN_FLIGHT = 64;

const pool = new ThreadPool({ threads, concurrency: 16, worker: new URL('./pool-worker.js', import.meta.url) });
const jobs = pool.open({ channel: 'bench' });
try {
  console.log(`${machine()}\nµs per file, ${threads} threads, ${IN_FLIGHT} jobs in flight, median of 5 rounds`);
  printRow('files per job', ['CPU', 'wall']);
  for (const files of BATCHES) {
    const { seconds, cpuSeconds } = await timed(async () => {
      const outcomes = await Promise.all(Array.from({ length: IN_FLIGHT }, async () => await dispatch(files)));
      mustHold(outcomes.flat().length === files * IN_FLIGHT, 'files came back without an outcome');
    });
    printRow(String(files), [cpuSeconds, seconds].map((value) => (value / files / IN_FLIGHT) * 1e6), 1);
  }
} finally {
  await pool.destroy();
}

async function dispatch(count: number): Promise<readonly Outcome[]> {
  const files = Array.from({ length: count }, (_, id) => item(id));
  return await jobs.run({ kind: 'push', files, regions: files.map(({ id }) => ({ offset: id * 4096, bytes: 4096 })) });
}

function item(id: number): PushItem {
  const path = `directory-${id % 50}/file-${id}` as PushItem['path'];
  const stat = { sizeBytes: 4096, mtimeNs: 1_700_000_000_000_000_000n, ctimeNs: 1_700_000_000_000_000_000n, ino: BigInt(id), dev: 66_304n, mode: 0o644 };
  return { id, path, key: `backup/${path}` as PushItem['key'], stat, replace: 'no' };
}
