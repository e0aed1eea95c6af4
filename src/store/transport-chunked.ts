import { BrokenAnswer } from './transport-failures.js';

const EMPTY = Buffer.alloc(0);
const NEWLINE = 10;
/** Of a size with its extensions, or of a trailer: ours. */
const MAX_LINE_BYTES = 16_384;
const SIZE_LINE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n$/;

/** Takes the transfer coding `chunked` off a body (RFC 9112, 7.1); trailers are passed over. */
export class ChunkedBody {
  readonly #listener: (piece: Buffer) => void;
  #state: 'size' | 'data' | 'after data' | 'trailer' = 'size';
  #left = 0;
  #line = EMPTY;

  /** The listener gets views that hold for the call only. */
  constructor(listener: (piece: Buffer) => void) {
    this.#listener = listener;
  }

  /** What follows the end of the body; undefined while that has not come. @throws BrokenAnswer */
  push(bytes: Buffer): Buffer | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#state === 'data') {
        rest = this.#pass(rest);
        continue;
      }
      const end = rest.indexOf(NEWLINE) + 1;
      const part = end === 0 ? rest : rest.subarray(0, end);
      if (this.#line.length + part.length > MAX_LINE_BYTES) {
        throw new BrokenAnswer('a chunk of the answer is not HTTP');
      }
      const line = this.#line.length === 0 ? part : Buffer.concat([this.#line, part]);
      rest = rest.subarray(part.length);
      this.#line = end === 0 ? Buffer.from(line) : EMPTY;
      if (end > 0 && this.#isLast(line.toString('latin1'))) {
        return rest;
      }
    }
    return undefined;
  }

  #pass(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, Math.min(bytes.length, this.#left));
    this.#left -= piece.length;
    this.#state = this.#left === 0 ? 'after data' : 'data';
    this.#listener(piece);
    return bytes.subarray(piece.length);
  }

  /** Whether a whole line, its end included, ends the body. */
  #isLast(line: string): boolean {
    if (this.#state === 'trailer') {
      return line === '\r\n';
    }
    if (this.#state === 'after data') {
      if (line !== '\r\n') {
        throw new BrokenAnswer('a chunk of the answer is not HTTP');
      }
      this.#state = 'size';
      return false;
    }
    const size = SIZE_LINE.exec(line)?.[1];
    if (size === undefined) {
      throw new BrokenAnswer('a chunk of the answer is not HTTP');
    }
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'data';
    return false;
  }
}
