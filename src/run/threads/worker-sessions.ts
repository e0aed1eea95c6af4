import { Bandwidth } from '../../store/bandwidth.js';
import { Budget } from '../budget.js';
import type { SessionStart, Task, WorkerContext } from '../context.js';
import { openPorts, type Ports } from './ports.js';
import { ThreadLink } from './thread-link.js';

/** One run, as a worker thread knows it. */
export interface WorkerSession {
  readonly context: WorkerContext;
  readonly memory: SharedArrayBuffer;
  readonly ports: Ports;
  /** What this thread has under way of it: at most so many objects or parts, each with one request at a time. */
  readonly slots: Budget;
}

/** The runs that a worker thread works for. Each is told once, with its first job, and forgotten when its coordinator ends it. */
export class WorkerSessions {
  readonly #known = new Map<string, Promise<WorkerSession>>();
  readonly #onNotice: (session: string, message: string) => void;

  constructor(onNotice: (session: string, message: string) => void) {
    this.#onNotice = onNotice;
  }

  /** The run of a job; undefined when neither this thread nor the task knows more of it than its name. */
  of({ session, start }: Task): Promise<WorkerSession> | undefined {
    return this.#known.get(session) ?? (start === undefined ? undefined : this.#begin(session, start));
  }

  #begin(session: string, { memory, bandwidth, ...context }: SessionStart): Promise<WorkerSession> {
    const shared = bandwidth === undefined ? undefined : new Bandwidth(bandwidth);
    const link = new ThreadLink(session, context.threads, { bandwidth: shared, onEnd: () => void this.#end(session) });
    const begun = this.#openPorts(session, context, link).then((ports) => ({ context, memory, ports, slots: new Budget(context.concurrency) }));
    this.#known.set(session, begun);
    return begun;
  }

  async #openPorts(session: string, context: WorkerContext, link: ThreadLink): Promise<Ports> {
    const { ports, load } = openPorts(context, link, (message) => this.#onNotice(session, message));
    await load();
    return ports;
  }

  async #end(session: string): Promise<void> {
    const ended = this.#known.get(session);
    this.#known.delete(session);
    await ended?.then(async ({ ports }) => await ports.close()).catch(() => undefined);
  }
}
