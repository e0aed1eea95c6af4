import { Readable } from 'node:stream';
import type { StoreError } from '../errors.js';
import { MAX_ANSWER_BYTES } from '../limits.js';
import { onAbort } from './abort.js';
import type { AnswerHeaders } from './transport-answers.js';
import { interrupted, networkFailure, unavailable } from './transport-failures.js';
import type { Subject } from './transport-failures.js';
import { atEndOfTurn } from './transport-turn.js';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** The whole body; empty when `body` is there. */
  readonly data: Buffer;
  /** The body of a streamed answer: errors with a StoreError unless it delivers what Content-Length announced. */
  readonly body: Readable | undefined;
}

export interface ExchangeOptions {
  readonly subject: Subject;
  /** Deliver the body of a 2xx answer, if it has one, as a stream instead of whole. */
  readonly streamed: boolean;
  readonly signal: AbortSignal | undefined;
  readonly rate: { readonly windowMs: number; readonly bytesPerSecond: number; readonly now: () => number };
}

const EMPTY = Buffer.alloc(0);
const NO_CONTENT = 204;

/** The connection that an exchange has got. */
export interface Line {
  readonly isPaused: boolean;
  pause(): void;
  resume(): void;
  destroy(): void;
}

/** One request and its answer; settles exactly once, and is deaf afterwards. */
export class Exchange {
  readonly answer: Promise<HttpAnswer>;
  readonly #options: ExchangeOptions;
  readonly #floor: RateFloor;
  readonly #settle: () => void;
  #resolve!: (answer: HttpAnswer) => void;
  #reject!: (failure: StoreError) => void;
  #line: Line | undefined;
  #failure: StoreError | undefined;
  #status = 0;
  #headers: AnswerHeaders = {};
  #chunks: Buffer[] = [];
  #received = 0;
  #announced = 0;
  #body: Readable | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#floor = new RateFloor(options.rate);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#settle = onAbort(options.signal, () => this.#fail(interrupted(options.subject.object)));
  }

  /** Its turn has come; false when nobody waits for it any more. */
  begin(line: Line): boolean {
    this.#line = line;
    return this.#failure === undefined;
  }

  /** Whether the body is streamed: its pieces are then kept as they are. */
  answered(status: number, headers: AnswerHeaders): boolean {
    this.#status = status;
    this.#headers = headers;
    this.#floor.wait();
    // A stream of nothing would break, whatever the headers announce, before anybody could hear it.
    if (this.#options.streamed && status < 300 && status !== NO_CONTENT) {
      this.#openBody();
    }
    return this.#body !== undefined;
  }

  received(chunk: Buffer): void {
    this.#received += chunk.length;
    if (!this.#floor.reached(chunk.length)) {
      this.#fail(unavailable(this.#options.subject, 'the answer arrives too slowly'));
      return;
    }
    if (this.#body !== undefined) {
      if (!this.#body.push(chunk)) {
        this.#line?.pause();
      }
      return;
    }
    if (this.#received > MAX_ANSWER_BYTES) {
      this.#fail(unavailable(this.#options.subject, 'the answer is larger than any answer of OSS'));
      return;
    }
    this.#chunks.push(chunk);
  }

  ended(): void {
    this.#settle();
    this.#line = undefined;
    if (this.#body === undefined) {
      const answer = this.#answered(this.#chunks.length === 0 ? EMPTY : Buffer.concat(this.#chunks));
      atEndOfTurn(() => this.#resolve(answer));
    } else if (this.#received === this.#announced) {
      this.#body.push(null);
    } else {
      this.#body.destroy(unavailable(this.#options.subject, 'the answer ended before its announced length'));
    }
  }

  failed(error: unknown): void {
    this.#fail(networkFailure(error, this.#options.subject));
  }

  #openBody(): void {
    const length = this.#headers['content-length'];
    if (typeof length !== 'string' || !/^\d{1,15}$/.test(length)) {
      // Without it a connection closed early would look like the end of the object.
      this.#fail(unavailable(this.#options.subject, 'the answer does not announce its length'));
      return;
    }
    this.#announced = Number(length);
    this.#body = new Readable({
      read: () => {
        if (this.#line?.isPaused === true) {
          this.#floor.wait();
          this.#line.resume();
        }
      },
      destroy: (error, done) => {
        this.#settle();
        this.#line?.destroy();
        done(error);
      },
    });
    // At once: until somebody has it, nobody hears that it breaks.
    this.#resolve(this.#answered(EMPTY));
  }

  #answered(data: Buffer): HttpAnswer {
    return { status: this.#status, headers: this.#headers, data, body: this.#body };
  }

  #fail(failure: StoreError): void {
    if (this.#failure !== undefined) {
      return;
    }
    this.#failure = failure;
    this.#settle();
    this.#line?.destroy();
    this.#body?.destroy(failure);
    this.#reject(failure);
  }
}

/**
 * Measures only the time spent waiting for the network, so that a reader who takes long is never blamed on the server.
 * Silence is the idle time-out's business; this one is for servers that send a byte now and then.
 */
class RateFloor {
  readonly #rate: ExchangeOptions['rate'];
  #waitingSince = 0;
  #waitedMs = 0;
  #bytes = 0;

  constructor(rate: ExchangeOptions['rate']) {
    this.#rate = rate;
  }

  wait(): void {
    this.#waitingSince = this.#rate.now();
  }

  /** Counts bytes that have arrived; false once a whole window was slower than the floor. */
  reached(bytes: number): boolean {
    const now = this.#rate.now();
    this.#waitedMs += now - this.#waitingSince;
    this.#waitingSince = now;
    this.#bytes += bytes;
    if (this.#waitedMs < this.#rate.windowMs) {
      return true;
    }
    const enough = this.#bytes * 1000 >= this.#rate.bytesPerSecond * this.#waitedMs;
    this.#waitedMs = 0;
    this.#bytes = 0;
    return enough;
  }
}
