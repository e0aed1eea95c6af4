import type { StartBlock } from '../crypto/start-block.js';
import { MAX_CACHED_STARTS } from '../limits.js';
import { SharedCall } from './shared-call.js';

/** One call for whoever asks. Its signal aborts when nobody waits for the answer any more. */
export type FindAnswer<A> = (signal?: AbortSignal) => Promise<A>;
export type UnwrapStart = FindAnswer<StartBlock | null>;

/** Where unwrapped start blocks come from. */
export interface StartSource {
  /** `id` names the wrap algorithm and the wrapped value; `unwrap` is called when nobody knows it. */
  get(id: string, unwrap: UnwrapStart, signal?: AbortSignal): Promise<StartBlock | null>;
}

/**
 * The start blocks that one master key has unwrapped, or wrapped, lately. Writers wrap one start block for up to 256 objects,
 * so a reader that remembers them spends one private operation or KMS call per object instead of two.
 *
 * Safe because a start block is no secret once unwrapped by its reader and the commitment is checked per object, after
 * every hit too. Single-flight: concurrent readers of one value share one call, which goes on while one of them is not aborted.
 * Bounded; the least recently used goes.
 */
export class StartCache<A = StartBlock | null> {
  readonly #starts = new Map<string, SharedCall<A>>();

  /** `id` must name what was asked for: the wrap algorithm and the wrapped value. A `null` or a rejection is not remembered. */
  get(id: string, find: FindAnswer<A>, signal?: AbortSignal): Promise<A> {
    const known = this.#starts.get(id);
    if (known?.isAbandoned === false) {
      this.#starts.delete(id);
      this.#starts.set(id, known);
      return known.wait(signal);
    }
    const fresh = this.#finding(id, find);
    this.#starts.set(id, fresh);
    this.#evict();
    return fresh.wait(signal);
  }

  #finding(id: string, find: FindAnswer<A>): SharedCall<A> {
    const call = new SharedCall<A>(async (shared) => {
      let isKept = false;
      try {
        const answer = await Promise.resolve(shared).then(find);
        isKept = answer !== null;
        return answer;
      } finally {
        if (!isKept && this.#starts.get(id) === call) {
          this.#starts.delete(id);
        }
      }
    });
    return call;
  }

  #evict(): void {
    const [oldest] = this.#starts.keys();
    if (this.#starts.size > MAX_CACHED_STARTS && oldest !== undefined) {
      this.#starts.delete(oldest);
    }
  }
}
