import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.js';
import type { Fault, RequestInfo } from './faults.js';
import { userMetadata } from './metadata.js';
import { Disconnected } from './receive.js';
import { PayloadDigest, type RequestRecord } from './request-log.js';

/** One request on its way through a server. */
export class Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly #startedMs: number;
  readonly #digest: PayloadDigest | undefined;
  #awaitsContinue: boolean;
  #aborted = false;
  /** What is known of the request: refined once its signature is checked. */
  info: RequestInfo;
  fault: Fault | undefined;

  constructor(exchange: { request: IncomingMessage; response: ServerResponse; awaitsContinue: boolean }, info: RequestInfo, options: { requestId: string; startedMs: number; digest: boolean }) {
    this.request = exchange.request;
    this.response = exchange.response;
    this.#awaitsContinue = exchange.awaitsContinue;
    this.info = info;
    this.requestId = options.requestId;
    this.#startedMs = options.startedMs;
    this.#digest = options.digest ? new PayloadDigest() : undefined;
  }

  /** The client waits for `100 Continue` and has not been told to go on. */
  get awaitsContinue(): boolean {
    return this.#awaitsContinue;
  }

  /** The request body as it arrives, at most once and at most `limit` bytes. @throws Disconnected */
  async *body(limit = Infinity): AsyncGenerator<Buffer> {
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      this.response.writeContinue();
    }
    let left = limit;
    try {
      // A loop that is left early would destroy the connection before the caller has decided what to do with it.
      for await (const chunk of this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        const piece = chunk.subarray(0, left);
        left -= piece.length;
        this.#digest?.update(piece);
        yield piece;
        if (left === 0) {
          return;
        }
      }
    } catch (error) {
      this.#aborted = true;
      throw new Disconnected('the client went away', { cause: error });
    }
  }

  /** Reads what is left of the body, or `limit` bytes of it, to no end but the log's. */
  async drain(limit = Infinity): Promise<void> {
    if (this.request.readableEnded || limit === 0) {
      return;
    }
    const chunks = this.body(limit);
    while ((await chunks.next()).done !== true) {
      // The digest has seen it.
    }
  }

  cut(): void {
    this.#aborted = !this.request.complete;
    this.request.socket.destroy();
  }

  record(answer: Answer | undefined): RequestRecord {
    const payload = (this.#digest ?? new PayloadDigest()).finish();
    return {
      time: new Date(this.#startedMs).toISOString(),
      requestId: this.requestId,
      ...this.info,
      status: answer?.status ?? 0,
      ...(answer?.errorCode === undefined ? {} : { errorCode: answer.errorCode }),
      metadata: userMetadata(this.request.headers),
      ...payload,
      aborted: this.#aborted,
      ...(this.fault === undefined ? {} : { fault: this.fault.kind }),
    };
  }
}
