import { PARTS_PER_THREAD, SPARE_SHARE } from '../limits.js';
import { Budget } from './budget.js';
import type { Pool } from './pool.js';

/**
 * How many parts of a file are under way at once: as few as keep the threads busy, so that they pass through the same
 * memory again and again while it is in the cache, and most of the arena is never touched. Where the threads wait for the
 * network, the number doubles with every round, up to what the memory holds.
 */
export class PartWindow {
  readonly #places: Budget;
  readonly #idleShare: () => number;
  /** Parts until the threads are looked at again. */
  #left: number;

  constructor(pool: Pick<Pool, 'watchIdleness'>, threads: number) {
    this.#places = new Budget(PARTS_PER_THREAD * threads);
    this.#idleShare = pool.watchIdleness();
    this.#left = this.#places.capacity;
  }

  async take(parts: number): Promise<void> {
    await this.#places.take(parts);
  }

  give(parts: number): void {
    this.#places.give(parts);
    this.#left -= parts;
    if (this.#left > 0) {
      return;
    }
    if (this.#idleShare() > SPARE_SHARE) {
      this.#places.grow(this.#places.capacity);
    }
    this.#left = this.#places.capacity;
  }
}
