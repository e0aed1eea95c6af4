import { channel } from 'node:diagnostics_channel';

/** Published on `sealift:object` whenever a thread has finished an object or a part. */
export interface ObjectTime {
  /** From the moment that a thread took it up to its outcome, failures included. */
  readonly milliseconds: number;
}

const finished = channel('sealift:object');

/** Does the work; when somebody subscribes to the channel, says how long it took. */
export async function observed<T>(work: () => Promise<T>): Promise<T> {
  if (!finished.hasSubscribers) {
    return await work();
  }
  const begun = performance.now();
  try {
    return await work();
  } finally {
    finished.publish({ milliseconds: performance.now() - begun } satisfies ObjectTime);
  }
}
