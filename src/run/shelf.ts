import { DEAR_TOUCH_NS } from '../limits.js';
import type { Arena, Region } from './arena.js';
import { Budget } from './budget.js';
import { measureFirstTouch } from './first-touch.js';
import type { Piece } from './jobs.js';
import type { Lender } from './large-file.js';

/**
 * Where the ciphertext of large files stays between their passes: one region of the arena, cut into places of a part each. A place
 * that one file is done with is the next one's at once, so that files in a row touch the memory of the largest of them only.
 */
export class Shelf {
  readonly #arena: Arena;
  #places: Places | undefined;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * Room for all pieces of a file, which are of one length but for the last; undefined when there can never be so much, or when
   * it is dearer to touch than to do without. Waits until the files before it have left where those have too few places, or where
   * others wait for memory. One call at a time.
   */
  async open(pieces: readonly Pick<Piece, 'bytes'>[]): Promise<HeldPieces | undefined> {
    const placeBytes = pieces[0]?.bytes ?? 0;
    if (!this.#arena.holds(placeBytes * pieces.length) || !isCheap(this.#arena)) {
      return undefined;
    }
    const wouldDo = !this.#arena.isWanted && this.#places?.fit(pieces.length, placeBytes) === true;
    if (!wouldDo) {
      await this.#places?.left;
    }
    if (this.#places?.isInUse !== true) {
      this.#places = new Places(this.#arena, await this.#arena.take(placeBytes * pieces.length), placeBytes);
    }
    return this.#places.enter();
  }
}

class Places {
  /** Resolved when every file has left, and with it the region. */
  readonly left: Promise<void>;
  readonly #arena: Arena;
  readonly #region: Region;
  readonly #placeBytes: number;
  readonly #turns: Budget;
  readonly #free: number[];
  #leaveAll!: () => void;
  /** That have something here, or will. */
  #files = 0;

  constructor(arena: Arena, region: Region, placeBytes: number) {
    this.#arena = arena;
    this.#region = region;
    this.#placeBytes = placeBytes;
    this.#turns = new Budget(region.bytes / placeBytes);
    this.#free = Array.from({ length: this.#turns.capacity }, (_, index) => region.offset + index * placeBytes);
    this.left = new Promise((resolve) => (this.#leaveAll = resolve));
  }

  get isInUse(): boolean {
    return this.#files > 0;
  }

  fit(pieces: number, placeBytes: number): boolean {
    return pieces <= this.#turns.capacity && placeBytes <= this.#placeBytes;
  }

  enter(): HeldPieces {
    this.#files += 1;
    return new HeldPieces(this);
  }

  leave(): void {
    this.#files -= 1;
    if (!this.isInUse) {
      this.#arena.give(this.#region);
      this.#leaveAll();
    }
  }

  /** @throws SealiftError `interrupted` once intake has stopped */
  async take(bytes: number): Promise<Region> {
    await this.#turns.take(1);
    this.#arena.assertOpen();
    const offset = this.#free.shift();
    if (offset === undefined) {
      throw new RangeError('more places were taken than there are');
    }
    return { offset, bytes };
  }

  give({ offset }: Region): void {
    this.#free.unshift(offset);
    this.#turns.give(1);
  }
}

/** Of one file: the places where its pieces are, filled in pass 1 and handed out in the same order in pass 2. */
export class HeldPieces implements Lender<Region> {
  readonly #places: Places;
  readonly #held: Region[] = [];

  constructor(places: Places) {
    this.#places = places;
  }

  /** For pass 1, after which they stay held. Waits for what the file before has not sent yet. */
  filling(): Lender<Region> {
    return { take: (bytes) => this.#fill(bytes), give: () => undefined };
  }

  take(): Promise<Region> {
    const region = this.#held.shift();
    return region === undefined ? Promise.reject(new RangeError('more pieces were asked for than are held')) : Promise.resolve(region);
  }

  give(region: Region): void {
    this.#places.give(region);
  }

  /** Gives back what was not handed out. Once, when nothing works on the file any more. */
  release(): void {
    this.#held.splice(0).forEach((region) => this.#places.give(region));
    this.#places.leave();
  }

  async #fill(bytes: number): Promise<Region> {
    const region = await this.#places.take(bytes);
    this.#held.push(region);
    return region;
  }
}

function isCheap(arena: Arena): boolean {
  arena.firstTouchNs ??= measureFirstTouch();
  return arena.firstTouchNs < DEAR_TOUCH_NS;
}
