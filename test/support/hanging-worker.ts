import type { Task } from '../../src/run/context.js';
import { UNKNOWN_SESSION } from '../../src/run/jobs.js';

/** A worker that is told of runs like a real one, and never ends a job of a run named `hangs`; it answers others with their names. */
const known = new Set<string>();

export default async function run({ session, start }: Task): Promise<string> {
  if (start !== undefined) {
    known.add(session);
  }
  if (!known.has(session)) {
    return UNKNOWN_SESSION;
  }
  return session === 'hangs' ? await new Promise(() => undefined) : await Promise.resolve(session);
}
