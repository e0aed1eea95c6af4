import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { SealiftError } from '../errors.js';
import { DEFAULT_CONCURRENCY } from '../limits.js';
import type { WorkerNotice } from './jobs.js';
import { Pool, type Crew, type Introduction } from './pool.js';

/** `dist/workers/object.js`, wherever the package lies; a URL and no import, so there is no cycle. */
const WORKER_URL = new URL('../../workers/object.js', import.meta.url);

/** What {@link ThreadPool} is told. */
export interface ThreadPoolOptions {
  /** @default available parallelism */
  readonly threads?: number;
  /** Jobs that a thread holds at once: the `concurrency` of its runs. @default 64 */
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
  /** How many. */
  readonly threads: number;
  readonly #concurrency: number;
  readonly #worker: URL;
  readonly #listeners = new Map<string, (message: string) => void>();
  #crew: Crew | undefined;
  #destroyed = false;

  constructor({ threads = availableParallelism(), concurrency = DEFAULT_CONCURRENCY, worker = WORKER_URL }: ThreadPoolOptions = {}) {
    this.threads = threads;
    this.#concurrency = concurrency;
    this.#worker = worker;
  }

  /**
   * What one run sees of the threads, which start now if they have not. `onNotice` is told what workers say besides the
   * outcomes of their jobs.
   *
   * @internal
   */
  open(start: Introduction, onNotice: (message: string) => void = () => undefined): Pool {
    if (this.#destroyed) {
      throw new SealiftError('usage', 'the thread pool was destroyed', { remedy: 'make another one' });
    }
    if (this.#crew?.broken !== undefined) {
      this.#crew = undefined;
    }
    this.#crewNow();
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
    if (crew !== undefined) {
      crew.dismissed = true;
      await crew.piscina.destroy();
    }
  }

  #hire(): Crew {
    const crew: Crew = { piscina: start(this.#worker, this.threads, this.#concurrency), dismissed: false, broken: undefined };
    crew.piscina.on('message', ({ session, notice }: WorkerNotice) => this.#listeners.get(session)?.(notice));
    // A thread that is ended while it still loads its modules complains about that; nobody is interested any more.
    crew.piscina.on('error', (error: Error) => {
      if (!crew.dismissed) {
        crew.broken = error;
        void crew.piscina.destroy();
      }
    });
    return crew;
  }
}

function start(worker: URL, threads: number, concurrency: number): Piscina {
  return new Piscina({
    filename: worker.href,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    concurrentTasksPerWorker: Math.max(2, concurrency),
    // A worker that sleeps on an atomic stops its event loop, and with it timers and keep-alive.
    atomics: 'disabled',
    recordTiming: false,
  });
}
