import { closeSync, constants, fstatSync, openSync, readSync, readvSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import type { FileStat } from '../run/types.js';
import { readFailure } from './errno.js';
import { encodePath } from './path-encoding.js';
import { fileStatOf, isUnchanged } from './stat.js';

/** Whatever a file has beyond its size lands here; nobody reads it. */
const PROBE = Buffer.alloc(1);

export interface OpenSourceOptions {
  /** Whether the name may be a symbolic link; links on the way to it are followed either way. */
  readonly followSymlinks: boolean;
  /** What the file was when it was last looked at: opening fails if it changed since. */
  readonly expected?: FileStat;
}

/**
 * Opens a regular file for reading, without waiting for a FIFO and without following a link that took its place.
 *
 * @param file - absolute name, raw bytes.
 * @throws SealiftError `vanished`, `unreadable` (retryable when only file descriptors ran out), or `unstable` when it is no
 * longer a regular file or no longer as `expected`.
 */
export function openSource(file: Buffer, options: OpenSourceOptions): SourceHandle {
  const fd = openForReading(file, options.followSymlinks);
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) {
      throw unstable(encodePath(file), 'it is no longer a regular file');
    }
    const stat = fileStatOf(stats);
    if (options.expected !== undefined && !isUnchanged(options.expected, stat)) {
      throw unstable(encodePath(file), 'it changed since it was last looked at');
    }
    return new SourceHandle(fd, file, stat);
  } catch (error) {
    closeSync(fd);
    throw readFailure(error, encodePath(file));
  }
}

/**
 * A regular file that is open for reading. Reads are synchronous: for small files that is a third cheaper, and large ones
 * are read in small steps. Every read delivers what was asked for or throws.
 */
export class SourceHandle {
  readonly fd: number;
  /** Of the moment of opening. */
  readonly stat: FileStat;
  readonly #file: Buffer;
  #closed = false;

  /** `file` is the absolute name, raw bytes. */
  constructor(fd: number, file: Buffer, stat: FileStat) {
    this.fd = fd;
    this.#file = file;
    this.stat = stat;
  }

  /** Percent-encoded absolute name, for messages. */
  get name(): string {
    return encodePath(this.#file);
  }

  /**
   * Reads the whole file, which must not change meanwhile.
   *
   * @param target - exactly `stat.sizeBytes` long.
   * @throws SealiftError `unstable` when the file shrank, grew or was written to since it was opened; `unreadable`.
   */
  readAll(target: Uint8Array): void {
    if (target.length !== this.stat.sizeBytes) {
      throw new RangeError(`readAll: the target has ${target.length} bytes, the file ${this.stat.sizeBytes}`);
    }
    const bytes = this.#readWithProbe(target);
    // Some file systems (proc) give a size of zero to files with content; a stat alone would lose it.
    if (bytes > target.length) {
      throw unstable(this.name, 'it has more bytes than its size says');
    }
    this.readAt(target.subarray(bytes), bytes);
    this.assertUnchanged();
  }

  /** Fills `target` from `position` on. @throws SealiftError `unstable` when the file ends before that, `unreadable`. */
  readAt(target: Uint8Array, position: number): void {
    for (let filled = 0; filled < target.length; ) {
      const bytes = this.#readSome(target.subarray(filled), position + filled);
      if (bytes === 0) {
        throw unstable(this.name, `it ended at byte ${position + filled}`);
      }
      filled += bytes;
    }
  }

  /** @throws SealiftError `unstable` when size, times or inode are no longer what they were at opening. */
  assertUnchanged(): void {
    try {
      assertUnchanged(this.stat, fileStatOf(fstatSync(this.fd, { bigint: true })), this.name);
    } catch (error) {
      throw readFailure(error, this.name);
    }
  }

  /** Closing twice is no error: descriptors are reused, so the second would close somebody else's file. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      closeSync(this.fd);
    }
  }

  /** One call for the content and for what may follow it. */
  #readWithProbe(target: Uint8Array): number {
    try {
      return readvSync(this.fd, [target, PROBE], 0);
    } catch (error) {
      throw readFailure(error, this.name);
    }
  }

  #readSome(target: Uint8Array, position: number): number {
    try {
      return readSync(this.fd, target, 0, target.length, position);
    } catch (error) {
      throw readFailure(error, this.name);
    }
  }
}

/** @throws SealiftError `unstable` when size, mtime, ctime or inode differ. */
export function assertUnchanged(before: FileStat, after: FileStat, name: string): void {
  if (!isUnchanged(before, after)) {
    throw unstable(name, 'it changed while it was read');
  }
}

function openForReading(file: Buffer, followSymlinks: boolean): number {
  const follow = followSymlinks ? 0 : constants.O_NOFOLLOW;
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | follow);
  } catch (error) {
    const name = encodePath(file);
    throw isNotRegular(error) && !followSymlinks ? unstable(name, 'it is no longer a regular file') : readFailure(error, name);
  }
}

/** ELOOP: a symbolic link under O_NOFOLLOW; ENXIO: a socket. */
function isNotRegular(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ELOOP' || error.code === 'ENXIO');
}

function unstable(name: string, why: string): SealiftError {
  return new SealiftError('unstable', `${name} cannot be read as one state: ${why}`, {
    object: name,
    remedy: 'stop whatever writes to it, then run the same command again',
  });
}
