import { FASTER, IN_FLIGHT_MS, PARTS_PER_THREAD, SPARE_SHARE } from '../limits.js';
import { Budget } from './budget.js';
import type { Bounds } from './effective.js';
import type { Pool } from './threads/pool.js';

export type WindowBounds = Pick<Bounds, 'threads' | 'partBytes' | 'bandwidthBytesPerSecond'>;

/**
 * How many parts of a file are under way at once: as few as keep the threads busy, so that they pass through the same
 * memory again and again while it is in the cache, and most of the arena is never touched. Where the threads wait for the
 * network, the number doubles with every round, up to what the memory holds, as long as that makes the rounds faster: more
 * parts shorten the wait for answers, and never the wait for a line or a server that is busy. A run with a bandwidth waits for
 * that alone, and has no more under way than goes through in a while.
 */
export class PartWindow {
  readonly #places: Budget;
  readonly #most: number;
  readonly #idleShare: () => number;
  readonly #now: () => number;
  /** Parts until the threads are looked at again. */
  #left: number;
  #roundBegan: number;
  /** Parts per millisecond in the round after which the number was last doubled. */
  #speed = 0;

  /** @param now - milliseconds by a clock that never goes back */
  constructor(pool: Pick<Pool, 'watchIdleness'>, bounds: WindowBounds, now: () => number = performance.now.bind(performance)) {
    const { threads, partBytes, bandwidthBytesPerSecond } = bounds;
    this.#most = bandwidthBytesPerSecond === undefined ? Infinity : Math.max(1, Math.floor((bandwidthBytesPerSecond * IN_FLIGHT_MS) / (1000 * partBytes)));
    this.#places = new Budget(Math.min(PARTS_PER_THREAD * threads, this.#most));
    this.#idleShare = pool.watchIdleness();
    this.#now = now;
    this.#left = this.#places.capacity;
    this.#roundBegan = now();
  }

  async take(parts: number): Promise<void> {
    await this.#places.take(parts);
  }

  give(parts: number): void {
    this.#places.give(parts);
    this.#left -= parts;
    if (this.#left <= 0) {
      this.#endRound();
    }
  }

  #endRound(): void {
    const { capacity } = this.#places;
    const now = this.#now();
    const speed = capacity / (now - this.#roundBegan);
    if (2 * capacity <= this.#most && this.#idleShare() > SPARE_SHARE && speed > FASTER * this.#speed) {
      this.#speed = speed;
      this.#places.grow(capacity);
    }
    this.#left = this.#places.capacity;
    this.#roundBegan = now;
  }
}
