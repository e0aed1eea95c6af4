import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { overwrite } from '../crypto/overwrite.js';
import { spent } from '../crypto/spent.js';
import { isSealiftError } from '../errors.js';
import { MAX_BODY_RESUMES } from '../limits.js';
import type { ObjectStore } from '../store/store.js';

export interface FetchFrom {
  readonly key: string;
  readonly etag: string;
  /** Of the first byte. */
  readonly offset: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fills `target` with the bytes of an object from `offset` on. A body that breaks off is asked for again from where it
 * stopped, as long as the object is still the same (ETag); giving up takes several breaks in a row without one byte.
 *
 * @throws StoreError `replaced` when the object changed meanwhile, or whatever the store says.
 */
export async function fetchInto(
  store: ObjectStore, from: FetchFrom, target: Buffer,
): Promise<void> {
  let filled = 0;
  for (let stalls = 0; filled < target.length; ) {
    const before = filled;
    try {
      const range = { start: from.offset + filled, end: from.offset + target.length };
      const { body } = await store.get(from.key, { ifMatch: from.etag, range, ...(from.signal === undefined ? {} : { signal: from.signal }) });
      await drained(body, (chunk) => {
        overwrite(target, filled, chunk);
        filled += chunk.length;
      });
    } catch (error) {
      stalls = filled > before ? 0 : stalls + 1;
      if (!isSealiftError(error) || !error.retryable || stalls > MAX_BODY_RESUMES) {
        throw error;
      }
    }
  }
}

/**
 * Events instead of iteration: each chunk is taken as it comes from the socket, and none waits in a buffer meanwhile.
 * What brings a chunk still looks at it after it was taken, but no more when the next one comes.
 */
async function drained(body: Readable, take: (chunk: Buffer) => void): Promise<void> {
  let before: Buffer | undefined;
  body.on('data', (chunk: Buffer) => {
    take(chunk);
    if (before !== undefined) {
      spent(before);
    }
    before = chunk;
  });
  await finished(body);
}
