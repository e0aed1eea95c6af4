import { parentPort } from 'node:worker_threads';
import { workerData } from 'piscina';
import { viewOf, type Region } from '../src/run/arena.js';
import { Budget } from '../src/run/budget.js';
import type { WorkerNotice, WorkerStart } from '../src/run/context.js';
import type { Job, Outcome, ResultOf } from '../src/run/jobs.js';
import { observed } from '../src/run/observed.js';
import { fetchPiece, issueKeys, scanPiece, sendPiece } from '../src/run/part-jobs.js';
import { openPorts, within, type Ports } from '../src/run/ports.js';
import { pullObject } from '../src/run/pull-object.js';
import { ThreadLink } from '../src/run/thread-link.js';
import { pushFile } from '../src/run/push-object.js';
import { recycleBuffers } from '../src/run/young-space.js';

recycleBuffers();
const { memory, ...context } = workerData as WorkerStart;
const link = new ThreadLink(context.channel, context.threads);
const ports = openPorts(context, link, (message) => parentPort?.postMessage({ notice: message } satisfies WorkerNotice));
const NOWHERE: Region = { offset: 0, bytes: 0 };
/** What this thread has under way: at most so many objects or parts, each with one request at a time. */
const slots = new Budget(context.concurrency);

/** The one entry of the pool: a job in, its plain-data result out. Throws for bugs only. */
export default async function run(job: Job): Promise<ResultOf<Job>> {
  return await dispatch(job, await ports);
}

async function dispatch(job: Job, on: Ports): Promise<ResultOf<Job>> {
  switch (job.kind) {
    case 'push':
      expectFiles(job.files.length, on);
      return await each(job.files, job.regions, (file, room) => pushFile(file, within(on, room)));
    case 'pull':
      return await each(job.objects, job.regions, (object, room) => pullObject(object, within(on, room)));
    case 'issue':
      return await issueKeys(on);
    case 'scan':
      return await scanPiece(job, viewOf(memory, job.region), on);
    case 'send':
      return await slots.with(1, () => observed(() => sendPiece(job, viewOf(memory, job.region), on)));
    case 'fetch':
      return await slots.with(1, () => observed(() => fetchPiece(job, viewOf(memory, job.region), on)));
  }
}

async function each<T>(items: readonly T[], regions: readonly Region[], work: (item: T, room: Buffer) => Promise<Outcome>): Promise<Outcome[]> {
  return await Promise.all(items.map((item, index) => {
    const room = viewOf(memory, regions[index] ?? NOWHERE);
    return slots.with(1, () => observed(() => work(item, room)));
  }));
}

/** With --checksum most files turn out unchanged, and keys that nobody takes would have cost a call each. */
function expectFiles(count: number, on: Ports): void {
  if (context.push?.checksum !== true) {
    on.expect(count);
  }
}
