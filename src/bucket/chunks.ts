import { Readable } from 'node:stream';
import { StoreError } from '../errors.js';
import { onAbort } from '../store/abort.js';

/**
 * The chunks of a stream as buffers; text becomes UTF-8. Ends with `interrupted` when the signal aborts, also while a
 * chunk is waited for. A stream that is not read to its end is destroyed.
 *
 * @throws TypeError for a stream of anything else.
 */
export async function* chunksOf(object: string, content: AsyncIterable<Uint8Array | string>, signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
  const iterator = content[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await orAborted(object, () => iterator.next(), signal);
      if (next.done === true) {
        ended = true;
        return;
      }
      yield toBuffer(next.value);
    }
  } finally {
    if (!ended) {
      abandon(content, iterator);
    }
  }
}

/** @throws StoreError `interrupted` */
export function stopIfAborted(object: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw interrupted(object);
  }
}

/** Ends the waiting with StoreError `interrupted` when the signal aborts; what arrives later goes to `discard`. */
export async function orAborted<T>(object: string, wait: () => Promise<T>, signal: AbortSignal | undefined, discard?: (late: T) => void): Promise<T> {
  stopIfAborted(object, signal);
  return await new Promise<T>((resolve, reject) => {
    const ignore = onAbort(signal, () => reject(interrupted(object)));
    const arrive = (answer: T): void => {
      if (signal?.aborted === true) {
        discard?.(answer);
      }
      resolve(answer);
    };
    void wait().then(arrive, reject).finally(ignore);
  });
}

/** Not awaited: a generator that waits for its source would only answer afterwards. */
function abandon(content: AsyncIterable<unknown>, iterator: AsyncIterator<unknown>): void {
  if (content instanceof Readable) {
    content.destroy();
    return;
  }
  iterator.return?.().catch(() => undefined);
}

function toBuffer(chunk: unknown): Buffer {
  if (typeof chunk === 'string') {
    return Buffer.from(chunk);
  }
  if (chunk instanceof Uint8Array) {
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  throw new TypeError('the content is a stream of something else than bytes or text');
}

function interrupted(object: string): StoreError {
  return new StoreError('interrupted', `${object}: the operation was aborted`, { object });
}
