import { Connection, type ConnectionOptions, type Errand } from './transport-connection.js';
import { ClosedTransport } from './transport-failures.js';

/** So many connections to one origin at most. Errands wait for them in order. */
export class Connections {
  readonly #most: number;
  readonly #options: ConnectionOptions;
  readonly #open = new Set<Connection>();
  /** The one that was used last is taken first, so that those that nobody needs grow old. */
  readonly #idle: Connection[] = [];
  #waiting: Errand[] = [];
  #isClosed = false;
  #onEmpty: () => void = () => undefined;

  constructor(most: number, options: Omit<ConnectionOptions, 'onFree' | 'onGone' | 'session' | 'now'>) {
    this.#most = most;
    this.#options = {
      ...options, session: undefined, now: performance.now.bind(performance),
      onFree: (connection) => this.#free(connection), onGone: (connection) => this.#gone(connection),
    };
  }

  /** @throws ClosedTransport */
  run(errand: Errand): void {
    if (this.#isClosed) {
      throw new ClosedTransport();
    }
    const idle = this.#takeIdle();
    if (idle !== undefined) {
      idle.take(errand);
    } else if (this.#open.size < this.#most) {
      this.#open.add(new Connection(this.#options, errand));
    } else {
      this.#waiting.push(errand);
    }
  }

  /** Fails what is under way or waits, and resolves when all sockets are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.splice(0).forEach(({ exchange }) => exchange.failed(new ClosedTransport()));
    if (this.#open.size > 0) {
      const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
      this.#open.forEach((connection) => connection.fail(new ClosedTransport()));
      await empty;
    }
  }

  #takeIdle(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.isFresh) {
        return connection;
      }
      connection.destroy();
    }
    return undefined;
  }

  #free(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      connection.rest();
      this.#idle.push(connection);
    } else {
      connection.take(next);
    }
  }

  #gone(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) {
      this.#idle.splice(at, 1);
    }
    if (this.#open.size === 0) {
      this.#onEmpty();
    }
    const next = this.#isClosed ? undefined : this.#waiting.shift();
    if (next !== undefined) {
      this.run(next);
    }
  }
}
