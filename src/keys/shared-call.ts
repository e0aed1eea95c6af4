import { onAbort } from '../store/abort.js';

/**
 * One call for the sake of several callers. It is told to stop when every one of them has aborted; one that gave no signal
 * keeps it going.
 */
export class SharedCall<T> {
  readonly #stop = new AbortController();
  readonly #answer: Promise<T>;
  #interested = 0;

  constructor(call: (signal: AbortSignal) => Promise<T>) {
    this.#answer = call(this.#stop.signal);
  }

  /** Whether everybody has gone: whoever comes now needs a call of their own. */
  get isAbandoned(): boolean {
    return this.#stop.signal.aborted;
  }

  /** What the call answers, also to a caller that aborts while others are interested: it need not wait for that. */
  wait(signal: AbortSignal | undefined): Promise<T> {
    this.#interested += 1;
    if (signal === undefined) {
      return this.#answer;
    }
    const ignore = onAbort(signal, () => this.#leave());
    if (signal.aborted) {
      this.#leave();
    }
    return this.#answer.finally(ignore);
  }

  #leave(): void {
    this.#interested -= 1;
    if (this.#interested === 0) {
      this.#stop.abort();
    }
  }
}
