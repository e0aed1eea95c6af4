import { toFailure } from '../errors.js';
import { BATCH_BYTES, BATCH_FILES } from '../limits.js';
import type { BatchJob, Outcome } from './jobs.js';
import { inTurn, withSlots, type Lender } from './large-file.js';
import { PartWindow } from './part-window.js';
import { Batcher } from './plan.js';
import type { Session } from './session.js';
import { divide, type Region } from './threads/arena.js';

/** The part of a session that handing out work needs. */
export type Crew = Pick<Session, 'pool' | 'memory' | 'slots' | 'tally' | 'bounds' | 'follow'>;

/** One kind of small work: how it becomes a job, and what is done with its outcome. */
export interface Trade<D, I extends { readonly id: number }> {
  bytesOf(draft: D): number;
  /** Numbers the drafts and makes sure that the manifest knows them before they leave. */
  begin(drafts: readonly D[]): readonly I[];
  job(items: readonly I[], regions: readonly Region[]): BatchJob;
  /** The item for its second chance, after a thread that died may have done the work. */
  again(item: I): I;
  settle(item: I, outcome: Outcome): void;
}

/**
 * Hands small work to the pool in batches, bounded by bytes and by number, and follows it to its outcome. A batch that is as
 * heavy as a part waits its turn as parts do: what memory would hold, one thread could have been given before there are others.
 * A thread that dies takes its batch along: each item of it gets one more chance, alone.
 */
export class Dispatcher<D, I extends { readonly id: number }> {
  readonly #session: Crew;
  readonly #trade: Trade<D, I>;
  readonly #batches: Batcher<D>;
  #heavy: Lender<Region> | undefined;

  constructor(session: Crew, trade: Trade<D, I>) {
    this.#session = session;
    this.#trade = trade;
    const { threads, concurrency, singlePutBytes } = session.bounds;
    // No more than a thread may have in flight: it begins with the next batch while the last answers of one are awaited.
    // And no more bytes than the memory holds with one that is as large as they may be.
    const maxBytes = Math.min(BATCH_BYTES, session.memory.capacity - singlePutBytes);
    this.#batches = new Batcher({ maxItems: Math.min(BATCH_FILES, concurrency), maxBytes, threads });
  }

  /** Waits while the budgets are spent. @throws SealiftError `interrupted` once intake has stopped. */
  async add(draft: D): Promise<void> {
    const batch = this.#batches.add(draft, this.#trade.bytesOf(draft));
    if (batch !== undefined) {
      await this.#dispatch(batch);
    }
  }

  /**
   * Hands over one that was larger than its room. Alone, with room for as much again: so it is memory of the run that it waits
   * for, and what goes on growing is soon done, or too large for this.
   */
  async again(draft: D): Promise<void> {
    await this.#dispatch([draft], [Math.min(2 * this.#trade.bytesOf(draft), this.#session.bounds.singlePutBytes)]);
  }

  /** Hands over what is left. */
  async flush(): Promise<void> {
    await this.#dispatch(this.#batches.flush());
  }

  /** Leaves what has not been handed over to the next session. */
  park(): void {
    this.#parkAll(this.#batches.flush());
  }

  async #dispatch(batch: readonly D[], sizes = batch.map((draft) => this.#trade.bytesOf(draft))): Promise<void> {
    if (batch.length === 0) {
      return;
    }
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const lender = withSlots(this.#session.slots, batch.length, this.#lenderOf(bytes));
    try {
      const region = await lender.take(bytes);
      this.#session.follow(this.#work(batch, divide(region, sizes)).finally(() => lender.give(region)));
    } catch (error) {
      this.#parkAll(batch);
      throw error;
    }
  }

  #lenderOf(bytes: number): Lender<Region> {
    const { pool, memory, bounds } = this.#session;
    if (bytes < bounds.partBytes) {
      return memory;
    }
    this.#heavy ??= inTurn(new PartWindow(pool, bounds), memory);
    return this.#heavy;
  }

  async #work(batch: readonly D[], regions: readonly Region[]): Promise<void> {
    const items = this.#begin(batch);
    const { used, outcomes } = await this.#run(items, regions);
    used.forEach((item, index) => {
      this.#trade.settle(item, outcomes[index] ?? failed(item, new Error('a worker answered without an outcome')));
    });
  }

  #begin(batch: readonly D[]): readonly I[] {
    try {
      return this.#trade.begin(batch);
    } catch (error) {
      this.#parkAll(batch);
      throw error;
    }
  }

  /** The items as they were at last, which says what an outcome means, and their outcomes. */
  async #run(items: readonly I[], regions: readonly Region[]): Promise<{ readonly used: readonly I[]; readonly outcomes: readonly Outcome[] }> {
    try {
      return { used: items, outcomes: await this.#session.pool.run(this.#trade.job(items, regions)) };
    } catch {
      const used = items.map((item) => this.#trade.again(item));
      return { used, outcomes: await Promise.all(used.map(async (item, index) => await this.#runAlone(item, regions[index]))) };
    }
  }

  async #runAlone(item: I, region: Region | undefined): Promise<Outcome> {
    try {
      const [outcome] = await this.#session.pool.run(this.#trade.job([item], region === undefined ? [] : [region]));
      return outcome ?? failed(item, new Error('a worker answered without an outcome'));
    } catch (error) {
      return failed(item, error);
    }
  }

  #parkAll(batch: readonly D[]): void {
    batch.forEach(() => this.#session.tally.parked());
  }
}

function failed(item: { readonly id: number }, error: unknown): Outcome {
  return { state: 'failed', id: item.id, failure: toFailure(error) };
}
