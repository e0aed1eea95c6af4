import { Readable } from 'node:stream';
import { onAbort } from './abort.js';
import type { Bandwidth } from './bandwidth.js';
import type { HttpAnswer } from './transport-exchange.js';
import { interrupted } from './transport-failures.js';
import type { TransportArguments } from './transport-request.js';

type Request = (url: string, args: TransportArguments) => Promise<HttpAnswer>;
type Asker = TransportArguments['ctx'];

/**
 * Requests at the bandwidth of a run. One with a body begins when the first piece of it has its turn; its connection waits for
 * the others. Of a body that is streamed nothing is handed on before its turn, and the socket is not read meanwhile.
 */
export function limited(request: Request, bandwidth: Bandwidth): Request {
  return async (url, args) => {
    const bytes = args.method === 'PUT' ? Math.min(args.content?.byteLength ?? 0, bandwidth.pieceBytes) : 0;
    if (bytes > 0) {
      await turnOf(bytes, bandwidth, args.ctx);
    }
    const answer = await request(url, args);
    return answer.body === undefined ? answer : { ...answer, body: new PacedBody(answer.body, bandwidth, args.ctx) };
  };
}

function turnOf(bytes: number, bandwidth: Bandwidth, { object, signal }: Asker): Promise<void> {
  if (signal?.aborted === true) {
    return Promise.reject(interrupted(object));
  }
  return new Promise((resolve, reject) => {
    const ignore = onAbort(signal, () => {
      cancel?.();
      refuse();
    });
    const refuse = (): void => {
      ignore();
      reject(interrupted(object));
    };
    const cancel = bandwidth.turn(bytes, () => {
      ignore();
      resolve();
    }, refuse);
  });
}

const EMPTY = Buffer.alloc(0);

/** The same bytes, each piece when it has its turn. What is not taken from `body` stays in the socket. */
class PacedBody extends Readable {
  readonly #body: Readable;
  readonly #bandwidth: Bandwidth;
  readonly #refuse: () => void;
  readonly #ignore: () => void;
  #rest: Buffer = EMPTY;
  #hasEnded = false;
  #isWanted = false;
  #isWaiting = false;
  #cancel: (() => void) | undefined;

  constructor(body: Readable, bandwidth: Bandwidth, { object, signal }: Asker) {
    super();
    this.#body = body;
    this.#bandwidth = bandwidth;
    this.#refuse = () => void this.destroy(interrupted(object));
    this.#ignore = onAbort(signal, this.#refuse);
    body.on('readable', () => this.#goOn());
    body.once('end', () => {
      this.#hasEnded = true;
      this.#goOn();
    });
    body.once('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#isWanted = true;
    this.#goOn();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#cancel?.();
    this.#ignore();
    this.#body.destroy();
    done(error);
  }

  #goOn(): void {
    if (!this.#isWanted || this.#isWaiting) {
      return;
    }
    if (this.#rest.length === 0) {
      this.#rest = (this.#body.read() as Buffer | null) ?? EMPTY;
    }
    if (this.#rest.length > 0) {
      this.#takeTurn();
    } else if (this.#hasEnded) {
      this.push(null);
    }
  }

  #takeTurn(): void {
    const piece = this.#rest.subarray(0, this.#bandwidth.pieceBytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#isWaiting = true;
    // Of a turn that has come at once, others may have followed by then.
    this.#cancel = this.#bandwidth.turn(piece.length, () => this.#give(piece), this.#refuse) ?? this.#cancel;
  }

  #give(piece: Buffer): void {
    this.#isWaiting = false;
    this.#isWanted = false;
    this.push(piece);
  }
}
