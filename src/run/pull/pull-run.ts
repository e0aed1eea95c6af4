import { fromFailure, isSealiftError, toFailure, type Failure } from '../../errors.js';
import { pathOfForeignKey } from '../../files/names.js';
import type { ExistingEntry } from '../../files/target-tree.js';
import { tagOf } from '../../files/temporary.js';
import { LARGE_FILES_AT_ONCE } from '../../limits.js';
import type { Manifest } from '../../manifest/manifest.js';
import { Budget } from '../budget.js';
import { Dispatcher } from '../dispatcher.js';
import type { Outcome, PullItem } from '../jobs.js';
import { leftElsewhere, unauthenticatedRead } from '../notices.js';
import { afterAttempt } from '../plan.js';
import type { PushedBefore } from '../pushed-before.js';
import type { Session } from '../session.js';
import type { EncodedPath } from '../types.js';
import type { PreparedPull } from './prepare-pull.js';
import { PullChoices, type PullChoice } from './pull-choices.js';
import { pullLarge, type PullScene } from './pull-large.js';
import type { FoundObject } from './unlisted.js';

type Unnumbered = Omit<PullItem, 'id'>;

/** Drives one pull: listing → collisions → plan → pool → manifest. */
export class PullRun {
  readonly #session: Session;
  readonly #manifest: Manifest;
  readonly #prepared: PreparedPull;
  readonly #choices: PullChoices;
  readonly #small: Dispatcher<Unnumbered, PullItem>;
  readonly #largeFiles = new Budget(LARGE_FILES_AT_ONCE);
  #tidied: string | undefined;
  /** Names of temporary files of other hosts and containers: nobody here can tell whether they are still written to. */
  readonly #elsewhere = new Set<string>();

  constructor(session: Session, manifest: Manifest, pushed: PushedBefore, prepared: PreparedPull) {
    this.#session = session;
    this.#manifest = manifest;
    this.#prepared = prepared;
    const { ports, signal } = session;
    this.#choices = new PullChoices({ store: ports.store, signal, manifest, pushed, look: (path) => this.#look(path) }, prepared);
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
      const refusal = await this.#choices.refusal();
      if (refusal !== undefined) {
        throw refusal;
      }
      for await (const object of this.#choices.objects()) {
        await this.#admit(object);
      }
      this.#tellMissing();
      await this.#small.flush();
      session.tally.scanEnded();
    } catch (error) {
      this.#small.park();
      session.stop(isSealiftError(error) ? error : fromFailure(toFailure(error)));
    }
    await session.settled();
    if (this.#elsewhere.size > 0) {
      session.tally.notice('warning', leftElsewhere(this.#elsewhere.size, this.#prepared.root.raw.toString()));
    }
  }

  async #admit(object: FoundObject): Promise<void> {
    const { tally } = this.#session;
    tally.scanned(object.sizeBytes);
    const choice = this.#choices.choose(object);
    switch (choice.action) {
      case 'skip':
        tally.skipped(choice.file, choice.reason);
        return;
      case 'refuse':
        this.#fail(object, choice.failure);
        return;
      case 'pull':
        await this.#startOrFail(object, choice);
    }
  }

  #tellMissing(): void {
    const { tally } = this.#session;
    for (const { failure, ...object } of this.#choices.missing()) {
      tally.scanned(0);
      this.#fail(object, failure);
    }
    const notice = this.#choices.missingPerhaps;
    if (notice !== undefined) {
      tally.notice('warning', notice);
    }
  }

  async #startOrFail(object: FoundObject, { path, overwrite, mustBeSealed }: Extract<PullChoice, { action: 'pull' }>): Promise<void> {
    const foreignPath = pathOfForeignKey(this.#prepared.prefix, object.key) ?? path;
    try {
      await this.#start({
        path, key: object.key as PullItem['key'], sizeBytes: object.sizeBytes, overwrite, mustBeSealed,
        ...(foreignPath === object.path ? {} : { foreignPath }),
      });
    } catch (error) {
      if (isSealiftError(error) && error.code === 'interrupted') {
        throw error;
      }
      this.#fail(object, toFailure(error));
    }
  }

  #look(path: EncodedPath): ExistingEntry | undefined {
    this.#tidy(path);
    return this.#session.ports.tree().look(path);
  }

  /** Removes what killed pulls left beside the file, but for what this one goes on with. Once per directory: listings are sorted. */
  #tidy(path: EncodedPath): void {
    const directory = path.slice(0, Math.max(0, path.lastIndexOf('/'))) as EncodedPath | '';
    if (directory === this.#tidied) {
      return;
    }
    this.#tidied = directory;
    const keep = new Set([...this.#manifest.pendingFetches.values()].map(({ fetching }) => fetching.temporary));
    const { takenFrom } = this.#manifest;
    const { elsewhere } = this.#session.ports.tree().removeLeftovers(directory, { keep, gone: takenFrom && tagOf(takenFrom) });
    elsewhere.forEach((name) => this.#elsewhere.add(name));
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
