import { Piscina } from 'piscina';
import { SealiftError } from '../errors.js';
import type { WorkerNotice, WorkerStart } from './context.js';
import type { Job, ResultOf } from './jobs.js';

/** `dist/workers/object.js`, wherever the package lies; a URL and no import, so there is no cycle. */
const WORKER_URL = new URL('../../workers/object.js', import.meta.url);

/**
 * The worker threads of one run. Knows nothing of files: whoever submits a job bounds the bytes it stands for first,
 * because piscina queues without limit.
 */
export class Pool {
  readonly #piscina: Piscina;
  #destroyed = false;
  /** Why no thread could be started at all. */
  #broken: Error | undefined;

  /** @param worker - the module that answers jobs; told `context` once per thread. */
  constructor(context: Pick<WorkerStart, 'concurrency'> & Partial<WorkerStart>, threads: number, worker: URL = WORKER_URL) {
    this.#piscina = new Piscina({
      filename: worker.href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: Math.max(2, context.concurrency),
      // A worker that sleeps on an atomic stops its event loop, and with it timers and keep-alive.
      atomics: 'disabled',
      recordTiming: false,
      workerData: context,
    });
    // A thread that is ended while it still loads its modules complains about that; nobody is interested any more.
    this.#piscina.on('error', (error: Error) => {
      if (!this.#destroyed) {
        this.#broken = error;
        void this.#piscina.destroy();
      }
    });
  }

  /**
   * Runs one job on some thread. Workers answer bad files with values, so a rejection means that the thread died or has
   * a bug: code `worker-died`; or that the pool was destroyed meanwhile: code `interrupted`.
   */
  async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    try {
      return (await this.#piscina.run(job)) as ResultOf<J>;
    } catch (error) {
      if (this.#destroyed) {
        throw new SealiftError('interrupted', 'interrupted');
      }
      if (this.#broken !== undefined) {
        throw new SealiftError('internal', `worker threads cannot start: ${this.#broken.message}`, { remedy: 'install the package again; if that does not help, report it' });
      }
      const reason = error instanceof Error ? error.message : 'unknown reason';
      throw new SealiftError('worker-died', `a worker thread ended unexpectedly: ${reason}`, {
        remedy: 'if this repeats, lower --memory or --concurrency and report it',
        retryable: true,
      });
    }
  }

  /** Passes on what workers say besides the outcomes of their jobs. */
  onNotice(listener: (message: string) => void): void {
    this.#piscina.on('message', ({ notice }: WorkerNotice) => listener(notice));
  }

  /** From now on: each call says for what share of the time since the last one the threads had nothing to do, 0 to 1. */
  watchIdleness(): () => number {
    let before = this.#times();
    return () => {
      const now = this.#times();
      const [idle, active] = [Math.max(0, now.idle - before.idle), Math.max(0, now.active - before.active)];
      before = now;
      return idle + active === 0 ? 0 : idle / (idle + active);
    };
  }

  /** Of all threads together, in milliseconds. */
  #times(): { readonly idle: number; readonly active: number } {
    const times = this.#piscina.threads.map(({ performance }) => performance.eventLoopUtilization());
    return { idle: times.reduce((sum, { idle }) => sum + idle, 0), active: times.reduce((sum, { active }) => sum + active, 0) };
  }

  /** Ends all threads at once; jobs under way reject. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#piscina.destroy();
  }
}
