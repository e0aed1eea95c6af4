import { SealiftError } from '../../errors.js';
import { Crew } from './crew.js';
import { affordableCrew } from './crew-size.js';
import { Pool, type Introduction } from './pool.js';

/** `dist/workers/object.js`, wherever the package lies; a URL and no import, so there is no cycle. */
const WORKER_URL = new URL('../../../workers/object.js', import.meta.url);

/** What {@link ThreadPool} is told. */
export interface ThreadPoolOptions {
  /** 1 to 256. @default as many as pay, available parallelism at most: see `Tuning.threads` */
  readonly threads?: number;
  /** @internal Of these, that start as soon as one has enough to do. @default all that were asked for */
  readonly threadsAtOnce?: number;
  /** Jobs that a thread holds at once: the `concurrency` of its runs, 1 to 1,024. @default 64 */
  readonly concurrency?: number;
  /** @internal The module that answers jobs. */
  readonly worker?: URL;
}

/**
 * Worker threads for many runs, one after the other or at once: `push`, `pull` and `verify` take it as `pool`. They load their
 * modules once and stay warm, which is most of what a small run costs. They know the keys and the credentials of a run until
 * it ends; a run that is cut off takes the threads along, and the jobs of others are begun again in fresh ones. An idle pool
 * keeps no process alive.
 */
export class ThreadPool {
  /** How many at most, which may be fewer than were asked for where a limit leaves few file descriptors. One starts at once, the others when there is work for them. */
  readonly threads: number;
  /** @internal Of these, that start as soon as one has enough to do. */
  readonly threadsAtOnce: number;
  /** @internal Whether modules have to be loaded before the first socket, one thread at a time. */
  readonly fewDescriptors: boolean;
  readonly #concurrency: number;
  readonly #worker: URL;
  readonly #listeners = new Map<string, (message: string) => void>();
  #crew: Crew | undefined;
  #destroyed = false;

  /** Starts nothing. Throws SealiftError `usage` for a number out of its bounds, or where the limit of open files allows no thread. */
  constructor({ threads, threadsAtOnce, concurrency, worker = WORKER_URL }: ThreadPoolOptions = {}) {
    const crew = affordableCrew({ threads, concurrency });
    this.threads = crew.threads;
    this.threadsAtOnce = Math.min(threadsAtOnce ?? crew.threadsAtOnce, crew.threads);
    this.fewDescriptors = crew.fewDescriptors;
    this.#concurrency = crew.concurrency;
    this.#worker = worker;
  }

  /** Starts the first thread before a run asks for it. */
  start(): void {
    if (this.#destroyed) {
      throw new SealiftError('usage', 'the thread pool was destroyed', { remedy: 'make another one' });
    }
    if (this.#crew?.broken !== undefined) {
      this.#crew = undefined;
    }
    this.#crewNow();
  }

  /**
   * What one run sees of the threads, which start now if none has. `onNotice` is told what workers say besides the
   * outcomes of their jobs.
   *
   * @internal
   */
  open(start: Introduction, onNotice: (message: string) => void = () => undefined): Pool {
    this.start();
    this.#listeners.set(start.channel, onNotice);
    return new Pool(start, () => this.#crewNow(), async (isIdle) => {
      this.#listeners.delete(start.channel);
      await (isIdle ? undefined : this.#dismiss());
    });
  }

  /** Ends all threads at once; runs under way stop. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#dismiss();
  }

  #crewNow(): Crew {
    this.#crew ??= this.#hire();
    return this.#crew;
  }

  async #dismiss(): Promise<void> {
    const crew = this.#crew;
    this.#crew = undefined;
    await crew?.dismiss();
  }

  #hire(): Crew {
    return new Crew({
      worker: this.#worker,
      threads: this.threads,
      threadsAtOnce: this.threadsAtOnce,
      tasks: Math.max(2, this.#concurrency),
      onNotice: ({ session, notice }) => this.#listeners.get(session)?.(notice),
    });
  }
}
