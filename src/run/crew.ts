import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { FILES_FOR_ONE_THREAD, GRACE_MS } from '../limits.js';
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
 * are ready, since a start costs as much as hundreds of small files.
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
  /** Threads that were started here and live; resolved once they have loaded their modules. */
  readonly #loaded = new Map<Worker, Promise<void>>();

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
    this.#watchStarts(this.#piscina.threads);
  }

  /** Why no thread could be started at all. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  get threads(): readonly Worker[] {
    return this.#piscina.threads;
  }

  /** Rejects when the thread dies, or the crew is dismissed. @param load - in small files */
  async run(task: unknown, load: number): Promise<unknown> {
    this.#load += load;
    try {
      const answer = this.#piscina.run(task);
      if (this.#load > FILES_FOR_ONE_THREAD) {
        this.#hire();
      }
      return await answer;
    } finally {
      this.#load -= load;
    }
  }

  /** Ends all threads at once, those that are loading their modules when they have: ended in between, Node aborts the whole process. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    await within(GRACE_MS, Promise.all(this.#loaded.values()));
    await this.#piscina.destroy();
  }

  /**
   * The first that a thread says is that it has loaded everything, so it must be heard from its start on. What piscina puts in the
   * place of a dead thread is not waited for: such a thread was seen to say nothing for ten seconds.
   */
  #watchStarts(threads: readonly Worker[]): void {
    for (const thread of threads) {
      this.#loaded.set(thread, new Promise((resolve) => {
        thread.once('message', () => resolve()).once('exit', () => {
          this.#loaded.delete(thread);
          resolve();
        });
      }));
    }
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
    this.#watchStarts(this.#piscina.threads.filter((thread) => !before.includes(thread)));
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
