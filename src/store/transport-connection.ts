import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { KEEP_ALIVE_MS, LONG_BODY_BYTES, LONG_RECEIVE_BYTES, RECEIVE_BYTES, SEND_CHUNK_BYTES } from '../limits.js';
import type { Bandwidth } from './bandwidth.js';
import type { Proxy } from './proxy.js';
import { AnswerReader, type AnswerHeaders } from './transport-answers.js';
import type { Exchange } from './transport-exchange.js';
import { BrokenAnswer, interrupted } from './transport-failures.js';
import type { TransportArguments } from './transport-request.js';
import { openDirectly, openThrough } from './transport-sockets.js';
import { openTunnel } from './transport-tunnel.js';

/** A request that waits for a connection or has one. */
export interface Errand {
  /** Everything before the body. */
  readonly head: string;
  readonly args: TransportArguments;
  readonly exchange: Exchange;
}

export interface ConnectionOptions {
  readonly origin: URL;
  /** Between here and the origin. */
  readonly proxy: Proxy | undefined;
  readonly secureContext: SecureContext | undefined;
  /** For all of it: a proxy and its tunnel, TCP, TLS. */
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Of what is sent. */
  readonly bandwidth: Bandwidth | undefined;
  readonly now: () => number;
  /** It has nothing to do any more. */
  readonly onFree: (connection: Connection) => void;
  readonly onGone: (connection: Connection) => void;
  /** The last TLS session, for the next handshake. */
  session: Buffer | undefined;
}

/** What arrives for somebody who keeps it no longer than a call; one of a thread is enough. */
const shared = Buffer.allocUnsafeSlow(RECEIVE_BYTES);

/** A kept-alive connection from its first errand on, one at a time. */
export class Connection {
  readonly #options: ConnectionOptions;
  /** To the proxy first, where there is one. */
  #socket: Socket;
  readonly #reader: AnswerReader;
  #timer: NodeJS.Timeout;
  #errand: Errand | undefined;
  #isOpen = false;
  #isSending = false;
  /** Forgets the turn that the next piece waits for. */
  #forgetTurn: (() => void) | undefined;
  #hasHead = false;
  /** Bodies that are streamed arrive in buffers of their own, of so many bytes; all else in the shared one. */
  #ownBytes = 0;
  #isPaused = false;
  /** The answer has ended: whether another may follow on this connection, once all bytes have been looked at. */
  #after: 'free' | 'close' | undefined;
  #keepAliveMs = KEEP_ALIVE_MS;
  #idleSince = 0;

  constructor(options: ConnectionOptions, errand: Errand) {
    this.#options = options;
    this.#errand = errand;
    this.#reader = new AnswerReader({ head: (status, headers) => this.#head(status, headers), data: (piece) => this.#data(piece), end: (reusable) => this.#end(reusable) });
    this.#timer = setTimeout(() => this.#timedOut(), options.connectTimeoutMs);
    this.#socket = options.proxy === undefined ? this.#direct() : this.#toProxy(options.proxy);
  }

  /** Whether the next errand would find it open: servers end what has been idle for long. */
  get isFresh(): boolean {
    return !this.#socket.destroyed && this.#options.now() - this.#idleSince < this.#keepAliveMs;
  }

  /** Only when it is free. */
  take(errand: Errand): void {
    this.#errand = errand;
    this.#send(errand);
  }

  /** Keeps no process alive until the next errand. */
  rest(): void {
    this.#idleSince = this.#options.now();
    this.#socket.unref();
  }

  /** Ends it, and with it what is under way. */
  fail(error: unknown): void {
    const errand = this.#errand;
    this.destroy();
    errand?.exchange.failed(error);
  }

  /** Whoever has an exchange under way here has failed it. */
  destroy(): void {
    this.#errand = undefined;
    this.#forgetTurn?.();
    this.#socket.destroy();
  }

  /** Reads no more until {@link resume}; called while something is received. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#timer.refresh();
      this.#socket.resume();
    }
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  #direct(): Socket {
    const buffer = (): Buffer => (this.#ownBytes === 0 ? shared : Buffer.allocUnsafeSlow(this.#ownBytes));
    const callback = (bytes: number, received: Uint8Array): boolean => this.#receive(received as Buffer, bytes);
    return this.#listenTo(openDirectly(this.#options, { buffer, callback }, () => this.#opened()));
  }

  #toProxy(proxy: Proxy): Socket {
    const { origin } = this.#options;
    return openTunnel({ proxy, origin }, { opened: (tunnel) => this.#enter(tunnel), failed: (error) => this.fail(error), closed: () => this.#closed() });
  }

  #enter(tunnel: Socket): void {
    const socket = openThrough(tunnel, this.#options, () => this.#opened());
    socket.on('data', (bytes: Buffer) => {
      if (!this.#receive(bytes, bytes.length)) {
        socket.pause();
      }
    });
    this.#socket = this.#listenTo(socket);
  }

  #listenTo(socket: Socket): Socket {
    socket.on('session', (session: Buffer) => (this.#options.session = session));
    socket.once('end', () => this.#ended());
    socket.on('error', (error) => this.fail(error));
    return socket.once('close', () => this.#closed());
  }

  #opened(): void {
    this.#isOpen = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#timedOut(), this.#options.idleTimeoutMs).unref();
    if (this.#errand !== undefined) {
      this.#send(this.#errand);
    }
  }

  #send(errand: Errand): void {
    const { head, args: { method, content }, exchange } = errand;
    const { bandwidth } = this.#options;
    if (!exchange.begin(this)) {
      this.#errand = undefined;
      this.#options.onFree(this);
      return;
    }
    this.#hasHead = false;
    this.#reader.expect(method);
    this.#socket.ref();
    this.#timer.refresh();
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    if (content !== undefined && bandwidth !== undefined && method === 'PUT') {
      this.#isSending = true;
      this.#sendInTurn(0, content, errand, bandwidth);
    } else if (content !== undefined && content.byteLength <= SEND_CHUNK_BYTES) {
      this.#socket.write(content);
    } else if (content !== undefined) {
      this.#isSending = true;
      this.#sendFrom(0, content, errand);
    }
    this.#socket.uncork();
  }

  /** Slice by slice: with one write the idle time-out would run from the first byte to the answer, and TLS would hold a second copy of the whole body. */
  #sendFrom(offset: number, content: Uint8Array, errand: Errand): void {
    const end = offset + SEND_CHUNK_BYTES;
    this.#socket.write(content.subarray(offset, end), () => {
      this.#timer.refresh();
      if (this.#errand === errand && end < content.byteLength) {
        this.#sendFrom(end, content, errand);
      } else {
        this.#isSending = this.#isSending && end < content.byteLength;
      }
    });
  }

  /** The same piece by piece, each in its turn; the first had it before the request began. */
  #sendInTurn(offset: number, content: Uint8Array, errand: Errand, bandwidth: Bandwidth): void {
    const end = Math.min(offset + bandwidth.pieceBytes, content.byteLength);
    this.#socket.write(content.subarray(offset, end), () => {
      this.#timer.refresh();
      if (this.#errand !== errand || end === content.byteLength) {
        this.#isSending = this.#isSending && end < content.byteLength;
        return;
      }
      const go = (): void => {
        this.#forgetTurn = undefined;
        this.#timer.refresh();
        this.#sendInTurn(end, content, errand, bandwidth);
      };
      this.#forgetTurn = bandwidth.turn(Math.min(bandwidth.pieceBytes, content.byteLength - end), go, () => this.fail(interrupted(errand.args.ctx.object)));
    });
  }

  #receive(buffer: Buffer, bytes: number): boolean {
    try {
      this.#reader.push(buffer.subarray(0, bytes));
    } catch (error) {
      this.fail(error);
    }
    // A head that trickles in is not waited for, nor one that is announced again and again; a body has a rate to keep.
    if (this.#hasHead) {
      this.#timer.refresh();
    }
    this.#goOn();
    return !this.#isPaused;
  }

  #head(status: number, headers: AnswerHeaders): void {
    this.#hasHead = true;
    const seconds = /\btimeout=(\d{1,6})\b/.exec(String(headers['keep-alive'] ?? ''))?.[1];
    // A second less: what is sent just before the server ends the connection is lost.
    this.#keepAliveMs = seconds === undefined ? KEEP_ALIVE_MS : Math.min(KEEP_ALIVE_MS, (Number(seconds) - 1) * 1000);
    this.#ownBytes = this.#errand?.exchange.answered(status, headers) === true ? bufferBytesFor(headers) : 0;
  }

  #data(piece: Buffer): void {
    this.#errand?.exchange.received(piece.buffer === shared.buffer ? Buffer.from(piece) : piece);
  }

  #end(reusable: boolean): void {
    const errand = this.#errand;
    this.#errand = undefined;
    this.#ownBytes = 0;
    this.#isPaused = false;
    this.#after = reusable && !this.#isSending && this.#socket.writableLength === 0 ? 'free' : 'close';
    errand?.exchange.ended();
  }

  #goOn(): void {
    const after = this.#after;
    this.#after = undefined;
    if (after === 'close') {
      this.destroy();
    } else if (after === 'free' && !this.#socket.destroyed) {
      this.#options.onFree(this);
    }
  }

  #ended(): void {
    try {
      this.#reader.close();
    } catch (error) {
      this.fail(error);
    }
    this.#socket.destroy();
  }

  #timedOut(): void {
    if (!this.#isOpen) {
      this.fail(new BrokenAnswer('no connection within the time-out'));
    } else if (this.#errand === undefined) {
      this.#socket.destroy();
    } else if (this.#isPaused || this.#forgetTurn !== undefined) {
      this.#timer.refresh();
    } else {
      this.fail(new BrokenAnswer(this.#hasHead ? 'the answer stalled beyond the idle time-out' : 'no answer within the idle time-out'));
    }
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.fail(new BrokenAnswer('the connection was closed before the answer was complete'));
    this.#options.onGone(this);
  }
}

/** Long bodies cost less in large buffers; short ones would take more memory than they fill, as many as there are requests. */
function bufferBytesFor({ 'content-length': length }: AnswerHeaders): number {
  return Number(length) >= LONG_BODY_BYTES ? LONG_RECEIVE_BYTES : RECEIVE_BYTES;
}
