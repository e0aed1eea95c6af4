import type { Replace } from './jobs.js';
import type { FileStat } from './types.js';

/** What a manifest remembers of a path. */
export interface Known {
  readonly isDone: boolean;
  /** An attempt of this run may have written the object. */
  readonly attempted: boolean;
  /** Whether size, times and inode are what they were when the file was recorded. */
  readonly unchanged: boolean;
}

export type Plan =
  | { readonly action: 'skip' }
  | { readonly action: 'push'; readonly how: 'whole' | 'parts'; readonly replace: Replace };

export interface PlanPolicy {
  readonly singlePutBytes: number;
  /** Do not trust an unchanged stat: look at the content. */
  readonly checksum: boolean;
}

/**
 * What a push does with one file. Done and unchanged is skipped; an object that a manifest proves ours is replaced; of
 * one that an interrupted attempt may have written, its own metadata decides.
 */
export function planFile(stat: FileStat, known: Known | undefined, policy: PlanPolicy): Plan {
  if (known?.isDone === true && known.unchanged && !policy.checksum) {
    return { action: 'skip' };
  }
  const how = stat.sizeBytes > policy.singlePutBytes ? 'parts' : 'whole';
  return { action: 'push', how, replace: replacement(known) };
}

function replacement(known: Known | undefined): Replace {
  if (known?.isDone === true) {
    return 'yes';
  }
  return known?.attempted === true ? 'if-ours' : 'no';
}

/** Once more, after an attempt whose end nobody knows: it may have written what stands there. */
export function afterAttempt(replace: Replace): Replace {
  return replace === 'no' ? 'if-ours' : replace;
}

/**
 * Groups small items for one worker, in order. The first batches are small, so that the first byte leaves at once and a run of
 * some dozens still uses every thread; each round doubles them up to `maxItems`, because one pool task per file costs as much as
 * the file.
 */
export class Batcher<T> {
  readonly #limits: { readonly maxItems: number; readonly maxBytes: number; readonly threads: number };
  #items: T[] = [];
  #bytes = 0;
  #batches = 0;

  constructor(limits: { readonly maxItems: number; readonly maxBytes: number; readonly threads: number }) {
    this.#limits = limits;
  }

  /** Adds an item; returns a batch when one is full. */
  add(item: T, bytes: number): readonly T[] | undefined {
    this.#items.push(item);
    this.#bytes += bytes;
    const { maxItems, maxBytes, threads } = this.#limits;
    const wanted = Math.min(maxItems, 2 ** Math.floor(this.#batches / threads));
    return this.#items.length >= wanted || this.#bytes >= maxBytes ? this.flush() : undefined;
  }

  /** What is left, possibly nothing. */
  flush(): readonly T[] {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#batches += 1;
    return items;
  }
}
