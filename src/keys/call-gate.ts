import { Pace, paceMemory } from '../store/pace.js';

/** All times in milliseconds. */
export interface GatePorts {
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export interface GateLimits {
  /** Calls in flight at the best of times. */
  readonly concurrency: number;
  readonly callsPerSecond: number;
}

/**
 * Lets calls to one server through: never more than so many per second, and so many at once. The second number halves
 * when the server says that it is too much, at most once per round of calls, and creeps back by one per round of
 * successes.
 */
export class CallGate {
  readonly #limits: GateLimits;
  readonly #ports: GatePorts;
  readonly #starts: Pace;
  readonly #waiting: (() => void)[] = [];
  #allowed: number;
  #active = 0;
  #cuts = 0;

  constructor(limits: GateLimits, ports: GatePorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#allowed = limits.concurrency;
    this.#starts = new Pace({ perSecond: limits.callsPerSecond, atOnce: 1, memory: paceMemory() });
  }

  /** Calls that may be in flight now. */
  get allowed(): number {
    return Math.floor(this.#allowed);
  }

  /** Runs `call` when its turn comes; `isTooMuch` recognises the failure that asks for fewer calls. */
  async run<T>(call: () => Promise<T>, isTooMuch: (error: unknown) => boolean): Promise<T> {
    await this.#admission();
    const cutsBefore = this.#cuts;
    try {
      await this.#pace();
      const result = await call();
      this.#allowed = Math.min(this.#limits.concurrency, this.#allowed + 1 / this.#allowed);
      return result;
    } catch (error) {
      if (isTooMuch(error) && this.#cuts === cutsBefore) {
        this.#cuts += 1;
        this.#allowed = Math.max(1, this.#allowed / 2);
      }
      throw error;
    } finally {
      this.#active -= 1;
      this.#admitNext();
    }
  }

  async #admission(): Promise<void> {
    await new Promise<void>((admit) => {
      this.#waiting.push(admit);
      this.#admitNext();
    });
  }

  #admitNext(): void {
    while (this.#active < this.allowed) {
      const admit = this.#waiting.shift();
      if (admit === undefined) {
        return;
      }
      this.#active += 1;
      admit();
    }
  }

  async #pace(): Promise<void> {
    const waitMs = this.#starts.take(1, this.#ports.now());
    if (waitMs > 0) {
      await this.#ports.sleep(waitMs);
    }
  }
}
