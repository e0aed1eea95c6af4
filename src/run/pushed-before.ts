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

  constructor(view: ManifestView | undefined) {
    this.#view = view;
  }

  get file(): string | undefined {
    return this.#view?.file;
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

  /** Ids and paths of everything that should be in the bucket. */
  *objects(): Generator<{ readonly id: number; readonly path: EncodedPath }> {
    yield* this.#entries((view, entry) => view.wasDone(entry));
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
  return new PushedBefore(file === undefined ? undefined : await openView(file));
}
