import { parentPort } from 'node:worker_threads';
import pLimit from 'p-limit';
import { workerData } from 'piscina';
import type { WorkerContext, WorkerNotice } from '../src/run/context.js';
import type { Job, Outcome, ResultOf } from '../src/run/jobs.js';
import { fetchPiece, issueKeys, scanPiece, sendPiece } from '../src/run/part-jobs.js';
import { openPorts, type Ports } from '../src/run/ports.js';
import { pullObject } from '../src/run/pull-object.js';
import { ThreadLink } from '../src/run/thread-link.js';
import { pushFile } from '../src/run/push-object.js';

const context = workerData as WorkerContext;
const link = new ThreadLink(context.channel, context.threads);
const ports = openPorts(context, link, (message) => parentPort?.postMessage({ notice: message } satisfies WorkerNotice));
/** What this thread has under way: at most so many objects or parts, each with one request at a time. */
const inSlot = pLimit(context.concurrency);

/** The one entry of the pool: a job in, its plain-data result out. Throws for bugs only. */
export default async function run(job: Job): Promise<ResultOf<Job>> {
  return await dispatch(job, await ports);
}

async function dispatch(job: Job, on: Ports): Promise<ResultOf<Job>> {
  switch (job.kind) {
    case 'push':
      expectFiles(job.files.length, on);
      return await each(job.files, async (file) => await pushFile(file, on));
    case 'pull':
      return await each(job.objects, async (object) => await pullObject(object, on));
    case 'issue':
      return await issueKeys(on);
    case 'scan':
      return await scanPiece(job, on);
    case 'send':
      return await inSlot(async () => await sendPiece(job, on));
    case 'fetch':
      return await inSlot(async () => await fetchPiece(job, on));
  }
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<Outcome>): Promise<Outcome[]> {
  return await Promise.all(items.map(async (item) => await inSlot(async () => await work(item))));
}

/** With --checksum most files turn out unchanged, and keys that nobody takes would have cost a call each. */
function expectFiles(count: number, on: Ports): void {
  if (context.push?.checksum !== true) {
    on.expect(count);
  }
}
