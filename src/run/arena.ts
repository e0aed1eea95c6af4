import { SealiftError } from '../errors.js';
import { ARENA_GRAIN_BYTES } from '../limits.js';

/** A run of bytes of the arena, lent to one job: plain data that crosses threads. */
export interface Region {
  readonly offset: number;
  readonly bytes: number;
}

interface Waiter {
  readonly sizes: readonly number[];
  readonly admit: (regions: Region[]) => void;
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
  /** Nanoseconds for the first touch of a page of it; whoever needs it first measures it. */
  firstTouchNs: number | undefined;
  #free: Region[];
  #used = 0;
  #closed: Error | undefined;
  readonly #waiting: Waiter[] = [];

  /** @throws SealiftError `usage` when the system does not give so much */
  constructor(capacity: number, firstTouchNs?: number) {
    this.memory = reserve(capacity);
    this.firstTouchNs = firstTouchNs;
    this.#free = [{ offset: 0, bytes: this.capacity }];
  }

  get capacity(): number {
    return this.memory.byteLength;
  }

  /** Bytes that are lent out. */
  get used(): number {
    return this.#used;
  }

  /** Whether so many regions can ever be lent at once. */
  holds(sizes: readonly number[]): boolean {
    return sizes.reduce((sum, bytes) => sum + grained(bytes), 0) <= this.capacity;
  }

  /** Waits for a region of `bytes` bytes; of the whole arena where that is less. */
  async take(bytes: number): Promise<Region> {
    const [region = NOTHING] = await this.takeAll([Math.min(bytes, this.capacity)]);
    return region;
  }

  /** Waits until there is room for all of them together, so that nobody holds some while waiting for more. */
  async takeAll(sizes: readonly number[]): Promise<Region[]> {
    if (this.#closed !== undefined) {
      throw this.#closed;
    }
    if (!this.holds(sizes)) {
      throw new RangeError(`an arena of ${this.capacity} bytes cannot lend ${sizes.length} regions of up to ${Math.max(...sizes)} bytes`);
    }
    const regions = this.#waiting.length === 0 ? this.#lend(sizes) : undefined;
    return regions ?? (await new Promise((resolve, reject) => {
      this.#waiting.push({ sizes, admit: resolve, refuse: reject });
    }));
  }

  /** Takes a region back; nobody may look at it any more. */
  give({ offset, bytes }: Region): void {
    const whole = grained(bytes);
    this.#used -= whole;
    const after = this.#free.findIndex((region) => region.offset > offset);
    this.#free.splice(after === -1 ? this.#free.length : after, 0, { offset, bytes: whole });
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
      const regions = this.#lend(first.sizes);
      if (regions === undefined) {
        return;
      }
      this.#waiting.shift();
      first.admit(regions);
    }
  }

  /** All or nothing, each where it fits first: low addresses are used most, high ones perhaps never. */
  #lend(sizes: readonly number[]): Region[] | undefined {
    const before = this.#free;
    const regions = sizes.map((bytes) => this.#carve(bytes));
    if (regions.includes(undefined)) {
      this.#free = before;
      return undefined;
    }
    this.#used += sizes.reduce((sum, bytes) => sum + grained(bytes), 0);
    return regions.filter((region) => region !== undefined);
  }

  #carve(bytes: number): Region | undefined {
    const whole = grained(bytes);
    const at = this.#free.findIndex((region) => region.bytes >= whole);
    const region = this.#free[at];
    if (region === undefined) {
      return undefined;
    }
    const rest = { offset: region.offset + whole, bytes: region.bytes - whole };
    this.#free = this.#free.toSpliced(at, 1, ...(rest.bytes === 0 ? [] : [rest]));
    return { offset: region.offset, bytes };
  }
}

const NOTHING: Region = { offset: 0, bytes: 0 };

/** The bytes of a region, in whatever thread. */
export function viewOf(memory: SharedArrayBuffer, { offset, bytes }: Region): Buffer {
  return Buffer.from(memory, offset, bytes);
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

function grained(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / ARENA_GRAIN_BYTES)) * ARENA_GRAIN_BYTES;
}

function reserve(capacity: number): SharedArrayBuffer {
  const whole = Math.floor(capacity / ARENA_GRAIN_BYTES) * ARENA_GRAIN_BYTES;
  try {
    return new SharedArrayBuffer(whole);
  } catch (cause) {
    throw new SealiftError('usage', `the system does not give ${whole} bytes of memory`, { object: '--memory', remedy: 'pass a smaller --memory', cause });
  }
}
