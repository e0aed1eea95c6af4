import { keyBelow, pathOfKey } from '../files/names.js';
import type { IndexEntry } from '../manifest/file-index.js';
import { findManifest } from '../manifest/locate.js';
import { openView, readManifest, type ManifestView } from '../manifest/view.js';
import { sameTarget, type Identity } from './open-manifest.js';
import type { EncodedPath } from './types.js';

/** What the push of an object recorded about it when it was last done. */
export interface PushedObject {
  readonly etag: string;
  /** Lower-case hex. */
  readonly commitment: string;
  /** Decimal; empty where the server sent none. */
  readonly crc64: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** Whether an attempt was begun since, which may have left a newer state. */
  readonly attemptedSince: boolean;
}

/**
 * The manifest of the push that filled a prefix, as far as a reader has it: it knows empty directories, which objects
 * were sealed, and in which state.
 */
export class PushedBefore {
  readonly #view: ManifestView | undefined;
  /** Rather than found: whoever names it answers for its being up to date. */
  readonly isNamed: boolean;

  constructor(view: ManifestView | undefined, isNamed = false) {
    this.#view = view;
    this.isNamed = isNamed;
  }

  get file(): string | undefined {
    return this.#view?.file;
  }

  /** Number of paths; ids run from 0 to one less. */
  get size(): number {
    return this.#view?.size ?? 0;
  }

  /** Of the path whose object this is, wherever it was pushed to. */
  idOf(key: string): number | undefined {
    const prefix = this.#prefix;
    const path = pathOfKey(prefix, key);
    return path === null || keyBelow(prefix, path) !== key ? undefined : this.#view?.find(path)?.id;
  }

  /** Also of a file that failed since, or was given up: what was pushed is there until something replaces it. */
  find(path: EncodedPath): (PushedObject & { readonly id: number }) | undefined {
    const entry = this.#view?.find(path);
    const last = entry && this.#view?.lastDone(entry);
    if (entry === undefined || last === undefined) {
      return undefined;
    }
    const { record, attemptedSince } = last;
    return { id: entry.id, etag: record.etag, commitment: record.commitment ?? '', crc64: record.crc64 ?? '', sizeBytes: record.size, mtimeNs: BigInt(record.mtimeNs), attemptedSince };
  }

  /** Everything that should be in the bucket, of the ids that are wanted: others cost nothing. */
  *objects(isWanted: (id: number) => boolean = () => true): Generator<{ readonly path: EncodedPath; readonly id: number; readonly key: string }> {
    for (const entry of this.#entries((view, entry) => isWanted(entry.id) && view.wasDone(entry))) {
      yield { ...entry, key: keyBelow(this.#prefix, entry.path) };
    }
  }

  *emptyDirectories(): Generator<EncodedPath> {
    for (const { path } of this.#entries((_, { state }) => state === 'directory')) {
      yield path;
    }
  }

  /** Every commitment that these files ever had, by id: one pass over the manifest. */
  async olderCommitments(ids: ReadonlySet<number>): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const commitments = new Map<number, Set<string>>([...ids].map((id) => [id, new Set()]));
    for await (const record of ids.size === 0 || this.#view === undefined ? [] : readManifest(this.#view.file)) {
      if (record.type === 'done' && record.commitment !== undefined) {
        commitments.get(record.id)?.add(record.commitment);
      }
    }
    return commitments;
  }

  async release(): Promise<void> {
    await this.#view?.release();
  }

  get #prefix(): string {
    return this.#view?.head.target.prefix ?? '';
  }

  *#entries(accepts: (view: ManifestView, entry: IndexEntry) => boolean): Generator<{ readonly id: number; readonly path: EncodedPath }> {
    for (const entry of this.#view?.entries() ?? []) {
      if (this.#view !== undefined && accepts(this.#view, entry)) {
        yield { id: entry.id, path: this.#view.path(entry.id) };
      }
    }
  }
}

/** The named push manifest, or the newest one that speaks of the same bucket and prefix; possibly none. */
export async function findPushedBefore(
  identity: Pick<Identity, 'target'>, where: { readonly named: string | undefined; readonly directories: readonly string[] },
): Promise<PushedBefore> {
  const file = where.named ?? (await findManifest(where.directories, (head) => head.kind === 'push' && sameTarget(head, identity)));
  return new PushedBefore(file === undefined ? undefined : await openView(file), where.named !== undefined);
}
