import { DEAR_TOUCH_NS } from '../limits.js';
import type { Arena, Region } from './arena.js';
import { measureFirstTouch } from './first-touch.js';
import type { Lender } from './large-file.js';

/** Regions of one file that stay lent between its passes: handed out in order, given back one by one as they are done with. */
export class HeldRegions implements Lender<Region> {
  readonly #arena: Arena;
  readonly #regions: Region[];

  private constructor(arena: Arena, regions: Region[]) {
    this.#arena = arena;
    this.#regions = regions;
  }

  /** Waits for room for all of them; undefined when there can never be so much, or when it is dearer to touch than to do without. */
  static async take(arena: Arena, sizes: readonly number[]): Promise<HeldRegions | undefined> {
    return arena.holds(sizes) && isCheap(arena) ? new HeldRegions(arena, await arena.takeAll(sizes)) : undefined;
  }

  /** The same regions in the same order, for a pass after which they stay held. */
  onLoan(): Lender<Region> {
    const regions = [...this.#regions];
    return { take: () => handOut(regions), give: () => undefined };
  }

  take(): Promise<Region> {
    return handOut(this.#regions);
  }

  give(region: Region): void {
    this.#arena.give(region);
  }

  /** Gives back what was not handed out. */
  release(): void {
    this.#regions.splice(0).forEach((region) => this.#arena.give(region));
  }
}

function isCheap(arena: Arena): boolean {
  arena.firstTouchNs ??= measureFirstTouch();
  return arena.firstTouchNs < DEAR_TOUCH_NS;
}

function handOut(regions: Region[]): Promise<Region> {
  const region = regions.shift();
  return region === undefined ? Promise.reject(new RangeError('more regions were asked for than are held')) : Promise.resolve(region);
}
