import { fromFailure, isSealiftError, toFailure, type Failure } from '../../errors.js';
import { keyBelow, pathOfForeignKey, pathOfKey } from '../../files/names.js';
import { walk } from '../../files/walk.js';
import { LARGE_FILES_AT_ONCE } from '../../limits.js';
import type { ListedObject } from '../../store/store.js';
import { Budget } from '../budget.js';
import { Dispatcher } from '../dispatcher.js';
import type { SkipReason } from '../events.js';
import type { Outcome, PullItem, VerifiedOutcome } from '../jobs.js';
import { listObjects } from '../listing.js';
import { missing, RECORDED } from '../missing.js';
import { unauthenticatedRead } from '../notices.js';
import { holdsAnother, otherBody } from '../pull/headers-only.js';
import type { PreparedReading } from '../pull/prepare-pull.js';
import { verifyLarge } from '../pull/pull-large.js';
import type { PushedBefore } from '../pushed-before.js';
import type { Session } from '../session.js';
import type { EncodedPath, ObjectKey } from '../types.js';
import type { Against } from './against.js';
import { SeenPaths } from './seen-paths.js';
import { replacedSince, rolledBack, whyMissing } from './verify-failures.js';
import type { Proof, VerifyReport } from './verify-report.js';
import { isWanted, whyPassedOver } from './wanted.js';

export interface VerifyTask {
  readonly prepared: PreparedReading;
  readonly pushed: PushedBefore;
  readonly report: VerifyReport | undefined;
  readonly against: Against | undefined;
}

type Draft = Omit<PullItem, 'id'>;

/** Drives one verification: listing → workers → manifest → what should be there and is not. */
export class VerifyRun {
  readonly #session: Session;
  readonly #task: VerifyTask;
  readonly #small: Dispatcher<Draft, PullItem>;
  readonly #largeFiles = new Budget(LARGE_FILES_AT_ONCE);
  readonly #seen = new SeenPaths();
  /** Authentic objects in another state than the manifest records; judged at the end, in one pass over its history. */
  readonly #otherStates: OtherState[] = [];
  /** The object that bears the prefix as its name comes first in a listing; nothing has followed it. */
  #isOneObject = false;
  #nextId = 0;
  /** No body is read. */
  readonly #isUnfetched: boolean;

  constructor(session: Session, task: VerifyTask) {
    this.#session = session;
    this.#task = task;
    this.#isUnfetched = task.prepared.context.pull?.headersOnly === true;
    this.#small = new Dispatcher(session, {
      bytesOf: ({ sizeBytes }) => sizeBytes,
      begin: (batch) => batch.map((draft) => this.#number(draft)),
      job: (objects, regions) => ({ kind: 'pull', objects, regions }),
      again: (item) => item,
      settle: (item, outcome) => this.#settle(item, outcome),
    });
  }

  async run(): Promise<void> {
    const session = this.#session;
    try {
      for await (const object of this.#objects()) {
        await this.#admit(object);
      }
      await this.#small.flush();
      this.#findMissing();
      await this.#findUnsent();
      session.tally.scanEnded();
    } catch (error) {
      this.#small.park();
      session.stop(isSealiftError(error) ? error : fromFailure(toFailure(error)));
    }
    await session.settled();
    await this.#judgeOtherStates();
  }

  async *#objects(): AsyncGenerator<ListedObject> {
    const { against, prepared: { prefix } } = this.#task;
    for await (const object of listObjects(this.#session.ports.store, prefix, this.#session.signal)) {
      if (against?.kind !== 'file') {
        yield object;
        continue;
      }
      if (object.key !== prefix) {
        throw against.noObject;
      }
      yield object;
      return;
    }
  }

  async #admit({ key, sizeBytes }: ListedObject): Promise<void> {
    const { against, prepared: { prefix } } = this.#task;
    const path = against?.kind === 'file' ? against.path : pathOfKey(prefix, key);
    if (path === null) {
      return;
    }
    this.#isOneObject = key === prefix;
    const { tally } = this.#session;
    tally.scanned(sizeBytes);
    this.#seen.add(path);
    const reason = whyPassedOver({ path, key, sizeBytes }, this.#task);
    if (reason !== undefined) {
      this.#skip({ path, key }, reason);
      return;
    }
    const foreignPath = pathOfForeignKey(prefix, key) ?? path;
    await this.#start({
      path, key: key as ObjectKey, sizeBytes, overwrite: 'no', mustBeSealed: this.#task.pushed.find(path) !== undefined,
      ...(foreignPath === path ? {} : { foreignPath }),
    });
  }

  async #start(draft: Draft): Promise<void> {
    if (draft.sizeBytes <= this.#session.bounds.singlePutBytes) {
      await this.#small.add(draft);
      return;
    }
    await this.#startLarge(draft);
  }

  async #startAgain(draft: Draft): Promise<void> {
    await (draft.sizeBytes > this.#session.bounds.singlePutBytes ? this.#startLarge(draft) : this.#small.again(draft));
  }

  async #startLarge(draft: Draft): Promise<void> {
    try {
      await this.#largeFiles.take(1);
    } catch (error) {
      this.#session.tally.parked();
      throw error;
    }
    const item = this.#number(draft);
    const { pool, memory, slots, ports, bounds, tally } = this.#session;
    const work = verifyLarge(item, { pool, memory, slots, ports, bounds, moved: (bytes) => tally.moved(bytes) });
    this.#session.follow(work.then((outcome) => this.#settle(item, outcome)).finally(() => this.#largeFiles.give(1)));
  }

  #number(draft: Draft): PullItem {
    this.#nextId += 1;
    return { ...draft, id: this.#nextId };
  }

  #settle(item: PullItem, outcome: Outcome): void {
    switch (outcome.state) {
      case 'verified':
        this.#settleVerified(item, outcome);
        return;
      case 'failed':
        this.#fail(item, outcome.failure);
        return;
      case 'larger':
        this.#session.follow(this.#startAgain({ ...item, sizeBytes: outcome.sizeBytes }));
        return;
      default:
        this.#fail(item, toFailure(new Error(`a verification ended as ${outcome.state}`)));
    }
  }

  #settleVerified(item: PullItem, outcome: VerifiedOutcome): void {
    const { tally, bounds } = this.#session;
    this.#session.succeeded();
    const recorded = this.#task.pushed.find(item.path);
    if (item.sizeBytes <= bounds.singlePutBytes) {
      tally.moved(outcome.bytes);
    }
    if (recorded !== undefined && recorded.commitment !== outcome.stored.commitment) {
      this.#otherStates.push({ item, outcome, id: recorded.id, mayBeNewer: recorded.attemptedSince });
      return;
    }
    if (this.#isUnfetched && holdsAnother(outcome.stored, recorded)) {
      this.#fail(item, toFailure(otherBody(item.key)));
    } else {
      this.#pass(item, outcome, recorded !== undefined);
    }
  }

  #pass(item: PullItem, outcome: VerifiedOutcome, asRecorded: boolean): void {
    const { tally } = this.#session;
    if (outcome.unauthenticated === true) {
      tally.notice('warning', unauthenticatedRead(item.key));
    }
    this.#task.report?.add({
      path: item.path, key: item.key, bytes: outcome.bytes, state: 'verified', proofs: this.#proofs(outcome, asRecorded), stored: outcome.stored,
      ...(outcome.unauthenticated === true ? { unauthenticated: true } : {}),
    });
    tally.done({ path: item.path, key: item.key, bytes: outcome.bytes });
  }

  #proofs(outcome: VerifiedOutcome, asRecorded: boolean): readonly Proof[] {
    return [
      ...(outcome.unauthenticated === true ? [] : [this.#isUnfetched ? 'authentic-headers' as const : 'authentic' as const]),
      ...(asRecorded ? ['as-recorded' as const] : []),
      ...(this.#task.against === undefined ? [] : ['equal-to-local' as const]),
    ];
  }

  async #judgeOtherStates(): Promise<void> {
    const older = await this.#task.pushed.olderCommitments(new Set(this.#otherStates.map(({ id }) => id)));
    for (const { item, outcome, id, mayBeNewer } of this.#otherStates) {
      if (older.get(id)?.has(outcome.stored.commitment) === true) {
        this.#fail(item, toFailure(rolledBack(item.key)));
      } else if (mayBeNewer) {
        this.#pass(item, outcome, false);
      } else {
        this.#fail(item, toFailure(replacedSince(item.key)));
      }
    }
  }

  #skip(file: { readonly path: EncodedPath; readonly key: string }, reason: SkipReason): void {
    this.#task.report?.add({ ...file, state: 'skipped', proofs: [], code: reason });
    this.#session.tally.skipped(file, reason);
  }

  #fail({ path, key }: { readonly path: EncodedPath; readonly key: string }, failure: Failure): void {
    const { tally } = this.#session;
    if (this.#session.isEcho(failure)) {
      tally.parked();
      return;
    }
    this.#task.report?.add({ path, key, state: 'failed', proofs: [], code: failure.code, message: failure.message });
    tally.failed({ path, key }, failure);
    this.#session.failed(failure);
  }

  /** Objects that the manifest says were pushed and that the listing did not have. */
  #findMissing(): void {
    for (const { path } of this.#task.pushed.objects()) {
      if (!this.#seen.has(path) && isWanted(path, this.#task)) {
        this.#missing(path, RECORDED);
      }
    }
  }

  /** Local files that have no object, and what hides whether there are some. */
  async #findUnsent(): Promise<void> {
    const { against, pushed, prepared: { prefix } } = this.#task;
    if (against?.kind === 'file') {
      this.#findOne(against.path);
      return;
    }
    // What was pushed to a prefix lies below it: an object of its name is not the only one that should be there.
    if (against !== undefined && this.#isOneObject && pushed.file === undefined) {
      this.#session.tally.notice('info', `${prefix} is one object: compared with one file, whatever else is there`);
      return;
    }
    await this.#walkFor(against);
  }

  #findOne(path: EncodedPath): void {
    const { prefix } = this.#task.prepared;
    if (!this.#seen.has(path)) {
      this.#failUnlisted({ path, key: prefix }, toFailure(missing(prefix, 'there is a local file')));
    }
  }

  async #walkFor(against: Extract<Against, { kind: 'directory' }> | undefined): Promise<void> {
    for await (const entry of against === undefined ? [] : walk({ ...against.walked, signal: this.#session.signal })) {
      if (this.#seen.has(entry.path)) {
        continue;
      }
      if (entry.kind === 'file') {
        this.#missing(entry.path, 'there is a local file');
      } else if (entry.kind === 'failed') {
        this.#failUnlisted(this.#named(entry.path), entry.failure);
      }
    }
  }

  #missing(path: EncodedPath, because: string): void {
    this.#failUnlisted(this.#named(path), whyMissing(this.#task.prepared.prefix, path, because));
  }

  #named(path: EncodedPath): { readonly path: EncodedPath; readonly key: string } {
    return { path, key: keyBelow(this.#task.prepared.prefix, path) };
  }

  /** The listing had no object of this name, so nothing has counted it yet. */
  #failUnlisted(file: { readonly path: EncodedPath; readonly key: string }, failure: Failure): void {
    this.#seen.add(file.path);
    this.#session.tally.scanned(0);
    this.#fail(file, failure);
  }
}

interface OtherState {
  readonly item: PullItem;
  readonly outcome: VerifiedOutcome;
  /** In the push manifest. */
  readonly id: number;
  /** A later attempt was begun, and the manifest does not say what came of it. */
  readonly mayBeNewer: boolean;
}
