import { SealiftError, toFailure, type Failure } from '../../errors.js';
import { CollisionFinder, pathOfKey } from '../../files/names.js';
import type { ExistingEntry } from '../../files/target-tree.js';
import type { ManifestView } from '../../manifest/view.js';
import type { ObjectStore } from '../../store/store.js';
import type { SkipReason } from '../events.js';
import type { Replace } from '../jobs.js';
import { isDirectoryMarker, listObjects } from '../listing.js';
import { missing, RECORDED } from '../missing.js';
import { missingPerhaps } from '../notices.js';
import type { PushedBefore } from '../pushed-before.js';
import type { EncodedPath, FileStat } from '../types.js';
import { inTheWay } from './in-the-way.js';
import type { PreparedPull } from './prepare-pull.js';
import { planPull, type PulledBefore } from './pull-plan.js';
import { Unlisted, type FoundObject } from './unlisted.js';

/** What a pull goes by. */
export interface PullGrounds {
  readonly store: ObjectStore;
  /** Ends the listing. */
  readonly signal: AbortSignal;
  /** Of this pull; undefined where none was begun. */
  readonly manifest: ManifestView | undefined;
  readonly pushed: PushedBefore;
  /** What stands in the destination. @throws as `TargetTree.look` */
  readonly look: (path: EncodedPath) => ExistingEntry | undefined;
}

export type PullChoice =
  | { readonly action: 'skip'; readonly file: { readonly path: string; readonly key: string; readonly bytes?: number }; readonly reason: SkipReason }
  | { readonly action: 'refuse'; readonly failure: Failure }
  /** To `path`, which differs from that of the object where names collide. */
  | { readonly action: 'pull'; readonly path: EncodedPath; readonly overwrite: Replace; readonly mustBeSealed: boolean };

/** What a pull does with each object of a prefix. Writes nothing: a dry run shows the choices that a run then makes. */
export class PullChoices {
  readonly #grounds: PullGrounds;
  readonly #prepared: PreparedPull;
  readonly #unlisted: Unlisted;
  #collisions: CollisionFinder | undefined;

  constructor(grounds: PullGrounds, prepared: PreparedPull) {
    this.#grounds = grounds;
    this.#prepared = prepared;
    this.#unlisted = new Unlisted(grounds, prepared);
  }

  /** What the bucket lists, and what the manifest of the push knows to be there besides. */
  async *objects(): AsyncGenerator<FoundObject> {
    const { prefix } = this.#prepared;
    this.#unlisted.beginListing();
    for await (const object of listObjects(this.#grounds.store, prefix, this.#grounds.signal)) {
      const path = pathOfKey(prefix, object.key);
      if (path !== null) {
        this.#unlisted.listed(object.key);
        yield { ...object, path };
      }
    }
    yield* this.#unlisted.objects();
  }

  /** What the named manifest of the push records and the bucket has not got. Comes after {@link objects}. */
  *missing(): Generator<{ readonly path: EncodedPath; readonly key: string; readonly failure: Failure }> {
    for (const { path, key } of this.#grounds.pushed.isNamed ? this.#unlisted.absent() : []) {
      yield { path, key, failure: toFailure(missing(key, RECORDED)) };
    }
  }

  /** The same of a manifest that was merely found, for a notice: objects may have been deleted on purpose since. */
  get missingPerhaps(): string | undefined {
    const { file, isNamed } = this.#grounds.pushed;
    const count = isNamed ? 0 : this.#unlisted.absentCount;
    return file === undefined || count === 0 ? undefined : missingPerhaps(count, file);
  }

  /**
   * All names are looked at before the first byte is written: half a tree with a surprise in it helps nobody. Returns why
   * nothing may be pulled, if so. Comes before {@link choose}.
   */
  async refusal(): Promise<SealiftError | undefined> {
    const { onCollision } = this.#prepared;
    if (onCollision === 'keep') {
      return undefined;
    }
    const finder = new CollisionFinder();
    for await (const object of this.objects()) {
      if (this.#takes(object)) {
        finder.add(object.path);
      }
    }
    this.#collisions = finder;
    return onCollision === 'fail' && finder.hasCollisions ? await this.#collision(finder) : undefined;
  }

  async #collision(finder: CollisionFinder): Promise<SealiftError | undefined> {
    const colliding: string[] = [];
    for await (const object of this.objects()) {
      if (this.#takes(object) && finder.collides(object.path)) {
        colliding.push(object.path);
      }
    }
    if (colliding.length === 0) {
      return undefined;
    }
    return new SealiftError('collision', `${colliding.length} names differ in case or Unicode form only, for example ${colliding.slice(0, 4).join(', ')}; nothing was written`, {
      remedy: 'pass --on-collision rename to give them distinct names, or --on-collision keep if this file system tells them apart',
    });
  }

  /** Whatever is wrong with an object, or with its place, is a refusal of this one. */
  choose(object: FoundObject): PullChoice {
    try {
      return this.#choose(object);
    } catch (error) {
      return { action: 'refuse', failure: toFailure(error) };
    }
  }

  #choose(object: FoundObject): PullChoice {
    const { path, key, sizeBytes, etag } = object;
    if (!this.#takes(object)) {
      return { action: 'skip', file: { path, key, bytes: sizeBytes }, reason: 'excluded' };
    }
    if (isDirectoryMarker(object)) {
      return { action: 'skip', file: { path, key }, reason: 'empty-directory' };
    }
    const place = this.#collisions?.collides(path) === true ? this.#collisions.rename(path) : path;
    const found = this.#grounds.look(place);
    if (found?.kind === 'directory') {
      throw inTheWay(place, 'directory', UNKNOWN);
    }
    const pushed = this.#grounds.pushed.find(path);
    // A link that took the name is nobody's pulled file, whatever its times say.
    const known = found?.kind === 'file' ? { pushed, pulled: this.#pulledBefore(place, found.stat) } : { pushed: undefined, pulled: undefined };
    const plan = planPull({ etag, local: found?.stat, ...known }, this.#prepared);
    switch (plan.action) {
      case 'skip':
        return { action: 'skip', file: { path: place, key, bytes: sizeBytes }, reason: plan.reason };
      case 'refuse':
        throw inTheWay(place, found?.kind ?? 'file', UNKNOWN);
      case 'pull':
        return { action: 'pull', path: place, overwrite: plan.overwrite, mustBeSealed: pushed !== undefined || this.#foundSealed(path) };
    }
  }

  #takes(object: FoundObject): boolean {
    const { selection, takesSize } = this.#prepared;
    return selection.takes(object.path) && (isDirectoryMarker(object) || takesSize(object.sizeBytes));
  }

  #pulledBefore(path: EncodedPath, local: FileStat): PulledBefore | undefined {
    const { manifest } = this.#grounds;
    const entry = manifest?.find(path);
    if (manifest === undefined || entry === undefined) {
      return undefined;
    }
    const isDone = entry.state === 'done';
    const record = isDone ? manifest.read(entry) : undefined;
    const etag = record?.type === 'done' ? record.etag : undefined;
    return { isDone, attempted: entry.attempted, unchanged: isDone && manifest.isUnchanged(entry, local), etag };
  }

  /** By this run, under either name: whether an object collides depends on what else is in the bucket now. */
  #foundSealed(path: EncodedPath): boolean {
    const { manifest } = this.#grounds;
    const names = this.#prepared.onCollision === 'rename' ? [path, this.#collisions?.rename(path) ?? path] : [path];
    return names.some((name) => {
      const entry = manifest?.find(name);
      const records = entry === undefined ? [] : [manifest?.lastDone(entry)?.record, manifest?.pendingFetch(entry.id)?.fetching];
      return records.some((record) => record?.commitment !== undefined);
    });
  }
}

const UNKNOWN = 'and no manifest says that it is this object';
