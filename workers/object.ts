import { parentPort } from 'node:worker_threads';
import type { Task } from '../src/run/context.js';
import { UNKNOWN_SESSION, type Job, type Outcome, type ResultOf, type WorkerNotice } from '../src/run/jobs.js';
import { fetchPiece, issueKeys, scanPiece, sendPiece } from '../src/run/part-jobs.js';
import { pullObject } from '../src/run/pull/pull-object.js';
import { pushFile } from '../src/run/push/push-object.js';
import { rewrapObject } from '../src/run/rewrap/rewrap-object.js';
import { viewOf, type Region } from '../src/run/threads/arena.js';
import { observed } from '../src/run/threads/observed.js';
import { within } from '../src/run/threads/ports.js';
import { WorkerSessions, type WorkerSession } from '../src/run/threads/worker-sessions.js';
import { recycleBuffers } from '../src/run/threads/young-space.js';
// What sends requests, loaded before the first job comes.
import '../src/store/ali-oss.js';
import '../src/store/transport.js';
import '../src/store/xml.js';

recycleBuffers();
const sessions = new WorkerSessions((session, notice) => parentPort?.postMessage({ session, notice } satisfies WorkerNotice));
const NOWHERE: Region = { offset: 0, bytes: 0 };

/** The one entry of the pool: a job in, its plain-data result out. Throws for bugs only. */
export default async function run(task: Task): Promise<ResultOf<Job> | typeof UNKNOWN_SESSION> {
  const session = sessions.of(task);
  return session === undefined ? UNKNOWN_SESSION : await dispatch(task.job, await session);
}

async function dispatch(job: Job, session: WorkerSession): Promise<ResultOf<Job>> {
  const { memory, ports, slots } = session;
  switch (job.kind) {
    case 'push':
      prepareKeys(job.files.length, session);
      return await each(job.files, job.regions, (file, room) => pushFile(file, within(ports, room)), session);
    case 'pull':
      return await each(job.objects, job.regions, (object, room) => pullObject(object, within(ports, room)), session);
    case 'rewrap':
      return await each(job.objects, [], (object) => rewrapObject(object, ports), session);
    case 'issue':
      return await issueKeys(ports);
    case 'scan':
      return await scanPiece(job, viewOf(memory, job.region), ports);
    case 'send':
      return await slots.with(1, () => observed(() => sendPiece(job, viewOf(memory, job.region), ports)));
    case 'fetch':
      return await slots.with(1, () => observed(() => fetchPiece(job, viewOf(memory, job.region), ports)));
  }
}

type Work<T> = (item: T, room: Buffer) => Promise<Outcome>;

async function each<T>(items: readonly T[], regions: readonly Region[], work: Work<T>, { memory, slots }: WorkerSession): Promise<Outcome[]> {
  return await Promise.all(items.map((item, index) => {
    const room = viewOf(memory, regions[index] ?? NOWHERE);
    return slots.with(1, () => observed(() => work(item, room)));
  }));
}

/** With --checksum most files turn out unchanged, and keys that nobody takes would have cost a call or an operation each. */
function prepareKeys(count: number, { context, ports }: WorkerSession): void {
  if (context.push?.checksum !== true) {
    ports.starts().prepare(count);
  }
}
