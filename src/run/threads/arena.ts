import { SealiftError } from '../../errors.js';
import { ALLOCATOR_HEADER_BYTES, ARENA_GRAIN_BYTES } from '../../limits.js';

/** A run of bytes of the arena, lent to one job: plain data that crosses threads. */
export interface Region {
  readonly offset: number;
  readonly bytes: number;
}

/** Where the first region begins: at the first page, if the system's allocator is as expected, so that a disk can take regions from there. */
const BEGIN = ARENA_GRAIN_BYTES - ALLOCATOR_HEADER_BYTES;

interface Waiter {
  readonly bytes: number;
  readonly admit: (region: Region) => void;
  readonly refuse: (error: Error) => void;
}

/**
 * All file data of a run, on all threads: one block of shared memory whose pages the system provides when they are first
 * touched, lent out by regions. So the buffers of a run never take more than the arena, whatever the collector does;
 * nothing is allocated while it works; and what one thread has sealed, another can send.
 *
 * First come, first served: whoever waits for much is not passed by those who want little.
 */
export class Arena {
  readonly memory: SharedArrayBuffer;
  /** Bytes that can be lent at once. */
  readonly capacity: number;
  #free: Region[];
  #closed: Error | undefined;
  readonly #waiting: Waiter[] = [];

  /** @throws SealiftError `usage` when the system does not give so much */
  constructor(capacity: number) {
    this.capacity = Math.floor(capacity / ARENA_GRAIN_BYTES) * ARENA_GRAIN_BYTES;
    this.memory = reserve(this.capacity);
    this.#free = [{ offset: 0, bytes: this.capacity }];
  }

  /** Bytes that are lent out. */
  get used(): number {
    return this.capacity - this.#free.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether somebody waits. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether so much can ever be lent. */
  holds(bytes: number): boolean {
    return grained(bytes) <= this.capacity;
  }

  /** Waits for a region of `bytes` bytes; of the whole arena where that is less. */
  async take(bytes: number): Promise<Region> {
    this.assertOpen();
    const wanted = Math.min(bytes, this.capacity);
    const region = this.isWanted ? undefined : this.#lend(wanted);
    return region ?? (await new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: wanted, admit: resolve, refuse: reject });
    }));
  }

  /** @throws SealiftError `interrupted` after {@link close} */
  assertOpen(): void {
    if (this.#closed !== undefined) {
      throw this.#closed;
    }
  }

  /** Takes a region back; nobody may look at it any more. */
  give({ offset, bytes }: Region): void {
    const after = this.#free.findIndex((region) => region.offset > offset);
    this.#free.splice(after === -1 ? this.#free.length : after, 0, { offset, bytes: grained(bytes) });
    this.#free = joined(this.#free);
    this.#admitWaiting();
  }

  /** Refuses everyone who waits, and everyone to come: intake has stopped. */
  close(): void {
    this.#closed = new SealiftError('interrupted', 'interrupted');
    for (const waiter of this.#waiting.splice(0)) {
      waiter.refuse(this.#closed);
    }
  }

  #admitWaiting(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const region = this.#lend(first.bytes);
      if (region === undefined) {
        return;
      }
      this.#waiting.shift();
      first.admit(region);
    }
  }

  /** Where it fits first: low addresses are used most, high ones perhaps never. */
  #lend(bytes: number): Region | undefined {
    const whole = grained(bytes);
    const at = this.#free.findIndex((region) => region.bytes >= whole);
    const region = this.#free[at];
    if (region === undefined) {
      return undefined;
    }
    const rest = { offset: region.offset + whole, bytes: region.bytes - whole };
    this.#free.splice(at, 1, ...(rest.bytes === 0 ? [] : [rest]));
    return { offset: region.offset, bytes };
  }
}

/** Memory for views of {@link viewOf}: pages for `bytes` bytes, which the system provides when they are first touched. */
export function reserve(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(BEGIN + bytes);
  } catch (cause) {
    throw new SealiftError('usage', `the system does not give ${bytes} bytes of memory`, { object: '--memory', remedy: 'pass a smaller --memory', cause });
  }
}

/** The bytes of a region, in whatever thread. */
export function viewOf(memory: SharedArrayBuffer, { offset, bytes }: Region): Buffer {
  return Buffer.from(memory, BEGIN + offset, bytes);
}

/** Cuts a region into neighbours of the given sizes; those for which there is no room left are empty. */
export function divide({ offset, bytes }: Region, sizes: readonly number[]): Region[] {
  let at = 0;
  return sizes.map((size) => {
    const fits = at + size <= bytes;
    const part = { offset: offset + at, bytes: fits ? size : 0 };
    at += fits ? size : 0;
    return part;
  });
}

function joined(regions: readonly Region[]): Region[] {
  const result: Region[] = [];
  for (const region of regions) {
    const last = result.at(-1);
    if (last !== undefined && last.offset + last.bytes === region.offset) {
      result[result.length - 1] = { offset: last.offset, bytes: last.bytes + region.bytes };
    } else {
      result.push(region);
    }
  }
  return result;
}

/** What a region of so many bytes takes: whole pages. */
export function grained(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / ARENA_GRAIN_BYTES)) * ARENA_GRAIN_BYTES;
}
