import { existsSync, writeFileSync } from 'node:fs';
import type { Task } from '../../src/run/context.js';
import type { Outcome } from '../../src/run/jobs.js';

/**
 * A worker whose thread ends in the middle of a job: once for keys that name a mark, each time for `dies-always`. The ETags that it
 * answers with are what it was told to replace.
 */
export default async function run({ job }: Task): Promise<readonly Outcome[]> {
  if (job.kind !== 'push') {
    throw new Error('only pushes here');
  }
  for (const { key } of job.files) {
    const mark = /^dies-once:(.*)$/.exec(key)?.[1];
    if (key === 'dies-always' || (mark !== undefined && !existsSync(mark))) {
      writeFileSync(mark ?? '/dev/null', '');
      process.exit(1);
    }
  }
  await Promise.resolve();
  return job.files.map(({ id, stat, replace }) => ({ state: 'done', id, stat, stored: { etag: replace, crc64: '1', commitment: '' } }));
}
