import { lstatSync, mkdirSync, type BigIntStats } from 'node:fs';
import { SealiftError } from '../errors.js';
import { MAX_OPEN_DIRECTORIES } from '../limits.js';
import type { EncodedPath, FileStat } from '../run/types.js';
import { AtomicFile, type FilePlace } from './atomic.js';
import { DirectoryHandle, type Anchoring } from './directory.js';
import { errnoOf, isExhausted, readFailure, writeFailure } from './errno.js';
import { guardPath } from './guard.js';
import { decodePath, encodePath } from './path-encoding.js';
import { fileStatOf } from './stat.js';
import { removeLeftovers, type LeftoverRules, type Leftovers } from './temporary.js';

/** What has a name below the root already. */
export interface ExistingEntry {
  readonly kind: 'file' | 'directory' | 'symlink' | 'special';
  readonly stat: FileStat;
}

/**
 * The directory that a pull fills. Every path passes {@link guardPath}; every directory on the way is entered one name at
 * a time and never through a symbolic link, so nothing is written outside the root whatever stands in it or is put there
 * meanwhile. (Where directories have no descriptors to go by, on other systems than Linux, an exchange in the very moment
 * of writing is not caught.)
 *
 * Keeps up to {@link MAX_OPEN_DIRECTORIES} directories open, or as many as it is told. One per thread.
 */
export class TargetTree {
  readonly #root: DirectoryHandle;
  readonly #mostOpen: number;
  readonly #open = new Map<string, DirectoryHandle>();

  private constructor(root: DirectoryHandle, mostOpen: number) {
    this.#root = root;
    this.#mostOpen = Math.min(mostOpen, MAX_OPEN_DIRECTORIES);
  }

  /**
   * Opens the root, and makes it if it is missing.
   *
   * @throws SealiftError `destination-invalid` when something else has its name, `write-failed`.
   */
  static open(root: Buffer, anchoring?: Anchoring, mostOpen = MAX_OPEN_DIRECTORIES): TargetTree {
    try {
      mkdirSync(root, { recursive: true });
      return new TargetTree(DirectoryHandle.open(root, anchoring), mostOpen);
    } catch (error) {
      throw rootFailure(error, encodePath(root));
    }
  }

  /**
   * A file to be, with every directory that it needs.
   *
   * @throws SealiftError `path-escape` when the path leads out of the root, or a file or link stands where a directory is
   * needed; `write-failed` (retryable when only file descriptors ran out), `disk-full`, `name-invalid`.
   */
  createFile(path: EncodedPath): AtomicFile {
    return this.#thrifty(() => AtomicFile.create(this.#placeOf(path)));
  }

  /** Goes on with the temporary file that an earlier process began for this path. @throws as {@link createFile} */
  reopenFile(path: EncodedPath, temporaryName: string): AtomicFile {
    return this.#thrifty(() => AtomicFile.reopen(this.#placeOf(path), temporaryName));
  }

  /** Makes a directory and every one that it needs, durably. An existing one is fine. @throws as {@link createFile} */
  async makeDirectory(path: EncodedPath): Promise<void> {
    guardPath(path, process.platform);
    const directory = this.#thrifty(() => this.#directory(path, true)) ?? this.#root;
    directory.retain();
    try {
      await directory.sync();
    } finally {
      directory.release();
    }
  }

  /** Whether {@link makeDirectory} would find it made. Makes nothing. @throws as {@link createFile} */
  hasDirectory(path: EncodedPath): boolean {
    guardPath(path, process.platform);
    return this.#thrifty(() => this.#directory(path, false)) !== undefined;
  }

  /**
   * What has this name now; undefined for nothing. A link is reported, not followed.
   *
   * @throws SealiftError `path-escape` when a file or a link stands where a directory is needed, `unreadable`.
   */
  look(path: EncodedPath): ExistingEntry | undefined {
    guardPath(path, process.platform);
    const directory = this.#thrifty(() => this.#directory(parentOf(path), false));
    if (directory === undefined) {
      return undefined;
    }
    try {
      return entryOf(lstatSync(directory.child(nameOf(path)), { bigint: true }));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') {
        return undefined;
      }
      throw readFailure(error, path);
    }
  }

  /**
   * Removes what dead processes left in one directory, see {@link removeLeftovers}; a missing directory has nothing.
   *
   * @param path - of the directory; empty for the root.
   */
  removeLeftovers(path: EncodedPath | '', rules?: LeftoverRules): Leftovers {
    if (path !== '') {
      guardPath(path, process.platform);
    }
    const directory = this.#thrifty(() => this.#directory(path, false));
    try {
      return directory === undefined ? { removed: 0, elsewhere: [] } : removeLeftovers(directory.child(Buffer.from('.')), rules);
    } catch (error) {
      throw writeFailure(error, path);
    }
  }

  /** Gives every directory back. Files that are still open stay usable. */
  close(): void {
    this.#forget(0);
    this.#root.release();
  }

  #placeOf(path: EncodedPath): FilePlace {
    guardPath(path, process.platform);
    const directory = this.#directory(parentOf(path), true) ?? this.#root;
    return { directory, name: nameOf(path), label: path };
  }

  #directory(path: EncodedPath | '', create: boolean): DirectoryHandle | undefined {
    if (path === '') {
      return this.#root;
    }
    const known = this.#open.get(path);
    const directory = known ?? this.#directory(parentOf(path), create)?.enter(nameOf(path), path, create);
    if (directory !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, directory);
      this.#forget(this.#mostOpen);
    }
    return directory;
  }

  /** Runs an action again with an empty cache when it found no free descriptor. */
  #thrifty<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!isExhausted(error)) {
        throw error;
      }
    }
    this.#forget(0);
    return action();
  }

  #forget(keep: number): void {
    for (const [path, directory] of this.#open) {
      if (this.#open.size <= keep) {
        return;
      }
      this.#open.delete(path);
      directory.release();
    }
  }
}

function parentOf(path: EncodedPath): EncodedPath | '' {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) as EncodedPath | '';
}

function nameOf(path: EncodedPath): Buffer {
  return decodePath(path.slice(path.lastIndexOf('/') + 1) as EncodedPath);
}

function entryOf(stats: BigIntStats): ExistingEntry {
  const stat = fileStatOf(stats);
  if (stats.isSymbolicLink()) {
    return { kind: 'symlink', stat };
  }
  if (stats.isDirectory()) {
    return { kind: 'directory', stat };
  }
  return { kind: stats.isFile() ? 'file' : 'special', stat };
}

function rootFailure(error: unknown, name: string): unknown {
  const code = errnoOf(error) ?? errnoOf(error instanceof Error ? error.cause : undefined);
  if (code !== 'EEXIST' && code !== 'ENOTDIR') {
    return writeFailure(error, name);
  }
  return new SealiftError('destination-invalid', `${name} is not a directory`, { object: name, remedy: 'name another directory to pull into', cause: error });
}
