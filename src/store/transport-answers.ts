import { MAX_ANSWER_HEADER_BYTES } from '../limits.js';
import { ChunkedBody } from './transport-chunked.js';
import { BrokenAnswer } from './transport-failures.js';

/** Lower-case names; a repeated header is a list. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Who is told what arrives. The pieces of a body are views that hold for the call only. */
export interface AnswerListener {
  head(status: number, headers: AnswerHeaders): void;
  data(piece: Buffer): void;
  /** `reusable` unless the connection ends with this answer. */
  end(reusable: boolean): void;
}

/** How the end of a body is known. */
type Framing = 'length' | 'chunks' | 'close';

const SPACE = 0x20;
const TAB = 0x09;
const EMPTY = Buffer.alloc(0);
const HEAD_END = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const HEADER_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;
const LENGTH = /^\d{1,15}$/;

/**
 * Reads the answers of one HTTP/1.1 connection, one request at a time (RFC 9112). Strict, because whoever is lenient about
 * where an answer ends takes bytes of one answer for the next.
 */
export class AnswerReader {
  readonly #listener: AnswerListener;
  #method = '';
  #expecting = false;
  #isHeadRead = false;
  /** Of a head that came in pieces. */
  #pending = EMPTY;
  #framing: Framing = 'length';
  #left = 0;
  #chunked: ChunkedBody | undefined;
  #reusable = true;

  constructor(listener: AnswerListener) {
    this.#listener = listener;
  }

  /** A request of this method was sent. */
  expect(method: string): void {
    this.#method = method;
    this.#expecting = true;
    this.#isHeadRead = false;
  }

  /** @throws BrokenAnswer for what is no answer to the request; the connection is of no use then */
  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (!this.#expecting) {
        throw new BrokenAnswer('the server said something that nobody had asked for');
      }
      rest = this.#isHeadRead ? this.#readBody(rest) : this.#readHead(rest);
    }
  }

  /** The server says no more. @throws BrokenAnswer unless that is how the answer ends */
  close(): void {
    if (this.#expecting && this.#isHeadRead && this.#framing === 'close') {
      this.#end();
    } else if (this.#expecting) {
      throw new BrokenAnswer('the connection was closed before the answer was complete');
    }
  }

  #readHead(bytes: Buffer): Buffer {
    const all = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const end = all.indexOf(HEAD_END);
    if ((end === -1 ? all.length : end) > MAX_ANSWER_HEADER_BYTES) {
      throw new BrokenAnswer('the headers of the answer are too large');
    }
    if (end === -1) {
      this.#pending = Buffer.from(all);
      return EMPTY;
    }
    this.#pending = EMPTY;
    this.#begin(all.toString('latin1', 0, end).split('\r\n'));
    return all.subarray(end + HEAD_END.length);
  }

  #begin(lines: readonly string[]): void {
    const match = STATUS_LINE.exec(lines[0] ?? '');
    if (match === null) {
      throw new BrokenAnswer('the answer is not HTTP');
    }
    const status = Number(match[2]);
    if (status < 200) {
      return;
    }
    const headers = headersOf(lines);
    this.#isHeadRead = true;
    this.#reusable = staysOpen(headers, match[1] === '1');
    this.#frame(status, headers);
    this.#listener.head(status, headers);
    if (this.#framing === 'length' && this.#left === 0) {
      this.#end();
    }
  }

  #frame(status: number, headers: AnswerHeaders): void {
    const { 'content-length': length, 'transfer-encoding': encoding } = headers;
    this.#framing = 'length';
    this.#left = 0;
    const isTunnel = this.#method === 'CONNECT' && status < 300;
    if (this.#method === 'HEAD' || isTunnel || status === 204 || status === 304) {
      return;
    }
    if (encoding !== undefined) {
      if (length !== undefined || String(encoding).toLowerCase() !== 'chunked') {
        throw new BrokenAnswer('the answer does not say clearly where it ends');
      }
      this.#framing = 'chunks';
      this.#chunked = new ChunkedBody((piece) => this.#listener.data(piece));
    } else if (length === undefined) {
      this.#framing = 'close';
      this.#reusable = false;
    } else {
      this.#left = lengthOf(length);
    }
  }

  #readBody(bytes: Buffer): Buffer {
    switch (this.#framing) {
      case 'close':
        this.#listener.data(bytes);
        return EMPTY;
      case 'chunks':
        return this.#readChunks(bytes);
      case 'length': {
        const piece = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
        this.#left -= piece.length;
        this.#listener.data(piece);
        if (this.#left === 0) {
          this.#end();
        }
        return bytes.subarray(piece.length);
      }
    }
  }

  #readChunks(bytes: Buffer): Buffer {
    const rest = this.#chunked?.push(bytes);
    if (rest === undefined) {
      return EMPTY;
    }
    this.#end();
    return rest;
  }

  #end(): void {
    this.#expecting = false;
    this.#chunked = undefined;
    this.#listener.end(this.#reusable);
  }
}

function headersOf(lines: readonly string[]): AnswerHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let at = 1; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (!HEADER_LINE.test(line)) {
      throw new BrokenAnswer('a header of the answer is not HTTP');
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = withoutBlanks(line, colon + 1);
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** HTTP's own notion of blanks: `trim` takes a no-break space (0xA0) away too, which is part of a value that is wrong then. */
function withoutBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) {
    start += 1;
  }
  while (end > start && isBlank(line.charCodeAt(end - 1))) {
    end -= 1;
  }
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function staysOpen({ connection }: AnswerHeaders, isCurrent: boolean): boolean {
  const wishes = String(connection ?? '').toLowerCase();
  return isCurrent ? !wishes.includes('close') : wishes.includes('keep-alive');
}

function lengthOf(length: string | string[]): number {
  if (typeof length !== 'string' || !LENGTH.test(length)) {
    throw new BrokenAnswer('the answer does not say clearly where it ends');
  }
  return Number(length);
}
