import type { Worker } from 'node:worker_threads';
import { HELD_UP_MS, HELD_UP_SHARE } from '../../limits.js';

/** Since a moment, in milliseconds but for the last. */
export interface Look {
  /** Of the threads, all together. */
  readonly lived: number;
  /** Of these, in which they had nothing to do. */
  readonly idle: number;
  /** CPU time of the whole process. */
  readonly cpu: number;
  /** Blocks that the process has read from disks, its caches left out. */
  readonly blocks: number;
}

/**
 * Whether threads wait for answers, or for a disk. That they get less of the processor than they could use says it only where a
 * disk was read, because the system, or the host of a virtual machine, may have given the processor to others. File systems on a
 * network count no blocks: there it takes half of the time.
 */
export function isHeldUp({ lived, idle, cpu, blocks }: Look): boolean {
  const busy = (1 - HELD_UP_SHARE) * lived;
  return lived - idle < busy || cpu < (blocks > 0 ? busy : lived / 2);
}

/** Whether threads are held up for long, and not just while the system has something else to do. */
export class Delay {
  #ms = 0;

  /** Told of one time after the other. */
  lasts(look: Look, threads: number): boolean {
    this.#ms = isHeldUp(look) ? this.#ms + look.lived / threads : 0;
    return this.#ms >= HELD_UP_MS;
  }

  forget(): void {
    this.#ms = 0;
  }
}

/** What threads do with their time. */
export class ThreadWatch {
  readonly #threads: () => readonly Pick<Worker, 'performance'>[];
  #before: Look;

  constructor(threads: () => readonly Pick<Worker, 'performance'>[]) {
    this.#threads = threads;
    this.#before = this.#now();
  }

  /** From now on. */
  restart(): void {
    this.#before = this.#now();
  }

  /** Since the last restart; threads that have come or gone meanwhile blur it. */
  look(): Look {
    const { lived, idle, cpu, blocks } = this.#now();
    const before = this.#before;
    return { lived: Math.max(0, lived - before.lived), idle: Math.max(0, idle - before.idle), cpu: cpu - before.cpu, blocks: blocks - before.blocks };
  }

  #now(): Look {
    const times = this.#threads().map(({ performance }) => performance.eventLoopUtilization());
    const { userCPUTime, systemCPUTime, fsRead } = process.resourceUsage();
    return {
      lived: times.reduce((sum, { idle, active }) => sum + idle + active, 0),
      idle: times.reduce((sum, { idle }) => sum + idle, 0),
      cpu: (userCPUTime + systemCPUTime) / 1000,
      blocks: fsRead,
    };
  }
}
