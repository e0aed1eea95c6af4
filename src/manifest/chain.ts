import { chainOf, FIRST_CHAIN, splitLine } from './line.js';
import type { RawLine } from './raw-lines.js';

/**
 * `follows`: intact, and so is everything before it. `damaged`: its chain fits nothing before it.
 * `intact`: there is damage further up, but this line fits the one just before it.
 */
export type LineCondition = 'follows' | 'damaged' | 'intact';

/** Classifies the lines of one file, given in order. */
export class ChainCheck {
  #damaged = false;
  /** What the next line may be chained to: of a damaged line both the chain it claims and the one its text gives. */
  #candidates: readonly string[] = [FIRST_CHAIN];

  classify(line: RawLine): LineCondition {
    const split = line.ended && line.text !== undefined ? splitLine(line.text) : undefined;
    if (split === undefined) {
      this.#damaged = true;
      this.#candidates = [];
      return 'damaged';
    }
    const chains = this.#candidates.map((previous) => chainOf(previous, split.body));
    if (chains.includes(split.chain)) {
      this.#candidates = [split.chain];
      return this.#damaged ? 'intact' : 'follows';
    }
    this.#damaged = true;
    this.#candidates = [split.chain, ...chains.slice(0, 1)];
    return 'damaged';
  }
}
