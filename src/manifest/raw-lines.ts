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

/** Reads a file line by line, in batches of about `MANIFEST_READ_BYTES`, in memory bounded by the longest legal line. */
export async function* readRawLines(file: FileHandle): AsyncGenerator<readonly RawLine[]> {
  const splitter = new LineSplitter();
  const chunk = Buffer.allocUnsafe(MANIFEST_READ_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, splitter.position);
    if (bytesRead === 0) {
      yield splitter.end();
      return;
    }
    yield splitter.feed(chunk.subarray(0, bytesRead));
  }
}

class LineSplitter {
  /** Bytes fed so far. */
  position = 0;
  #lineOffset = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** Whether the beginning of the current line was dropped because nothing legal is that long. */
  #tooLong = false;

  feed(chunk: Buffer): readonly RawLine[] {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const base = this.position - this.#rest.length;
    const lines: RawLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      lines.push(this.#line(bytes.subarray(start, end), base + end + 1));
      start = end + 1;
    }
    this.position += chunk.length;
    this.#keep(bytes.subarray(start));
    return lines;
  }

  end(): readonly RawLine[] {
    return this.#lineOffset === this.position ? [] : [{ ...this.#line(this.#rest, this.position), ended: false }];
  }

  #keep(rest: Buffer): void {
    this.#tooLong ||= rest.length >= MAX_MANIFEST_LINE_BYTES;
    this.#rest = this.#tooLong ? Buffer.alloc(0) : rest;
  }

  #line(bytes: Buffer, endOffset: number): RawLine {
    const tooLong = this.#tooLong || bytes.length >= MAX_MANIFEST_LINE_BYTES;
    const offset = this.#lineOffset;
    this.#lineOffset = endOffset;
    this.#tooLong = false;
    return { offset, endOffset, text: tooLong ? undefined : bytes.toString('utf8'), ended: true };
  }
}
