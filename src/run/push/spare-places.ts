import type { Lender } from '../large-file.js';
import type { Region } from '../threads/arena.js';

/**
 * Places of a shelf in which nothing stays: pieces pass through them, first come, first served, and through the one that was left
 * last, which is in the cache. Whoever waits gets one, interruption or not: who has it waits for no memory.
 */
export class SparePlaces implements Lender<Region> {
  readonly #free: number[] = [];
  readonly #waiting: ((offset: number) => void)[] = [];

  async take(bytes: number): Promise<Region> {
    const offset = this.#free.shift() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)));
    return { offset, bytes };
  }

  give({ offset }: Region): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free.unshift(offset);
      return;
    }
    next(offset);
  }
}
