import { fromFailure, isSealiftError, SealiftError, toFailure, type Failure } from '../errors.js';
import { CollisionFinder, pathOfForeignKey, pathOfKey } from '../files/names.js';
import type { Selection } from '../files/selection.js';
import { LARGE_FILES_AT_ONCE } from '../limits.js';
import type { Manifest } from '../manifest/manifest.js';
import type { ListedObject } from '../store/store.js';
import { Budget } from './budget.js';
import { Dispatcher } from './dispatcher.js';
import type { Outcome, PullItem } from './jobs.js';
import { listObjects } from './listing.js';
import { unauthenticatedRead } from './notices.js';
import { afterAttempt } from './plan.js';
import { planPull, type PulledBefore } from './pull-plan.js';
import { pullLarge, type PullScene } from './pull-large.js';
import type { PushedBefore } from './pushed-before.js';
import type { PreparedPull } from './prepare-pull.js';
import type { Session } from './session.js';
import type { EncodedPath, FileStat } from './types.js';

type Unnumbered = Omit<PullItem, 'id'>;

/** Drives one pull: listing → collisions → plan → pool → manifest. */
export class PullRun {
  readonly #session: Session;
  readonly #manifest: Manifest;
  readonly #pushed: PushedBefore;
  readonly #prepared: PreparedPull;
  readonly #selection: Selection;
  readonly #small: Dispatcher<Unnumbered, PullItem>;
  readonly #largeFiles = new Budget(LARGE_FILES_AT_ONCE);
  #collisions: CollisionFinder | undefined;
  #tidied: string | undefined;

  constructor(session: Session, manifest: Manifest, pushed: PushedBefore, prepared: PreparedPull) {
    this.#session = session;
    this.#manifest = manifest;
    this.#pushed = pushed;
    this.#prepared = prepared;
    this.#selection = prepared.selection;
    this.#small = new Dispatcher(session, {
      bytesOf: ({ sizeBytes }) => sizeBytes,
      begin: (batch) => this.#begin(batch),
      job: (objects, regions) => ({ kind: 'pull', objects, regions }),
      again: (item) => ({ ...item, overwrite: afterAttempt(item.overwrite) }),
      settle: (item, outcome) => this.#settle(item, outcome),
    });
  }

  /** Resolves when every object has been settled or, after an interruption, parked. */
  async run(): Promise<void> {
    const session = this.#session;
    try {
      await this.#refuseCollisions();
      for await (const object of this.#objects()) {
        await this.#admit(object);
      }
      await this.#small.flush();
      session.tally.scanEnded();
    } catch (error) {
      this.#small.park();
      session.stop(isSealiftError(error) ? error : fromFailure(toFailure(error)));
    }
    await session.settled();
  }

  async *#objects(): AsyncGenerator<ListedObject & { readonly path: EncodedPath }> {
    const { prefix } = this.#prepared;
    for await (const object of listObjects(this.#session.ports.store, prefix, this.#session.signal)) {
      const path = pathOfKey(prefix, object.key);
      if (path !== null) {
        yield { ...object, path };
      }
    }
  }

  /** All names are looked at before the first byte is written: half a tree with a surprise in it helps nobody. */
  async #refuseCollisions(): Promise<void> {
    const { onCollision } = this.#prepared;
    if (onCollision === 'keep') {
      return;
    }
    const finder = new CollisionFinder();
    for await (const { path } of this.#objects()) {
      if (this.#selection.takes(path)) {
        finder.add(path);
      }
    }
    if (onCollision === 'fail') {
      await this.#failOnCollision(finder);
    }
    this.#collisions = finder;
  }

  async #failOnCollision(finder: CollisionFinder): Promise<void> {
    const colliding: string[] = [];
    for await (const { path } of finder.hasCollisions ? this.#objects() : []) {
      if (this.#selection.takes(path) && finder.collides(path)) {
        colliding.push(path);
      }
    }
    if (colliding.length > 0) {
      throw new SealiftError('collision', `${colliding.length} names differ in case or Unicode form only, for example ${colliding.slice(0, 4).join(', ')}; nothing was written`, {
        remedy: 'pass --on-collision rename to give them distinct names, or --on-collision keep if this file system tells them apart',
      });
    }
  }

  async #admit(object: ListedObject & { readonly path: EncodedPath }): Promise<void> {
    const { tally } = this.#session;
    tally.scanned(object.sizeBytes);
    if (!this.#selection.takes(object.path)) {
      tally.skipped({ path: object.path, key: object.key, bytes: object.sizeBytes }, 'excluded');
      return;
    }
    if (object.key.endsWith('/') && object.sizeBytes === 0) {
      tally.skipped({ path: object.path, key: object.key }, 'empty-directory');
      return;
    }
    try {
      await this.#admitObject(object);
    } catch (error) {
      if (isSealiftError(error) && error.code === 'interrupted') {
        throw error;
      }
      this.#fail(object, toFailure(error));
    }
  }

  async #admitObject(object: ListedObject & { readonly path: EncodedPath }): Promise<void> {
    const { prefix, overwrite, checksum } = this.#prepared;
    const path = this.#collisions?.collides(object.path) === true ? this.#collisions.rename(object.path) : object.path;
    this.#tidy(path);
    const found = this.#session.ports.tree().look(path);
    const local = found?.stat;
    const pushed = this.#pushed.find(object.path);
    // A directory or a link that took the name is nobody's pulled file, whatever its times say.
    const known = found?.kind === 'file' ? { pushed, pulled: this.#pulledBefore(path, found.stat) } : { pushed: undefined, pulled: undefined };
    const plan = planPull({ etag: object.etag, local, ...known }, { overwrite, checksum });
    if (plan.action === 'skip') {
      this.#session.tally.skipped({ path, key: object.key, bytes: object.sizeBytes }, plan.reason);
      return;
    }
    if (plan.action === 'refuse') {
      throw fileExists(path);
    }
    const foreignPath = pathOfForeignKey(prefix, object.key) ?? path;
    await this.#start({
      path, key: object.key as PullItem['key'], sizeBytes: object.sizeBytes, overwrite: plan.overwrite,
      mustBeSealed: pushed !== undefined || this.#foundSealed(object.path),
      ...(foreignPath === object.path ? {} : { foreignPath }),
    });
  }

  /** Removes what killed pulls left beside the file, but for what this one goes on with. Once per directory: listings are sorted. */
  #tidy(path: EncodedPath): void {
    const directory = path.slice(0, Math.max(0, path.lastIndexOf('/'))) as EncodedPath | '';
    if (directory === this.#tidied) {
      return;
    }
    this.#tidied = directory;
    const keep = new Set([...this.#manifest.pendingFetches.values()].map(({ fetching }) => fetching.temporary));
    this.#session.ports.tree().removeLeftovers(directory, keep);
  }

  #pulledBefore(path: EncodedPath, local: FileStat): PulledBefore | undefined {
    const entry = this.#manifest.find(path);
    if (entry === undefined) {
      return undefined;
    }
    const isDone = entry.state === 'done';
    const record = isDone ? this.#manifest.read(entry) : undefined;
    const etag = record?.type === 'done' ? record.etag : undefined;
    return { isDone, attempted: entry.attempted, unchanged: isDone && this.#manifest.isUnchanged(entry, local), etag };
  }

  /** By this run, under either name: whether an object collides depends on what else is in the bucket now. */
  #foundSealed(path: EncodedPath): boolean {
    const names = this.#prepared.onCollision === 'rename' ? [path, this.#collisions?.rename(path) ?? path] : [path];
    return names.some((name) => {
      const entry = this.#manifest.find(name);
      const records = entry === undefined ? [] : [this.#manifest.lastDone(entry)?.record, this.#manifest.pendingFetch(entry.id)?.fetching];
      return records.some((record) => record?.commitment !== undefined);
    });
  }

  async #start(item: Unnumbered): Promise<void> {
    if (item.sizeBytes <= this.#session.bounds.singlePutBytes) {
      await this.#small.add(item);
      return;
    }
    await this.#startLarge(item);
  }

  async #startAgain(item: Unnumbered): Promise<void> {
    await (item.sizeBytes > this.#session.bounds.singlePutBytes ? this.#startLarge(item) : this.#small.again(item));
  }

  async #startLarge(item: Unnumbered): Promise<void> {
    try {
      await this.#largeFiles.take(1);
      this.#session.signal.throwIfAborted();
    } catch (error) {
      this.#session.tally.parked();
      throw error;
    }
    const [numbered] = this.#begin([item]);
    if (numbered !== undefined) {
      const work = pullLarge(numbered, this.#scene()).then((outcome) => this.#settle(numbered, outcome));
      this.#session.follow(work.finally(() => this.#largeFiles.give(1)));
    }
  }

  #begin(batch: readonly Unnumbered[]): readonly PullItem[] {
    const ids = this.#manifest.started(batch.map(({ path }) => path));
    return batch.map((item, index) => ({ ...item, id: ids[index] ?? 0 }));
  }

  #settle(item: PullItem, outcome: Outcome): void {
    const { tally, bounds } = this.#session;
    switch (outcome.state) {
      case 'done':
        this.#manifest.done(item.id, outcome.stat, outcome.stored);
        this.#session.succeeded();
        if (outcome.unauthenticated === true) {
          tally.notice('warning', unauthenticatedRead(item.key));
        }
        if (item.sizeBytes <= bounds.singlePutBytes) {
          tally.moved(outcome.stat.sizeBytes);
        }
        tally.done({ path: item.path, key: item.key, bytes: outcome.stat.sizeBytes });
        return;
      case 'skipped':
        tally.skipped(item, outcome.reason);
        return;
      case 'failed':
        this.#fail(item, outcome.failure);
        return;
      case 'larger':
        this.#session.follow(this.#startAgain({ ...item, sizeBytes: outcome.sizeBytes }));
        return;
      default:
        this.#fail(item, toFailure(new Error(`a pull ended as ${outcome.state}`)));
    }
  }

  #fail({ path, key }: { readonly path: EncodedPath; readonly key: string }, failure: Failure): void {
    const { tally } = this.#session;
    if (this.#session.isEcho(failure)) {
      tally.parked();
      return;
    }
    this.#manifest.failed(path, failure);
    tally.failed({ path, key }, failure);
    this.#session.failed(failure);
  }

  #scene(): PullScene {
    const { pool, memory, slots, ports, bounds, tally } = this.#session;
    return { pool, memory, slots, ports, bounds, manifest: this.#manifest, moved: (bytes) => tally.moved(bytes) };
  }
}

function fileExists(path: EncodedPath): SealiftError {
  return new SealiftError('exists', `${path} exists already, and no manifest says that it is this object`, {
    object: path, remedy: 'pass --overwrite to replace it, or pull into another directory',
  });
}
