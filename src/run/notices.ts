import { NOTICE_INTERVAL_MS } from '../limits.js';
import type { Tally } from './tally.js';

/** Passes warnings on, each text's kind once in a while: hundreds of requests fail at once when a network does. */
export class Notices {
  readonly #tally: Tally;
  readonly #now: () => number;
  #quietUntil = -Infinity;

  /** @param now - monotonic milliseconds. */
  constructor(tally: Tally, now: () => number = () => performance.now()) {
    this.#tally = tally;
    this.#now = now;
  }

  tell(message: string): void {
    const now = this.#now();
    if (now < this.#quietUntil) {
      return;
    }
    this.#quietUntil = now + NOTICE_INTERVAL_MS;
    this.#tally.notice('warning', message);
  }
}
