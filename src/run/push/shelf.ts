import { DEAR_TOUCH_NS } from '../../limits.js';
import { measureFirstTouch, type FirstTouch } from '../first-touch.js';
import type { Piece } from '../jobs.js';
import { bySlices, type Lender } from '../large-file.js';
import { grained, viewOf, type Arena, type Region } from '../threads/arena.js';
import { SparePlaces } from './spare-places.js';

/**
 * Where the ciphertext of large files stays between their passes: one region of the arena, cut into places of a part each. A place
 * that one file is done with is the next one's at once, so that files in a row touch the memory of the largest of them only.
 * A place that nobody has touched yet is taken while touching it costs less than reading and sealing its piece again.
 *
 * Whoever waits for memory gets it when everything is sent that is here. So a file with places waits for no other memory: each
 * of its pieces stays in a place, or travels in one.
 */
export class Shelf {
  readonly #arena: Arena;
  readonly #firstTouch: FirstTouch;
  #places: Places | undefined;

  constructor(arena: Arena, firstTouch: FirstTouch = measureFirstTouch) {
    this.#arena = arena;
    this.#firstTouch = firstTouch;
  }

  /**
   * Room for all pieces of a file, which are of one length but for the last, or for none where there can never be so much. Waits
   * until the files before it have left where those have too few places, or where others wait for memory. One call at a time.
   */
  async open(pieces: readonly Pick<Piece, 'bytes'>[]): Promise<HeldPieces> {
    const placeBytes = grained(pieces[0]?.bytes ?? 0);
    if (!this.#arena.holds(placeBytes * pieces.length)) {
      return new HeldPieces(this.#arena);
    }
    const wouldDo = !this.#arena.isWanted && this.#places?.fit(pieces.length, placeBytes) === true;
    if (!wouldDo) {
      await this.#places?.left;
    }
    if (this.#places?.isInUse !== true) {
      const region = await this.#arena.take(placeBytes * pieces.length);
      this.#places = new Places(this.#arena, region, { count: pieces.length, placeBytes, firstTouch: this.#firstTouch });
    }
    return this.#places.enter();
  }
}

interface Cut {
  readonly count: number;
  readonly placeBytes: number;
  readonly firstTouch: FirstTouch;
}

class Places {
  /** Resolved when every file has left, and with it the memory. */
  readonly left: Promise<void>;
  /** For pieces that do not stay: the places that were too dear. */
  readonly spare = new SparePlaces();
  readonly #arena: Arena;
  readonly #region: Region;
  readonly #cut: Cut;
  /** Offsets of places that nobody has touched, and of those that somebody has left. */
  readonly #fresh: number[];
  readonly #free: number[] = [];
  #lent = 0;
  /** Wakes the file in pass 1, which is one at a time. */
  #onLeft: (() => void) | undefined;
  #leaveAll!: () => void;
  /** That have something here, or will. */
  #files = 0;

  constructor(arena: Arena, region: Region, cut: Cut) {
    this.#arena = arena;
    this.#region = region;
    this.#cut = cut;
    this.#fresh = Array.from({ length: cut.count }, (_, index) => region.offset + index * cut.placeBytes);
    this.left = new Promise((resolve) => (this.#leaveAll = resolve));
  }

  get isInUse(): boolean {
    return this.#files > 0;
  }

  fit(pieces: number, placeBytes: number): boolean {
    return pieces <= this.#cut.count && placeBytes <= this.#cut.placeBytes;
  }

  enter(): HeldPieces {
    this.#files += 1;
    return new HeldPieces(this.#arena, this);
  }

  leave(): void {
    this.#files -= 1;
    if (!this.isInUse) {
      this.#arena.give(this.#region);
      this.#leaveAll();
    }
  }

  /**
   * A place for one more piece of a file that holds `own` of them: one that was left, one that the files before are going to
   * leave, or a new one. Undefined where there is none, or a new one would be too dear: then there are spare ones.
   *
   * @throws SealiftError `interrupted` once intake has stopped
   */
  async take(bytes: number, own: number): Promise<Region | undefined> {
    if (this.#free.length === 0 && this.#lent > own) {
      await new Promise<void>((resolve) => (this.#onLeft = resolve));
    }
    this.#arena.assertOpen();
    const offset = this.#free.shift() ?? this.#takeFresh();
    this.#lent += offset === undefined ? 0 : 1;
    return offset === undefined ? undefined : { offset, bytes };
  }

  give({ offset }: Region): void {
    this.#lent -= 1;
    this.#free.unshift(offset);
    this.#onLeft?.();
    this.#onLeft = undefined;
  }

  #takeFresh(): number | undefined {
    const offset = this.#fresh.shift();
    if (offset === undefined) {
      return undefined;
    }
    const { firstTouch, placeBytes } = this.#cut;
    const place = { offset, bytes: placeBytes };
    if (firstTouch(viewOf(this.#arena.memory, place)) < DEAR_TOUCH_NS) {
      return offset;
    }
    this.spare.give(place);
    return undefined;
  }
}

/** Memory for a part that travels. */
export interface Lease {
  readonly region: Region;
  /** Whether pass 1 has left the ciphertext of the piece there. */
  readonly isHeld: boolean;
}

/** Of one file: the places where pieces of it are, filled in pass 1 and handed out in the same order in pass 2. */
export class HeldPieces {
  readonly #places: Places | undefined;
  /** Memory for the pieces that are not held. */
  readonly #unheld: Lender<Region>;
  /** Of every piece in turn; undefined for one that is not held. */
  readonly #turns: (Region | undefined)[] = [];
  readonly #held = new Set<Region>();

  /** Without places nothing is held. */
  constructor(arena: Arena, places?: Places) {
    this.#places = places;
    this.#unheld = places?.spare ?? arena;
  }

  /** For pass 1, after which pieces stay held. Waits for what the file before has not sent yet. */
  filling(): Lender<Region> {
    const slices = bySlices(this.#unheld);
    return {
      take: async (bytes) => await this.#fill(bytes) ?? await slices.take(bytes),
      give: (region) => (this.holds(region) ? undefined : slices.give(region)),
    };
  }

  /** Whether a piece stays in this region. */
  holds(region: Region): boolean {
    return this.#held.has(region);
  }

  /** For pass 2, piece by piece; those that are not held get memory for the time. */
  sending(): Lender<Lease> {
    return {
      take: async (bytes) => {
        const held = this.#turns.shift();
        return { region: held ?? await this.#unheld.take(bytes), isHeld: held !== undefined };
      },
      give: ({ region, isHeld }) => (isHeld ? this.#leave(region) : this.#unheld.give(region)),
    };
  }

  /** Gives back what was not handed out. Once, when nothing works on the file any more. */
  release(): void {
    this.#held.forEach((region) => this.#leave(region));
    this.#places?.leave();
  }

  async #fill(bytes: number): Promise<Region | undefined> {
    const region = await this.#places?.take(bytes, this.#held.size);
    this.#turns.push(region);
    if (region !== undefined) {
      this.#held.add(region);
    }
    return region;
  }

  #leave(region: Region): void {
    this.#held.delete(region);
    this.#places?.give(region);
  }
}
