/**
 * What does a small run cost with threads of its own, and what with those of a pool? `node dist/bench/runs.js`
 *
 * Milliseconds of one push of three files by the library, the embedded cloud in the same process included.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRsaKey, push, startLocalCloud, ThreadPool } from '../src/index.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const work = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
const cloud = await startLocalCloud({ dataDirectory: join(work, 'cloud') });
const warm = new ThreadPool();
try {
  const common = {
    source: join(work, 'source'),
    credentials: { accessKeyId: cloud.accessKeyId, accessKeySecret: cloud.accessKeySecret },
    keys: [await createRsaKey(join(work, 'key.pem'), { bits: 2048 })],
    manifestDirectories: [join(work, 'manifests')],
  };
  mkdirSync(common.source);
  ['a', 'b', 'c'].forEach((name) => writeFileSync(join(common.source, name), name));
  console.log(`${machine()}\nms per push of three files, ${warm.threads} threads, median of 5 rounds`);
  printRow('threads', ['CPU', 'wall']);
  let runs = 0;
  for (const [name, threads] of [['its own', {}], ['of a pool', { pool: warm }]] as const) {
    const { seconds, cpuSeconds } = await timed(async () => {
      const target = { bucket: cloud.oss.bucket, region: cloud.oss.region, endpoint: cloud.oss.endpoint, prefix: `${runs += 1}` };
      const { done } = await push({ ...common, ...threads, target });
      mustHold(done === 3, 'a file was not pushed');
    });
    printRow(name, [cpuSeconds * 1000, seconds * 1000], 0);
  }
} finally {
  await warm.destroy();
  await cloud.close();
  rmSync(work, { recursive: true, force: true });
}
