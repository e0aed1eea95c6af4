import { SealiftError } from '../errors.js';

interface Waiter {
  readonly amount: number;
  readonly admit: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * A weighted semaphore, first come first served: bytes or requests in flight never pass its capacity.
 * Ours because piscina's own drain event comes too late to bound memory.
 */
export class Budget {
  #capacity: number;
  #used = 0;
  #closed: Error | undefined;
  readonly #waiting: Waiter[] = [];

  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`capacity must be a positive integer, got ${capacity}`);
    }
    this.#capacity = capacity;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** Waits until `amount` units are free and takes them; more than the capacity counts as the whole capacity. Returns what to give back. */
  async take(amount: number): Promise<number> {
    const wanted = this.#clamp(amount);
    if (this.#closed !== undefined) {
      throw this.#closed;
    }
    if (this.#waiting.length === 0 && this.#used + wanted <= this.#capacity) {
      this.#used += wanted;
      return wanted;
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ amount: wanted, admit: resolve, refuse: reject });
    });
    return wanted;
  }

  /** Gives back what an equal `take` took. */
  give(amount: number): void {
    this.#used -= this.#clamp(amount);
    this.#admitWaiting();
  }

  /** Has room for `amount` units more from now on. Only where nobody takes more than the capacity. */
  grow(amount: number): void {
    this.#capacity += amount;
    this.#admitWaiting();
  }

  /** Runs `work` while holding `amount` units. */
  async with<T>(amount: number, work: () => Promise<T>): Promise<T> {
    await this.take(amount);
    try {
      return await work();
    } finally {
      this.give(amount);
    }
  }

  /** Refuses everyone who waits, and everyone to come: intake has stopped. */
  close(): void {
    this.#closed = new SealiftError('interrupted', 'interrupted');
    for (const waiter of this.#waiting.splice(0)) {
      waiter.refuse(this.#closed);
    }
  }

  #clamp(amount: number): number {
    return Math.min(Math.max(1, Math.ceil(amount)), this.#capacity);
  }

  #admitWaiting(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#used + first.amount > this.#capacity) {
        return;
      }
      this.#used += first.amount;
      this.#waiting.shift();
      first.admit();
    }
  }
}
