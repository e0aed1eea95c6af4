import { unlink, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { SealiftError } from '../errors.js';
import { readFailure, writeFailure } from '../files/errno.js';
import { temporaryName } from '../files/temporary.js';

const PRIVATE = 0o600;

/**
 * A temporary file for what does not fit in memory. It holds ciphertext alone, nobody else may read it, and it loses its
 * name right after it is made: whatever ends the process, nothing stays behind.
 *
 * Failures are SealiftErrors: `disk-full`, `write-failed`.
 */
export class Spool {
  readonly #file: FileHandle;
  readonly #directory: string;

  private constructor(file: FileHandle, directory: string) {
    this.#file = file;
    this.#directory = directory;
  }

  static async create(directory: string): Promise<Spool> {
    const path = join(directory, temporaryName());
    try {
      const file = await open(path, 'wx+', PRIVATE);
      await unlink(path);
      return new Spool(file, directory);
    } catch (error) {
      throw writeFailure(error, directory);
    }
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    try {
      for (let written = 0; written < data.length; ) {
        written += (await this.#file.write(data, written, data.length - written, position + written)).bytesWritten;
      }
    } catch (error) {
      throw writeFailure(error, this.#directory);
    }
  }

  /** Fills `into`. */
  async read(into: Uint8Array, position: number): Promise<void> {
    for (let filled = 0; filled < into.length; ) {
      const bytesRead = await this.#readSome(into.subarray(filled), position + filled);
      if (bytesRead === 0) {
        throw new SealiftError('write-failed', `a temporary file in ${this.#directory} lost its end`, { object: this.#directory });
      }
      filled += bytesRead;
    }
  }

  async #readSome(into: Uint8Array, position: number): Promise<number> {
    try {
      return (await this.#file.read(into, 0, into.length, position)).bytesRead;
    } catch (error) {
      throw readFailure(error, this.#directory);
    }
  }

  /** Frees the disk space. Closing twice is no error. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
