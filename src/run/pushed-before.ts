import { findManifest } from '../manifest/locate.js';
import { openView, readManifest, type ManifestView } from '../manifest/view.js';
import { sameTarget, type Identity } from './open-manifest.js';
import type { EncodedPath } from './types.js';

/** What the push of an object recorded about it. */
export interface PushedObject {
  readonly etag: string;
  /** Lower-case hex. */
  readonly commitment: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
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

  find(path: EncodedPath): (PushedObject & { readonly id: number }) | undefined {
    const entry = this.#view?.find(path);
    if (entry?.state !== 'done' || this.#view === undefined) {
      return undefined;
    }
    const record = this.#view.read(entry);
    if (record.type !== 'done') {
      return undefined;
    }
    return { id: entry.id, etag: record.etag, commitment: record.commitment ?? '', sizeBytes: record.size, mtimeNs: BigInt(record.mtimeNs) };
  }

  /** Ids and paths of everything that should be in the bucket. */
  *objects(): Generator<{ readonly id: number; readonly path: EncodedPath }> {
    yield* this.#inState('done');
  }

  *emptyDirectories(): Generator<EncodedPath> {
    for (const { path } of this.#inState('directory')) {
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

  *#inState(state: 'done' | 'directory'): Generator<{ readonly id: number; readonly path: EncodedPath }> {
    for (const entry of this.#view?.entries() ?? []) {
      if (entry.state === state && this.#view !== undefined) {
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
