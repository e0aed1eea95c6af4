import { fromFailure, isRunFatal, SealiftError, toFailure, type Failure } from '../errors.js';
import { BREAKER_FAILURES, GRACE_MS, PROGRESS_MS } from '../limits.js';
import { Bandwidth, shareBandwidth } from '../store/bandwidth.js';
import type { OpenedStore } from '../store/oss.js';
import { Budget } from './budget.js';
import type { SessionStart, WorkerContext } from './context.js';
import type { Bounds } from './effective.js';
import { Notices } from './notices.js';
import type { CredentialsProvider } from './options.js';
import type { Tally } from './tally.js';
import { Arena } from './threads/arena.js';
import type { Pool } from './threads/pool.js';
import { openPorts, type Ports } from './threads/ports.js';
import { ThreadHub } from './threads/thread-hub.js';
import { ThreadPool } from './threads/thread-pool.js';

/** What a session is made of. */
export interface SessionParts {
  readonly bounds: Bounds;
  readonly context: WorkerContext;
  readonly provider: CredentialsProvider;
  /** Threads that outlive the session; without it the session has its own. */
  readonly threads: ThreadPool | undefined;
}

interface SessionCrew extends Pick<OpenedStore, 'load'> {
  readonly pool: Pool;
  readonly hub: ThreadHub;
  readonly tally: Tally;
  /** Of the requests of this thread, when the grace period is over. */
  readonly end: AbortController;
}

/** What every kind of run has: workers, bounds, counters, and a way to stop. */
export class Session {
  readonly tally: Tally;
  readonly bounds: Bounds;
  readonly ports: Ports;
  readonly pool: Pool;
  /** All file data. */
  readonly memory: Arena;
  /** Objects under way, in flight or waiting in a worker. */
  readonly slots: Budget;
  readonly #load: OpenedStore['load'];
  readonly #intake = new AbortController();
  readonly #end: AbortController;
  readonly #hub: ThreadHub;
  #stop: SealiftError | undefined;
  #unreachableInARow = 0;
  readonly #underWay = new Set<Promise<void>>();

  private constructor(bounds: Bounds, ports: Ports, memory: Arena, { pool, hub, tally, load, end }: SessionCrew) {
    this.bounds = bounds;
    this.ports = ports;
    this.pool = pool;
    this.tally = tally;
    this.#load = load;
    this.#end = end;
    this.#hub = hub;
    this.memory = memory;
    this.slots = new Budget(bounds.threads * bounds.concurrency * 2);
  }

  /**
   * Runs `work` with a session around it: progress on a timer, an orderly end on `signal`, no job left in a thread
   * whatever happens.
   */
  static async with<T>(
    signal: AbortSignal | undefined, { bounds, context, provider, threads, tally }: SessionParts & { readonly tally: Tally },
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const notices = new Notices(tally);
    const onNotice = (message: string): void => notices.tell(message);
    const memory = new Arena(bounds.arenaBytes);
    const crew = threads ?? new ThreadPool(bounds);
    const bandwidth = bounds.bandwidthBytesPerSecond === undefined ? undefined : shareBandwidth(bounds.bandwidthBytesPerSecond);
    const start: SessionStart = { ...context, memory: memory.memory, bandwidth };
    // Before anything else is opened: it may be refused, and threads load their modules while this one goes on.
    const pool = crew.open(start, onNotice);
    const hub = new ThreadHub(context.channel, provider, bandwidth === undefined ? undefined : new Bandwidth(bandwidth));
    try {
      const end = new AbortController();
      const { ports, load } = openPorts(context, hub, onNotice, end.signal);
      const session = new Session(bounds, ports, memory, { pool, hub, tally, load, end });
      return await conduct(session, signal, bounds.fewDescriptors ? async () => await session.#afterLoading(work) : work).finally(() => ports.close());
    } finally {
      await pool.end();
      await (threads === undefined ? crew.destroy() : undefined);
      hub.close();
    }
  }

  /** Aborted as soon as nothing new may begin. */
  get signal(): AbortSignal {
    return this.#intake.signal;
  }

  /** Why the run stopped before its end, if it did. */
  get stopped(): SealiftError | undefined {
    return this.#stop;
  }

  /** Makes the store ready for requests of this thread, before sockets of others have taken every descriptor. */
  loadStore(): void {
    this.follow(this.#load());
  }

  /** Modules are read many at a time, and sockets would leave no descriptors for that. */
  async #afterLoading<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.pool.started();
    this.loadStore();
    await this.settled();
    return await work(this);
  }

  /** Stops intake. What is under way may finish within the grace period unless it waits for the bandwidth; then the threads end, and requests of this one. */
  stop(reason: SealiftError): void {
    if (this.#stop !== undefined) {
      return;
    }
    this.#stop = reason;
    this.tally.stoppedBy(reason);
    this.#intake.abort(reason);
    this.memory.close();
    this.slots.close();
    this.#hub.stop();
    const grace = setTimeout(() => this.#endAll(), GRACE_MS);
    void this.settled().finally(() => clearTimeout(grace));
  }

  #endAll(): void {
    void this.pool.end();
    this.#end.abort();
  }

  /** A file is done: whatever was wrong with the other side is over. */
  succeeded(): void {
    this.#unreachableInARow = 0;
  }

  /** Stops the run when the rest of it would fail the same way. */
  failed(failure: Failure): void {
    this.#unreachableInARow = UNREACHABLE.has(failure.code) ? this.#unreachableInARow + 1 : 0;
    if (isRunFatal(failure.code) || this.#unreachableInARow >= BREAKER_FAILURES) {
      this.stop(fromFailure(failure));
    }
  }

  /** Whether this is only an echo of what stopped the run: work that was under way meets the same wall and is left for the next session. */
  isEcho(failure: Failure): boolean {
    return failure.code === 'interrupted' || (this.#stop?.code === failure.code && isRunFatal(failure.code));
  }

  /** Follows a piece of work until {@link settled}; work answers for its own failures, so a rejection is a bug and stops the run. */
  follow(work: Promise<void>): void {
    const followed: Promise<void> = work
      .catch((error: unknown) => {
        this.stop(asSealiftError(error));
      })
      .finally(() => this.#underWay.delete(followed));
    this.#underWay.add(followed);
  }

  /** Resolves when nothing that was followed is under way any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) {
      await Promise.all(this.#underWay);
    }
  }
}

/** Causes that one object can have for itself, but hardly many in a row. */
const UNREACHABLE: ReadonlySet<string> = new Set(['remote-unavailable', 'remote-refused', 'kms-unavailable']);

/** Runs `work` with progress on a timer and an orderly end on `signal`. */
async function conduct<T>(session: Session, signal: AbortSignal | undefined, work: (session: Session) => Promise<T>): Promise<T> {
  const progress = setInterval(() => session.tally.progress(), PROGRESS_MS);
  const onAbort = (): void => session.stop(interruption(signal));
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) {
    onAbort();
  }
  try {
    return await session.tally.guard((error) => session.stop(asSealiftError(error)), () => work(session));
  } finally {
    clearInterval(progress);
    signal?.removeEventListener('abort', onAbort);
  }
}

function interruption(signal: AbortSignal | undefined): SealiftError {
  const reason: unknown = signal?.reason;
  return reason instanceof SealiftError ? reason : new SealiftError('interrupted', 'interrupted');
}

function asSealiftError(error: unknown): SealiftError {
  if (error instanceof SealiftError) {
    return error;
  }
  const { code, message, remedy } = toFailure(error);
  return new SealiftError(code, message, remedy === undefined ? { cause: error } : { cause: error, remedy });
}
