/** One keep-alive connection, one request at a time, and nothing that is not needed against our own sink. */
import { connect, type Socket } from 'node:net';

export interface FloorAnswer {
  readonly head: string;
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
  #body: Buffer[] = [];
  #left = 0;
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
    let body = data;
    if (this.#head === undefined) {
      const end = data.indexOf('\r\n\r\n');
      const head = data.toString('latin1', 0, end);
      this.#head = head;
      this.#left = this.#isBodyless ? 0 : Number(/content-length: (\d+)/i.exec(head)?.[1]);
      body = data.subarray(end + 4);
    }
    this.#left -= body.length;
    this.#body.push(body);
    if (this.#left > 0) {
      return;
    }
    const answer = { head: this.#head, body: this.#body.length === 1 ? body : Buffer.concat(this.#body) };
    this.#head = undefined;
    this.#body = [];
    if (answer.head.startsWith('HTTP/1.1 200')) {
      this.#waiting?.resolve(answer);
    } else {
      this.#waiting?.reject(new Error(answer.head));
    }
  }
}
