import type { StartBlock } from '../crypto/start-block.js';
import { MAX_CACHED_STARTS } from '../limits.js';

/** Where unwrapped start blocks come from. */
export interface StartSource {
  /** `id` names the wrap algorithm and the wrapped value; `unwrap` is called when nobody knows it. */
  get(id: string, unwrap: () => Promise<StartBlock | null>): Promise<StartBlock | null>;
}

/**
 * The start blocks that one master key has unwrapped lately. Writers wrap one start block for up to 256 objects, so a
 * reader that remembers them spends one private operation or KMS call per object instead of two.
 *
 * Safe because a start block is no secret once unwrapped by its reader and the commitment is checked per object, after
 * every hit too. Single-flight: concurrent readers of one value share one call. Bounded; the least recently used goes.
 */
export class StartCache implements StartSource {
  readonly #starts = new Map<string, Promise<StartBlock | null>>();

  /** `id` must name the wrap algorithm and the wrapped value. A `null` or a rejection is not remembered. */
  get(id: string, unwrap: () => Promise<StartBlock | null>): Promise<StartBlock | null> {
    const known = this.#starts.get(id);
    if (known !== undefined) {
      this.#starts.delete(id);
      this.#starts.set(id, known);
      return known;
    }
    const fresh = this.#remember(id, Promise.resolve().then(unwrap));
    this.#starts.set(id, fresh);
    this.#evict();
    return fresh;
  }

  async #remember(id: string, unwrapping: Promise<StartBlock | null>): Promise<StartBlock | null> {
    let start: StartBlock | null = null;
    try {
      start = await unwrapping;
      return start;
    } finally {
      if (start === null) {
        this.#starts.delete(id);
      }
    }
  }

  #evict(): void {
    const [oldest] = this.#starts.keys();
    if (this.#starts.size > MAX_CACHED_STARTS && oldest !== undefined) {
      this.#starts.delete(oldest);
    }
  }
}
