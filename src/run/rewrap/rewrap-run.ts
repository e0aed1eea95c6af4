import { fromFailure, isSealiftError, toFailure, type Failure } from '../../errors.js';
import { pathOfKey } from '../../files/names.js';
import type { ListedObject } from '../../store/store.js';
import { Dispatcher } from '../dispatcher.js';
import type { Outcome, RewrapItem } from '../jobs.js';
import { isDirectoryMarker, listObjects } from '../listing.js';
import type { PreparedReading } from '../pull/prepare-pull.js';
import type { Session } from '../session.js';
import type { ObjectKey } from '../types.js';

export interface RewrapTask extends Pick<PreparedReading, 'prefix' | 'selection' | 'takesSize'> {
  readonly dryRun: boolean;
}

type Draft = Omit<RewrapItem, 'id'>;

/** Drives one rewrap: listing → workers → counts. The objects themselves say what is done, so there is no manifest. */
export class RewrapRun {
  readonly #session: Session;
  readonly #task: RewrapTask;
  readonly #objects: Dispatcher<Draft, RewrapItem>;
  #nextId = 0;

  constructor(session: Session, task: RewrapTask) {
    this.#session = session;
    this.#task = task;
    this.#objects = new Dispatcher(session, {
      // No body is in memory.
      bytesOf: () => 0,
      begin: (batch) => batch.map((draft) => this.#number(draft)),
      job: (objects) => ({ kind: 'rewrap', objects }),
      again: (item) => item,
      settle: (item, outcome) => this.#settle(item, outcome),
    });
  }

  async run(): Promise<void> {
    const { signal, ports, tally } = this.#session;
    try {
      for await (const object of listObjects(ports.store, this.#task.prefix, signal)) {
        await this.#admit(object);
      }
      await this.#objects.flush();
      tally.scanEnded();
    } catch (error) {
      this.#objects.park();
      this.#session.stop(isSealiftError(error) ? error : fromFailure(toFailure(error)));
    }
    await this.#session.settled();
  }

  async #admit(object: ListedObject): Promise<void> {
    const { key, sizeBytes } = object;
    const { prefix, selection, takesSize } = this.#task;
    const path = pathOfKey(prefix, key);
    if (path === null) {
      return;
    }
    const { tally } = this.#session;
    tally.scanned(sizeBytes);
    const isDirectory = isDirectoryMarker(object);
    if (!selection.takes(path) || !(isDirectory || takesSize(sizeBytes))) {
      tally.skipped({ path, key, bytes: sizeBytes }, 'excluded');
    } else if (isDirectory) {
      tally.skipped({ path, key }, 'empty-directory');
    } else {
      await this.#objects.add({ path, key: key as ObjectKey, sizeBytes });
    }
  }

  #number(draft: Draft): RewrapItem {
    this.#nextId += 1;
    return { ...draft, id: this.#nextId };
  }

  #settle(item: RewrapItem, outcome: Outcome): void {
    switch (outcome.state) {
      case 'rewrapped':
        this.#succeed(item, outcome.bytes);
        return;
      case 'skipped':
        this.#session.succeeded();
        this.#session.tally.skipped({ path: item.path, key: item.key, bytes: item.sizeBytes }, outcome.reason);
        return;
      case 'failed':
        this.#fail(item, outcome.failure);
        return;
      default:
        this.#fail(item, toFailure(new Error(`a rewrap ended as ${outcome.state}`)));
    }
  }

  #succeed({ path, key }: RewrapItem, bytes: number): void {
    const { tally } = this.#session;
    this.#session.succeeded();
    // None does, but whoever waits sees by them how far it is.
    tally.moved(bytes);
    if (this.#task.dryRun) {
      tally.planned({ path, key, bytes });
    } else {
      tally.done({ path, key, bytes });
    }
  }

  #fail({ path, key, sizeBytes }: RewrapItem, failure: Failure): void {
    if (this.#session.isEcho(failure)) {
      this.#session.tally.parked();
      return;
    }
    this.#session.tally.failed({ path, key, bytes: sizeBytes }, failure);
    this.#session.failed(failure);
  }
}
