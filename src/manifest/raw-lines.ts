import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { MANIFEST_READ_BYTES, MAX_MANIFEST_LINE_BYTES } from '../limits.js';

/** A line as it stands in the file, nothing checked. */
export interface RawLine {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Where the next line starts. */
  readonly endOffset: number;
  /** Without its newline; undefined when it is longer than `MAX_MANIFEST_LINE_BYTES`. */
  readonly text: string | undefined;
  /** Whether a newline ends it; only the last one may lack it. */
  readonly ended: boolean;
}

const NEWLINE = 10;
/** Most lines fit the first read; larger ones take a second. */
const FIRST_READ_BYTES = 4096;

/** Reads a file line by line, in batches of about `MANIFEST_READ_BYTES`, in one buffer. */
export async function* readRawLines(file: FileHandle): AsyncGenerator<readonly RawLine[]> {
  const splitter = new LineSplitter();
  for (;;) {
    const { bytesRead } = await file.read(splitter.free(), { position: splitter.position });
    if (bytesRead === 0) {
      yield splitter.end();
      return;
    }
    yield splitter.split(bytesRead);
  }
}

/** The line that starts at `offset`, without its newline; undefined when none ends it. */
export function readLine(fd: number, offset: number, length = FIRST_READ_BYTES): string | undefined {
  const bytes = Buffer.allocUnsafe(length);
  const got = bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  const end = got.indexOf(NEWLINE);
  if (end !== -1) {
    return got.toString('utf8', 0, end);
  }
  return got.length < length ? undefined : readLine(fd, offset, length * 16);
}

class LineSplitter {
  /** Bytes of the file seen so far. */
  position = 0;
  /** Begins with the unfinished line; grows to at most one longest line and one read. */
  #buffer = Buffer.allocUnsafe(2 * MANIFEST_READ_BYTES);
  #restBytes = 0;
  #lineOffset = 0;
  /** Whether the beginning of the current line was dropped because nothing legal is that long. */
  #tooLong = false;

  /** Where the next bytes of the file belong. */
  free(): Buffer {
    return this.#buffer.subarray(this.#restBytes, this.#restBytes + MANIFEST_READ_BYTES);
  }

  split(newBytes: number): readonly RawLine[] {
    const bytes = this.#buffer.subarray(0, this.#restBytes + newBytes);
    const base = this.position - this.#restBytes;
    const lines: RawLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      lines.push(this.#line(start, end, base + end + 1));
      start = end + 1;
    }
    this.position += newBytes;
    this.#keep(bytes.subarray(start));
    return lines;
  }

  end(): readonly RawLine[] {
    return this.#lineOffset === this.position ? [] : [{ ...this.#line(0, this.#restBytes, this.position), ended: false }];
  }

  #keep(rest: Buffer): void {
    this.#tooLong ||= rest.length >= MAX_MANIFEST_LINE_BYTES;
    const kept = this.#tooLong ? rest.subarray(0, 0) : rest;
    if (kept.length + MANIFEST_READ_BYTES > this.#buffer.length) {
      this.#buffer = Buffer.concat([kept], 2 * this.#buffer.length);
    } else {
      kept.copy(this.#buffer);
    }
    this.#restBytes = kept.length;
  }

  #line(start: number, end: number, endOffset: number): RawLine {
    const tooLong = this.#tooLong || end - start >= MAX_MANIFEST_LINE_BYTES;
    const offset = this.#lineOffset;
    this.#lineOffset = endOffset;
    this.#tooLong = false;
    return { offset, endOffset, text: tooLong ? undefined : this.#buffer.toString('utf8', start, end), ended: true };
  }
}
