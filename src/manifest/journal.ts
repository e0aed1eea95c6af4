import { fdatasync, ftruncateSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { SealiftError } from '../errors.js';
import { GROUP_COMMIT_MS, MAX_MANIFEST_LINE_BYTES } from '../limits.js';
import { writeError } from './files.js';
import { encodeLine, type Position } from './line.js';
import type { ManifestRecord } from './record.js';

/** Calls back once after so many milliseconds; the result cancels it. Must not keep the process alive. */
export type Timer = (milliseconds: number, callback: () => void) => () => void;

export const systemTimer: Timer = (milliseconds, callback) => {
  const timeout = setTimeout(callback, milliseconds).unref();
  return () => {
    clearTimeout(timeout);
  };
};

const NEWLINE = 10;

/**
 * The only writer of a manifest file.
 *
 * An appended record is handed to the kernel at the end of the current turn of the event loop, so it survives the death
 * of the process, and reaches the disk within 200 ms (`GROUP_COMMIT_MS`), so it survives the loss of power. Writes are
 * synchronous on purpose: a line costs 2 µs in the page cache, a trip to the thread pool more than ten times that.
 *
 * The first failure is final: what could not be written whole is cut off again, and every later call throws the same
 * error. A failed fsync is never repeated, since the kernel may have dropped the pages already.
 */
export class Journal {
  readonly #file: FileHandle;
  readonly #name: string;
  readonly #timer: Timer;
  /** Where the next line will start, counting lines that are still in memory. */
  #position: Position;
  #writtenBytes: number;
  #lines: string[] = [];
  #dirty = false;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failure: SealiftError | undefined;

  /** `file` is open for appending and ends at `position`; it is closed by {@link Journal.close}. */
  constructor(file: FileHandle, options: { name: string; position: Position; timer?: Timer }) {
    this.#file = file;
    this.#name = options.name;
    this.#timer = options.timer ?? systemTimer;
    this.#position = options.position;
    this.#writtenBytes = options.position.offset;
  }

  /** Bytes of the file, lines in memory included. */
  get sizeBytes(): number {
    return this.#position.offset;
  }

  /**
   * Queues a record and returns the byte offset of its line.
   *
   * @throws SealiftError `disk-full` or `manifest-write-failed`, when this or an earlier write failed.
   * @throws RangeError when the line is longer than `MAX_MANIFEST_LINE_BYTES`.
   */
  append(record: ManifestRecord): number {
    this.#throwFailure();
    const { text, chain } = encodeLine(record, this.#position);
    const lineBytes = Buffer.byteLength(text) + 1;
    if (lineBytes > MAX_MANIFEST_LINE_BYTES) {
      throw new RangeError(`a manifest line holds at most ${MAX_MANIFEST_LINE_BYTES} bytes, a ${record.type} record has ${lineBytes}`);
    }
    const { offset, seq } = this.#position;
    this.#position = { offset: offset + lineBytes, seq: seq + 1, chain };
    this.#queue(text);
    return offset;
  }

  /** Hands everything appended so far to the kernel before it returns. Throws like {@link Journal.append}. */
  write(): void {
    this.#throwFailure();
    if (this.#lines.length === 0) {
      return;
    }
    const block = Buffer.from(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
    this.#dirty = true;
    this.#writeBlock(block);
  }

  /** Resolves when everything appended so far is on the disk; concurrent callers share one fsync. Rejects like {@link Journal.append} throws. */
  async flush(): Promise<void> {
    this.write();
    await (this.#dirty ? this.#sync() : this.#running);
    this.#throwFailure();
  }

  /** Flushes and closes the file; rejects with the first failure, but closes in any case. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#cancelTimer?.();
      await this.#file.close();
    }
  }

  #queue(text: string): void {
    if (this.#lines.push(text) === 1) {
      queueMicrotask(() => this.#inBackground(() => this.write()));
    }
    this.#cancelTimer ??= this.#timer(GROUP_COMMIT_MS, () => {
      this.#cancelTimer = undefined;
      this.#inBackground(() => this.flush());
    });
  }

  /** A background failure is not lost: it is kept and thrown by the next call. */
  #inBackground(work: () => void | Promise<void>): void {
    Promise.resolve().then(work).catch(() => undefined);
  }

  #sync(): Promise<void> {
    this.#next ??= (this.#running ?? Promise.resolve()).then(() => {
      this.#running = this.#next;
      this.#next = undefined;
      return this.#syncNow();
    });
    return this.#next;
  }

  /** Never rejects: the failure is kept, so that several waiters can throw it. */
  #syncNow(): Promise<void> {
    this.#dirty = false;
    return new Promise((resolve) => {
      fdatasync(this.#file.fd, (error) => {
        this.#running = undefined;
        if (error !== null) {
          this.#fail(error, '(the manifest) could not be brought to the disk');
        }
        resolve();
      });
    });
  }

  #writeBlock(block: Buffer): void {
    let written = 0;
    try {
      while (written < block.length) {
        written += writeSync(this.#file.fd, block, written);
      }
    } catch (error) {
      this.#fail(error, '(the manifest) could not be written');
      this.#cutTornLine(block.subarray(0, written));
      this.#throwFailure();
    }
    this.#writtenBytes += block.length;
  }

  /** Keeps the lines that arrived whole. If the cut fails too, the next load finds a torn tail and does it. */
  #cutTornLine(arrived: Buffer): void {
    try {
      ftruncateSync(this.#file.fd, this.#writtenBytes + arrived.lastIndexOf(NEWLINE) + 1);
    } catch {
      return;
    }
  }

  #fail(cause: unknown, what: string): void {
    this.#failure ??= writeError(this.#name, what, cause);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }
}
