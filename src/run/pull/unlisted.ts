import { isSealiftError } from '../../errors.js';
import { pathOfKey } from '../../files/names.js';
import type { ListedObject, ObjectStore } from '../../store/store.js';
import type { PushedBefore } from '../pushed-before.js';
import type { EncodedPath } from '../types.js';
import type { PreparedPull } from './prepare-pull.js';

/** What is known of an object that the manifest records. */
const UNSEEN = 0;
const LISTED = 1;
const ABSENT = 2;

export type FoundObject = ListedObject & { readonly path: EncodedPath };

interface Grounds {
  readonly store: ObjectStore;
  readonly signal: AbortSignal;
  readonly pushed: PushedBefore;
}

/**
 * What a push manifest records below a prefix and a listing does not show: a listing may be stale, so the bucket is asked for each
 * of these by name. Remembers one byte for each path in the manifest; nothing where there is none.
 */
export class Unlisted {
  readonly #grounds: Grounds;
  readonly #prepared: PreparedPull;
  readonly #known: Uint8Array;

  constructor(grounds: Grounds, prepared: PreparedPull) {
    this.#grounds = grounds;
    this.#prepared = prepared;
    this.#known = new Uint8Array(grounds.pushed.size);
  }

  /** Before each listing. An object that was not in the bucket is not asked for again, unless it is listed now. */
  beginListing(): void {
    for (const [id, known] of this.#known.entries()) {
      this.#known[id] = known === ABSENT ? ABSENT : UNSEEN;
    }
  }

  listed(key: string): void {
    const id = this.#grounds.pushed.idOf(key);
    if (id !== undefined) {
      this.#known[id] = LISTED;
    }
  }

  /** After a listing: what it has left out and the bucket has. */
  async *objects(): AsyncGenerator<FoundObject> {
    const { concurrency } = this.#prepared.bounds;
    let batch: Wanted[] = [];
    for (const wanted of this.#wanted(UNSEEN)) {
      batch.push(wanted);
      if (batch.length === concurrency) {
        yield* await this.#found(batch);
        batch = [];
      }
    }
    yield* await this.#found(batch);
  }

  /** Of how many the last listing, and the bucket, knew nothing. */
  get absentCount(): number {
    return this.#known.reduce((count, known) => count + (known === ABSENT ? 1 : 0), 0);
  }

  *absent(): Generator<{ readonly path: EncodedPath; readonly key: string }> {
    yield* this.#wanted(ABSENT);
  }

  *#wanted(state: number): Generator<Wanted> {
    const { prefix, selection, takesSize } = this.#prepared;
    const { pushed } = this.#grounds;
    for (const { id, key, path: pushedPath } of pushed.objects((id) => this.#known[id] === state)) {
      const path = pathOfKey(prefix, key);
      if (path !== null && selection.takes(path) && takesSize(pushed.find(pushedPath)?.sizeBytes ?? 0)) {
        yield { id, path, key };
      }
    }
  }

  async #found(batch: readonly Wanted[]): Promise<readonly FoundObject[]> {
    const answers = await Promise.all(batch.map((wanted) => this.#ask(wanted)));
    return answers.filter((answer) => answer !== undefined);
  }

  async #ask({ id, path, key }: Wanted): Promise<FoundObject | undefined> {
    const { store, signal } = this.#grounds;
    try {
      const { sizeBytes, etag } = await store.head(key, { signal });
      return { key, path, sizeBytes, etag };
    } catch (error) {
      if (!isSealiftError(error) || error.code !== 'not-found') {
        throw error;
      }
      this.#known[id] = ABSENT;
      return undefined;
    }
  }
}

interface Wanted {
  readonly id: number;
  /** Below the prefix that is pulled. */
  readonly path: EncodedPath;
  readonly key: string;
}
