import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { reclaimSpent, spent } from '../../crypto/spent.js';
import { ALLOCATOR_HINT_BYTES, SPENT_BYTES } from '../../limits.js';

/**
 * Lets this thread use its short-lived buffers again while they are in the cache. Measured: a quarter of the cost of a
 * cipher, and thirty megabytes less memory per thread. Only for threads of our own: it is none of our business in others.
 */
export function recycleBuffers(): void {
  const { gc, transfer } = engine();
  const count = gc === undefined ? () => undefined : collecting(gc);
  reclaimSpent((buffer) => {
    const memory = ownMemory(buffer);
    if (transfer === undefined || memory === undefined) {
      count(buffer);
    } else {
      transfer.call(memory, 0);
    }
  });
  teachAllocator();
}

interface Engine {
  readonly gc?: (options: { readonly type: 'minor' }) => void;
  /** Frees the memory of the buffer at once, when it is asked to move nothing. */
  readonly transfer?: (this: ArrayBuffer, newBytes: number) => ArrayBuffer;
}

/**
 * V8's own, which have no other way in; since Node 21 only the collector is hidden. Another thread that starts at the same
 * moment may hide it again too early: then this one does without.
 */
function engine(): Engine {
  setFlagsFromString('--expose-gc');
  if (!('transfer' in ArrayBuffer.prototype)) {
    setFlagsFromString('--harmony-rab-gsab-transfer');
  }
  const found = runInNewContext('({ gc: globalThis.gc, transfer: ArrayBuffer.prototype.transfer })') as Engine;
  setFlagsFromString('--no-expose-gc');
  return found;
}

/** Memory that the buffer takes up alone: neither part of something larger nor shared between threads. */
function ownMemory({ buffer, length }: Buffer): ArrayBuffer | undefined {
  return buffer instanceof ArrayBuffer && buffer.byteLength === length ? buffer : undefined;
}

/** Collects what piled up, every so many bytes. */
function collecting(gc: NonNullable<Engine['gc']>): (buffer: Buffer) => void {
  let sinceBytes = 0;
  return ({ length }) => {
    sinceBytes += length;
    if (sinceBytes >= SPENT_BYTES) {
      sinceBytes = 0;
      gc({ type: 'minor' });
    }
  };
}

/**
 * glibc gives what is free at the end of a heap back to the system whenever it is more than 128 KiB, and the next output
 * faults every page in again, two threads at one lock. Once a large block was freed it keeps twice as much as that, for the
 * whole process. Elsewhere this does nothing.
 */
function teachAllocator(): void {
  spent(Buffer.allocUnsafeSlow(ALLOCATOR_HINT_BYTES));
}
