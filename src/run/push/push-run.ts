import type { KeyObject } from 'node:crypto';
import { fromFailure, isSealiftError, toFailure, type Failure } from '../../errors.js';
import { keyBelow, objectKey } from '../../files/names.js';
import { FILES_FOR_ONE_THREAD, LARGE_FILES_AT_ONCE } from '../../limits.js';
import type { Manifest } from '../../manifest/manifest.js';
import { Budget } from '../budget.js';
import { Dispatcher } from '../dispatcher.js';
import type { Outcome, PushItem } from '../jobs.js';
import type { IfExists } from '../options.js';
import { afterAttempt, planFile, type Known } from '../plan.js';
import type { Session } from '../session.js';
import type { EncodedPath, FileStat, ObjectKey, SkippedEntry, SourceFile, WalkEntry } from '../types.js';
import { giveUp } from './give-up.js';
import { HardLinks } from './hard-links.js';
import type { PreparedPush } from './prepare-push.js';
import type { PushLarge } from './push-large.js';
import { sceneOf, type PushScene } from './push-scene.js';

type Unnumbered = Omit<PushItem, 'id'>;

export interface PushPlan extends Pick<PreparedPush, 'prefix' | 'options'> {
  readonly resumeSecret: KeyObject | undefined;
}

/** Drives one push: walk → plan → pool → manifest. The manifest is written here alone. */
export class PushRun {
  readonly #session: Session;
  readonly #manifest: Manifest;
  readonly #prefix: string;
  readonly #ifExists: IfExists;
  readonly #checksum: boolean;
  readonly #resumeSecret: KeyObject | undefined;
  readonly #small: Dispatcher<Unnumbered, PushItem>;
  readonly #largeFiles = new Budget(LARGE_FILES_AT_ONCE);
  readonly #hardLinks = new HardLinks();
  #pushLarge: Promise<PushLarge> | undefined;
  /** Small files handed over. */
  #handedOver = 0;
  /** Large files that this session has worked on. */
  readonly #attended = new Set<number>();
  /** Whether everything could be looked at, so that what was not seen is gone. */
  #sawAll: boolean;

  constructor(session: Session, manifest: Manifest, { prefix, options, resumeSecret }: PushPlan) {
    this.#session = session;
    this.#manifest = manifest;
    this.#prefix = prefix;
    this.#ifExists = options.ifExists ?? 'changed';
    this.#checksum = options.checksum ?? false;
    this.#resumeSecret = resumeSecret;
    this.#sawAll = options.files === undefined;
    this.#small = new Dispatcher(session, {
      bytesOf: ({ stat }) => stat.sizeBytes,
      begin: (batch) => this.#begin(batch),
      job: (files, regions) => ({ kind: 'push', files, regions }),
      again: (item) => ({ ...item, replace: afterAttempt(item.replace) }),
      settle: (item, outcome) => this.#settle(item, outcome),
    });
  }

  /** Resolves when every entry has been settled or, after an interruption, parked. */
  async run(entries: AsyncIterable<WalkEntry>): Promise<void> {
    const session = this.#session;
    try {
      await (session.bounds.fewDescriptors ? this.#loadRest() : undefined);
      for await (const entry of entries) {
        // Nine of ten entries of a later run are settled at once, and each await costs as much as settling one.
        const admitted = this.#admit(entry);
        if (admitted !== undefined) {
          await admitted;
        }
      }
      this.#hardLinks.tell(session.tally);
      await this.#small.flush();
      session.tally.scanEnded();
    } catch (error) {
      this.#small.park();
      if (session.stopped === undefined) {
        session.stop(isSealiftError(error) ? error : fromFailure(toFailure(error)));
      }
    }
    await session.settled();
    if (session.stopped === undefined && this.#sawAll) {
      await this.#abandonOrphans();
    }
  }

  #admit(entry: WalkEntry): Promise<void> | undefined {
    const { tally } = this.#session;
    tally.scanned(entry.kind === 'file' ? entry.sizeBytes : 0);
    switch (entry.kind) {
      case 'file':
        this.#hardLinks.saw(entry);
        return this.#admitFile(entry);
      case 'empty-directory':
        this.#manifest.directory(entry.path);
        tally.skipped(this.#facts(entry.path), 'empty-directory');
        return undefined;
      case 'skipped':
        this.#skip(entry);
        return undefined;
      case 'failed':
        this.#sawAll = false;
        this.#fail(entry.path, entry.failure);
        return undefined;
    }
  }

  #admitFile(file: SourceFile): Promise<void> | undefined {
    const entry = this.#manifest.find(file.path);
    const known: Known | undefined = entry && {
      isDone: entry.state === 'done', attempted: entry.attempted, unchanged: this.#manifest.isUnchanged(entry, file),
    };
    const plan = planFile(file, known, { singlePutBytes: this.#session.bounds.singlePutBytes, checksum: this.#checksum });
    if (plan.action === 'skip') {
      this.#session.tally.skipped({ bytes: file.sizeBytes, ...this.#facts(file.path) }, 'unchanged');
      return undefined;
    }
    const key = this.#keyOf(file.path);
    if (key === undefined) {
      return undefined;
    }
    const item = { path: file.path, key, stat: file, replace: plan.replace };
    return plan.how === 'parts' ? this.#startLarge(item) : this.#startSmall(item, entry?.id);
  }

  async #startSmall(item: Unnumbered, id: number | undefined): Promise<void> {
    if (id === undefined || (await this.#abandonUpload(id))) {
      await this.#small.add(item);
    }
  }

  /** What was begun when the file was large. False when that could not be aborted, and the file has failed. */
  async #abandonUpload(id: number): Promise<boolean> {
    const pending = this.#manifest.pendingUpload(id);
    if (pending === undefined) {
      return true;
    }
    const path = this.#manifest.path(id);
    try {
      await giveUp(this.#scene(), { id, key: objectKey(this.#prefix, path), pending }, 'unstable');
      return true;
    } catch (error) {
      this.#fail(path, toFailure(error));
      return false;
    }
  }

  #keyOf(path: EncodedPath): ObjectKey | undefined {
    try {
      return objectKey(this.#prefix, path);
    } catch (error) {
      this.#fail(path, toFailure(error));
      return undefined;
    }
  }

  /** Written, not yet synced: what is lost with it costs a second look at the file, never a byte. */
  #begin(batch: readonly Unnumbered[]): readonly PushItem[] {
    this.#handedOver += batch.length;
    if (this.#pushLarge === undefined && this.#handedOver > FILES_FOR_ONE_THREAD / 2) {
      this.#session.follow(this.#loadRest().then(() => undefined));
    }
    const ids = this.#manifest.started(batch.map(({ path }) => path));
    return batch.map((item, index) => ({ ...item, id: ids[index] ?? 0 }));
  }

  /** What a few small files do not need: loaded while there are descriptors to be had. */
  async #loadRest(): Promise<PushLarge> {
    if (this.#pushLarge === undefined) {
      this.#session.loadStore();
      this.#pushLarge = import('./push-large.js').then((module) => module.pushingLarge(this.#session.memory, this.#session.bounds));
    }
    return await this.#pushLarge;
  }

  /** For one large file, which is left to the next session where that fails. */
  async #loadRestOrPark(): Promise<PushLarge> {
    try {
      return await this.#loadRest();
    } catch (error) {
      this.#session.tally.parked();
      throw error;
    }
  }

  async #startLarge(item: Unnumbered): Promise<void> {
    try {
      await this.#largeFiles.take(1);
      if (this.#session.stopped !== undefined) {
        throw this.#session.stopped;
      }
    } catch (error) {
      this.#session.tally.parked();
      throw error;
    }
    const [id = 0] = this.#manifest.started([item.path]);
    this.#attended.add(id);
    const numbered = { ...item, id };
    const work = this.#loadRestOrPark().then((push) => push(numbered, this.#scene())).then((outcome) => this.#settle(numbered, outcome));
    this.#session.follow(work.finally(() => this.#largeFiles.give(1)));
  }

  async #startAgain(item: Unnumbered): Promise<void> {
    await (item.stat.sizeBytes > this.#session.bounds.singlePutBytes ? this.#startLarge(item) : this.#small.again(item));
  }

  #settle(item: PushItem, outcome: Outcome): void {
    const { tally } = this.#session;
    switch (outcome.state) {
      case 'done':
        this.#manifest.done(item.id, outcome.stat, outcome.stored);
        if (outcome.replaced === true) {
          tally.notice('warning', `${item.key}: replaced an older state that no manifest of this run knows`);
        }
        if (outcome.restarted === true) {
          tally.restarted();
        }
        this.#session.succeeded();
        this.#movedWhole(item, outcome.stat);
        tally.done({ bytes: outcome.stat.sizeBytes, ...this.#facts(item.path) });
        return;
      case 'skipped':
        if (outcome.reason === 'unchanged') {
          this.#manifest.done(item.id, outcome.stat, outcome.stored);
        } else {
          this.#manifest.skipped(item.path, outcome.reason);
        }
        tally.skipped({ bytes: item.stat.sizeBytes, ...this.#facts(item.path) }, outcome.reason);
        return;
      case 'failed':
        this.#fail(item.path, outcome.failure);
        return;
      case 'grown':
        this.#session.follow(this.#startAgain({ ...item, stat: outcome.stat }));
        return;
      case 'verified':
      case 'larger':
        this.#fail(item.path, toFailure(new Error(`a push ended as ${outcome.state}`)));
    }
  }

  #movedWhole(item: PushItem, stat: FileStat): void {
    if (item.stat.sizeBytes <= this.#session.bounds.singlePutBytes) {
      this.#session.tally.moved(stat.sizeBytes);
    }
  }

  #skip(entry: SkippedEntry): void {
    if (entry.reason !== 'excluded') {
      this.#manifest.skipped(entry.path, entry.reason, entry.target);
    }
    this.#session.tally.skipped(this.#facts(entry.path), entry.reason);
  }

  #fail(path: EncodedPath, failure: Failure): void {
    const { tally } = this.#session;
    if (this.#session.isEcho(failure)) {
      tally.parked();
      return;
    }
    this.#manifest.failed(path, failure);
    tally.failed(this.#facts(path), failure);
    this.#session.failed(failure);
  }

  #facts(path: EncodedPath): { path: string; key: string } {
    return { path, key: keyBelow(this.#prefix, path) };
  }

  #scene(): PushScene {
    return sceneOf({ session: this.#session, manifest: this.#manifest, ifExists: this.#ifExists, checksum: this.#checksum, resumeSecret: this.#resumeSecret });
  }

  /** Uploads of files that are gone: nothing will ever finish them. */
  async #abandonOrphans(): Promise<void> {
    const scene = this.#scene();
    const orphans = [...this.#manifest.pendingUploads].filter(([id]) => !this.#attended.has(id));
    for (const [id, pending] of orphans) {
      const key = objectKey(this.#prefix, this.#manifest.path(id));
      try {
        await giveUp(scene, { id, key, pending }, 'vanished');
      } catch (error) {
        this.#session.tally.notice('warning', `${key}: its interrupted upload could not be aborted: ${toFailure(error).message}`);
      }
    }
  }
}
