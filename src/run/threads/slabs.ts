import { KiB } from '../../limits.js';

const SMALLEST_BYTES = 4 * KiB;

/**
 * Buffers that are used again: fresh pages for every file cost more than the cipher does (page faults and major
 * collections that external memory triggers). One per thread.
 */
export class Slabs {
  readonly #maxKeptBytes: number;
  #keptBytes = 0;
  readonly #free = new Map<number, Buffer[]>();

  /** @param maxKeptBytes - bytes of idle buffers kept for later, at most. */
  constructor(maxKeptBytes: number) {
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** A buffer of exactly `bytes` bytes with undefined content. */
  take(bytes: number): Buffer {
    const size = slabBytes(bytes);
    const slab = this.#free.get(size)?.pop();
    if (slab === undefined) {
      return Buffer.allocUnsafeSlow(size).subarray(0, bytes);
    }
    this.#keptBytes -= size;
    return slab.subarray(0, bytes);
  }

  /** Takes a buffer back; the caller must hold no other view of it. */
  give(view: Buffer): void {
    const size = view.buffer.byteLength;
    if (this.#keptBytes + size > this.#maxKeptBytes) {
      return;
    }
    this.#keptBytes += size;
    const slab = Buffer.from(view.buffer, 0, size);
    const bucket = this.#free.get(size);
    if (bucket === undefined) {
      this.#free.set(size, [slab]);
      return;
    }
    bucket.push(slab);
  }
}

/** Bytes that a request for `bytes` really occupies: rounded up to an eighth of its power of two, so classes stay few. */
export function slabBytes(bytes: number): number {
  if (bytes <= SMALLEST_BYTES) {
    return SMALLEST_BYTES;
  }
  const step = 2 ** Math.max(0, Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}
