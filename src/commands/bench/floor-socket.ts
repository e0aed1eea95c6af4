/** One keep-alive connection, one request at a time, and nothing that is not needed against our own sink. */
import { connect, type Socket } from 'node:net';
import { overwrite } from '../../crypto/overwrite.js';
import { reserve, viewOf } from '../../run/threads/arena.js';

export interface FloorAnswer {
  readonly head: string;
  /** Overwritten by the next answer. */
  readonly body: Buffer;
}

interface Waiting {
  readonly resolve: (answer: FloorAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class FloorSocket {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #head: string | undefined;
  /** For bodies that come in pieces, used again and again: fresh memory is dear. */
  #memory: Buffer = Buffer.alloc(0);
  #length = 0;
  #received = 0;
  #isBodyless = false;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (data) => this.#receive(data));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the sink closed the connection')));
  }

  async send(head: string, body?: Buffer): Promise<FloorAnswer> {
    return await new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#isBodyless = head.startsWith('HEAD ');
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      if (body !== undefined) {
        this.#socket.write(body);
      }
      this.#socket.uncork();
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    const body = this.#head === undefined ? this.#begin(data) : data;
    const isWhole = body.length === this.#length;
    if (!isWhole) {
      overwrite(this.#memory, this.#received, body);
    }
    this.#received += body.length;
    if (this.#received === this.#length) {
      this.#finish(isWhole ? body : this.#memory.subarray(0, this.#length));
    }
  }

  #begin(data: Buffer): Buffer {
    const end = data.indexOf('\r\n\r\n');
    this.#head = data.toString('latin1', 0, end);
    this.#length = this.#isBodyless ? 0 : Number(/content-length: (\d+)/i.exec(this.#head)?.[1]);
    this.#received = 0;
    const body = data.subarray(end + 4);
    if (body.length < this.#length && this.#memory.length < this.#length) {
      this.#memory = viewOf(reserve(this.#length), { offset: 0, bytes: this.#length });
    }
    return body;
  }

  #finish(body: Buffer): void {
    const head = this.#head ?? '';
    this.#head = undefined;
    if (head.startsWith('HTTP/1.1 200')) {
      this.#waiting?.resolve({ head, body });
    } else {
      this.#waiting?.reject(new Error(head));
    }
  }
}
