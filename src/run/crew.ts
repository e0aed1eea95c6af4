import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { FILES_FOR_ONE_THREAD, GRACE_MS, PARTS_PER_THREAD } from '../limits.js';
import { Budget } from './budget.js';
import type { WorkerNotice } from './jobs.js';

type Balanced = Parameters<NonNullable<Piscina['options']['loadBalancer']>>[1][number];

export interface CrewOptions {
  /** The module that answers tasks. */
  readonly worker: URL;
  /** At most. */
  readonly threads: number;
  /** That a thread holds at once. */
  readonly tasks: number;
  readonly onNotice: (notice: WorkerNotice) => void;
}

/**
 * Threads, as long as they live. One starts at once; the others when more is under way than that one has done by the time they
 * are ready, since a start costs as much as hundreds of small files. Until they are, heavy tasks wait for them, and not for those
 * that happen to be there already.
 */
export class Crew {
  readonly #piscina: Piscina;
  readonly #tasks: number;
  /** As many as were asked for, or as the system gives. */
  #threads: number;
  /** Files under way, and pieces of files as if they were many. */
  #load = 0;
  #isHiring = false;
  #isDismissed = false;
  #broken: Error | undefined;
  /** Threads that were started here and have not loaded their modules; resolved once they have. */
  readonly #starting = new Map<Worker, Promise<void>>();
  /** For heavy tasks: some per thread that is ready, and no end of them when all are. */
  readonly #places = new Budget(PARTS_PER_THREAD);

  constructor({ worker, threads, tasks, onNotice }: CrewOptions) {
    this.#threads = threads;
    this.#tasks = tasks;
    this.#piscina = new Piscina({
      filename: worker.href,
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: tasks,
      loadBalancer: (_task, candidates) => (this.#isHiring ? null : this.#leastBusy(candidates)),
      // A worker that sleeps on an atomic stops its event loop, and with it timers and keep-alive.
      atomics: 'disabled',
      recordTiming: false,
    });
    this.#piscina.on('message', onNotice);
    this.#piscina.on('error', (error: Error) => this.#miss(error));
    this.#watchStarts(this.#piscina.threads, 0);
  }

  /** Why no thread could be started at all. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  get threads(): readonly Worker[] {
    return this.#piscina.threads;
  }

  /** Rejects when the thread dies, or the crew is dismissed. @param load - in small files; from `FILES_FOR_ONE_THREAD` on it is heavy */
  async run(task: unknown, load: number): Promise<unknown> {
    this.#load += load;
    try {
      if (this.#load > Math.min(FILES_FOR_ONE_THREAD, this.#tasks)) {
        this.#hire();
      }
      const running = async (): Promise<unknown> => await this.#piscina.run(task);
      return await (load < FILES_FOR_ONE_THREAD ? running() : this.#places.with(1, running));
    } finally {
      this.#load -= load;
    }
  }

  /** Ends all threads at once, those that are loading their modules when they have: ended in between, Node aborts the whole process. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    this.#places.close();
    await within(GRACE_MS, Promise.all(this.#starting.values()));
    await this.#piscina.destroy();
  }

  /**
   * The first that a thread says is that it has loaded everything, so it must be heard from its start on. What piscina puts in the
   * place of a dead thread is not waited for: such a thread was seen to say nothing for ten seconds.
   *
   * @param places - that each of them brings along
   */
  #watchStarts(threads: readonly Worker[], places: number): void {
    for (const thread of threads) {
      this.#starting.set(thread, new Promise((resolve) => {
        const hasStarted = (): void => {
          if (this.#starting.delete(thread)) {
            this.#places.grow(this.#isComplete() ? Number.MAX_SAFE_INTEGER : places);
          }
          resolve();
        };
        thread.once('message', hasStarted).once('exit', hasStarted);
      }));
    }
  }

  #isComplete(): boolean {
    return this.#starting.size === 0 && this.#piscina.threads.length >= this.#threads;
  }

  /** piscina starts a thread for a task that its balancer gives to none; the task itself is taken back. */
  #hire(): void {
    const before = this.#piscina.threads;
    const missing = this.#threads - before.length;
    if (missing <= 0) {
      return;
    }
    this.#isHiring = true;
    for (let hired = 0; hired < missing; hired += 1) {
      const needless = new AbortController();
      this.#piscina.run(undefined, { signal: needless.signal }).catch(() => undefined);
      needless.abort();
    }
    this.#isHiring = false;
    this.#watchStarts(this.#piscina.threads.filter((thread) => !before.includes(thread)), PARTS_PER_THREAD);
  }

  #leastBusy(candidates: readonly Balanced[]): Balanced | null {
    const best = candidates.reduce<Balanced | null>((least, thread) => (least === null || thread.currentUsage < least.currentUsage ? thread : least), null);
    return best === null || best.currentUsage >= this.#tasks ? null : best;
  }

  /** A thread that is ended while it still loads its modules complains about that; nobody is interested any more. */
  #miss(error: Error): void {
    if (this.#isDismissed) {
      return;
    }
    this.#threads = this.#piscina.threads.length;
    if (this.#threads === 0) {
      this.#broken = error;
      this.#places.close();
      void this.#piscina.destroy();
    }
  }
}

/** Threads keep no process alive; the timer does meanwhile. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
