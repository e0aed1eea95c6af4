import { closeSync, constants, fsync, lstatSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { promisify } from 'node:util';
import { SealiftError } from '../errors.js';
import { errnoOf, writeFailure } from './errno.js';
import { encodePath } from './path-encoding.js';

const SLASH = Buffer.from('/');
const fsyncAsync = promisify(fsync);

/** How children of a directory are named: through its descriptor, so that nothing on the way can be exchanged, or by path. */
export type Anchoring = 'descriptor' | 'path';

/** Linux with a mounted proc can name files relative to an open directory; elsewhere paths have to do. */
function bestAnchoring(): Anchoring {
  try {
    return lstatSync('/proc/self/fd').isDirectory() ? 'descriptor' : 'path';
  } catch {
    return 'path';
  }
}

/**
 * A directory held open. Shared by counting: whoever keeps it calls {@link retain}, and {@link release} when done.
 */
export class DirectoryHandle {
  /** Percent-encoded, for messages. */
  readonly name: string;
  /** Undefined where directories cannot be opened (Windows). */
  readonly #fd: number | undefined;
  readonly #base: Buffer;
  readonly #anchoring: Anchoring;
  #users = 1;
  /** Holds the entry of this directory, until that is known to be on disk. */
  #parent: DirectoryHandle | undefined;
  #syncing: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  private constructor(path: Buffer, name: string, how: { readonly anchoring: Anchoring; readonly parent?: DirectoryHandle }) {
    this.#fd = openDirectory(path);
    this.#anchoring = this.#fd === undefined ? 'path' : how.anchoring;
    this.#base = this.#anchoring === 'path' ? path : Buffer.from(`/proc/self/fd/${this.#fd ?? ''}`);
    this.name = name;
    this.#parent = how.parent?.retain();
  }

  /** Opens a directory that the user named: links on the way are the user's own. */
  static open(path: Buffer, anchoring: Anchoring = bestAnchoring()): DirectoryHandle {
    const label = encodePath(path);
    try {
      return new DirectoryHandle(realpathSync.native(path, { encoding: 'buffer' }), label, { anchoring });
    } catch (error) {
      throw writeFailure(error, label);
    }
  }

  /**
   * Opens a directory in this one, never through a link; makes it first if it is missing and `create` is set.
   *
   * @throws SealiftError `path-escape` when something else stands there; undefined is returned when nothing does.
   */
  enter(name: Buffer, label: string, create: boolean): DirectoryHandle | undefined {
    const path = this.child(name);
    try {
      const made = create && makeDirectory(path);
      if (this.#anchoring === 'path' && !lstatSync(path).isDirectory()) {
        throw notADirectory(label);
      }
      return new DirectoryHandle(path, label, { anchoring: this.#anchoring, ...(made ? { parent: this } : {}) });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' && !create) {
        return undefined;
      }
      throw isNoDirectory(error) ? notADirectory(label, error) : writeFailure(error, label);
    }
  }

  /** The name of something in this directory, as file system calls take it. */
  child(name: Buffer): Buffer {
    return Buffer.concat([this.#base, SLASH, name]);
  }

  retain(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) {
      return;
    }
    this.#parent?.release();
    this.#parent = undefined;
    if (this.#fd !== undefined) {
      closeSync(this.#fd);
    }
  }

  /**
   * Resolves when every entry that this directory has now, and its own entry in its parent, is on disk. Calls that come
   * while one is under way share the next: many small files cost few of them.
   */
  sync(): Promise<void> {
    if (this.#waiting !== undefined) {
      return this.#waiting;
    }
    if (this.#syncing === undefined) {
      return this.#startSync();
    }
    this.#waiting = this.#syncing.catch(() => undefined).then(() => this.#startSync());
    return this.#waiting;
  }

  #startSync(): Promise<void> {
    this.#waiting = undefined;
    this.retain();
    this.#syncing = this.#syncNow().finally(() => {
      this.#syncing = undefined;
      this.release();
    });
    return this.#syncing;
  }

  async #syncNow(): Promise<void> {
    const parent = this.#parent;
    try {
      await Promise.all([this.#fd === undefined ? undefined : fsyncAsync(this.#fd), parent?.sync()]);
    } catch (error) {
      throw writeFailure(error, this.name);
    }
    if (parent !== undefined && this.#parent === parent) {
      this.#parent = undefined;
      parent.release();
    }
  }
}

/** Whether it had to be made. */
function makeDirectory(path: Buffer): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

function openDirectory(path: Buffer): number | undefined {
  if (process.platform === 'win32') {
    return undefined;
  }
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** open(2) with O_DIRECTORY and O_NOFOLLOW says the one for a file and, depending on the system, either for a link. */
function isNoDirectory(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'ENOTDIR' || code === 'ELOOP';
}

function notADirectory(label: string, cause?: unknown): SealiftError {
  return new SealiftError('path-escape', `${label} is a file or a symbolic link: nothing is written through it`, {
    object: label,
    remedy: 'move it away, or pull into another directory',
    cause,
  });
}
