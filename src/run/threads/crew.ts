import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { FILES_FOR_ONE_THREAD, GRACE_MS, LIGHT_FILES_FOR_ALL_THREADS, PARTS_PER_THREAD, WATCH_MS } from '../../limits.js';
import { Budget } from '../budget.js';
import type { WorkerNotice } from '../jobs.js';
import type { CrewSize } from './crew-size.js';
import { Delay, ThreadWatch } from './thread-watch.js';

type Balanced = Parameters<NonNullable<Piscina['options']['loadBalancer']>>[1][number];

export interface CrewOptions extends CrewSize {
  /** The module that answers tasks. */
  readonly worker: URL;
  /** That a thread holds at once. */
  readonly tasks: number;
  readonly onNotice: (notice: WorkerNotice) => void;
}

/** What a task is for the thread that gets it. */
export interface Load {
  /** In small files. */
  readonly weight: number;
  /** Whether it keeps the coordinator so busy that one thread per core gains little. */
  readonly isLight: boolean;
}

/**
 * Threads, as long as they live. One starts at once; the others when more is under way than that one has done by the time they
 * are ready, since a start costs as much as thousands of small files. Light tasks start all of them only where those that are
 * there wait for answers or for a disk, or where another one is worth its start. Heavy tasks wait for those that start, and not
 * for those that happen to be there already.
 */
export class Crew {
  readonly #piscina: Piscina;
  readonly #tasks: number;
  /** As many as were asked for, or as the system gives. */
  #threads: number;
  readonly #threadsAtOnce: number;
  readonly #watch: ThreadWatch;
  readonly #delay = new Delay();
  /** Light files in a row, while there was more than enough for one thread. */
  #light = 0;
  /** Files under way, and pieces of files as if they were many. */
  #load = 0;
  #isHiring = false;
  #isDismissed = false;
  #broken: Error | undefined;
  /** Threads that were started here and have not loaded their modules; resolved once they have. */
  readonly #starting = new Map<Worker, Promise<void>>();
  /** For heavy tasks: some per thread that is ready, and no end of them when all are. */
  readonly #places = new Budget(PARTS_PER_THREAD);

  constructor({ worker, threads, threadsAtOnce, tasks, onNotice }: CrewOptions) {
    this.#threads = threads;
    this.#threadsAtOnce = threadsAtOnce;
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
    this.#watch = new ThreadWatch(() => this.#piscina.threads);
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

  /** Resolves when the threads that were started have loaded their modules, or are gone. */
  async started(): Promise<void> {
    await within(GRACE_MS, Promise.all(this.#starting.values()));
  }

  /** Rejects when the thread dies, or the crew is dismissed. */
  async run(task: unknown, { weight, isLight }: Load): Promise<unknown> {
    this.#load += weight;
    try {
      if (this.#piscina.threads.length < this.#threads) {
        this.#hire(this.#wanted(weight, isLight));
      }
      const running = async (): Promise<unknown> => await this.#piscina.run(task);
      const isHeavy = weight >= FILES_FOR_ONE_THREAD && !(isLight && this.#starting.size === 0);
      return await (isHeavy ? this.#places.with(1, running) : running());
    } finally {
      this.#load -= weight;
    }
  }

  /** Ends all threads at once, those that are loading their modules when they have: ended in between, Node aborts the whole process. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    this.#places.close();
    await this.started();
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

  /** Threads for what is under way, as long as some are missing. */
  #wanted(weight: number, isLight: boolean): number {
    if (this.#load <= Math.min(FILES_FOR_ONE_THREAD, this.#tasks)) {
      this.#light = 0;
      this.#watch.restart();
      this.#delay.forget();
      return 1;
    }
    this.#light += isLight ? weight : 0;
    return isLight && this.#light < LIGHT_FILES_FOR_ALL_THREADS && !this.#areHeldUp() ? this.#threadsAtOnce : this.#threads;
  }

  /** As far as they have been watched for long enough. */
  #areHeldUp(): boolean {
    if (this.#starting.size > 0) {
      this.#watch.restart();
      return false;
    }
    const look = this.#watch.look();
    if (look.lived < WATCH_MS * this.#piscina.threads.length) {
      return false;
    }
    this.#watch.restart();
    return this.#delay.lasts(look, this.#piscina.threads.length);
  }

  /** piscina starts a thread for a task that its balancer gives to none; the task itself is taken back. */
  #hire(wanted: number): void {
    const before = this.#piscina.threads;
    const missing = Math.min(wanted, this.#threads) - before.length;
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
