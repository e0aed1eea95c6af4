import {
  closeSync, constants, fchmodSync, fstatSync, fsync, ftruncateSync, futimesSync, linkSync, openSync, renameSync,
  statfsSync, unlinkSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { SealiftError } from '../errors.js';
import type { FileStat } from '../run/types.js';
import type { DirectoryHandle } from './directory.js';
import { errnoOf, writeFailure } from './errno.js';
import { isOursAlone } from './machine.js';
import { writeAroundHoles } from './sparse.js';
import { wholeMicroseconds } from './stat.js';
import { temporaryName } from './temporary.js';
import { writeFully } from './write.js';

const PRIVATE = 0o600;
const PERMISSIONS = 0o777;
const ALL_BITS = 0o7777;
const US_PER_SECOND = 1e6;

const fsyncAsync = promisify(fsync);

export interface CommitOptions {
  /** Replace what has the final name; a link is replaced itself, never followed. Without it, code `exists`. */
  readonly overwrite: boolean;
  /** Nanoseconds since 1970; kept to the microsecond. @default the time of the last write */
  readonly mtimeNs?: bigint;
  /** Permission bits. @default 0o600 */
  readonly mode?: number;
  /** Take set-uid, set-gid and sticky from `mode` too. @default false */
  readonly preserveSpecialBits?: boolean;
}

/** Where a file goes: a directory and a name in it. */
export interface FilePlace {
  readonly directory: DirectoryHandle;
  readonly name: Buffer;
  /** For messages. */
  readonly label: string;
}

/**
 * A file that gets its name only when it is whole and on disk. Until then it stands beside that name as a private temporary
 * file, which {@link discard} or a failed {@link commit} removes; after a kill it is a leftover that the next run removes.
 *
 * All failures are SealiftErrors: `disk-full`, `write-failed`, `name-invalid`, `exists`.
 */
export class AtomicFile {
  /** Valid until commit or discard, in every thread of this process. */
  readonly fd: number;
  /** To be recorded by whoever wants to go on with this file in another process: {@link reopen}. */
  readonly temporaryName: string;
  readonly #place: FilePlace;
  #state: 'open' | 'committing' | 'over' = 'open';
  #fdOpen = true;

  private constructor(place: FilePlace, temporary: string, flags: number) {
    this.temporaryName = temporary;
    this.#place = place;
    this.fd = this.#attempt(() => openSync(this.#temporary, constants.O_RDWR | constants.O_NOFOLLOW | flags, PRIVATE));
    place.directory.retain();
  }

  static create(place: FilePlace): AtomicFile {
    return new AtomicFile(place, temporaryName(), constants.O_CREAT | constants.O_EXCL);
  }

  /** Goes on with a temporary file of an earlier process. @throws SealiftError `write-failed` when it is gone or not ours. */
  static reopen(place: FilePlace, temporary: string): AtomicFile {
    const file = new AtomicFile(place, temporary, constants.O_NONBLOCK);
    const stats = fstatSync(file.fd);
    if (stats.isFile() && isOursAlone(stats)) {
      makePrivate(file.fd);
      return file;
    }
    file.#end();
    throw new SealiftError('write-failed', `the temporary file of ${place.label} is not what was left there`, {
      object: place.label,
      remedy: `remove ${temporary} beside it`,
    });
  }

  /** Writes all of `data` at a position, in bytes from the start. */
  writeAt(data: Uint8Array, position: number): void {
    this.#attempt(() => writeFully(this.fd, data, position));
  }

  /** A whole file whose blocks of zeros become holes. */
  writeSparse(data: Buffer): void {
    this.#attempt(() => {
      ftruncateSync(this.fd, data.length);
      writeAroundHoles(this.fd, data, 0);
    });
  }

  /**
   * Sets the size, so that parts can be written in any order. Fails at once if the disk cannot hold it, unless `sparse` says
   * that much of it may never be written.
   */
  preallocate(sizeBytes: number, sparse = false): void {
    this.#attempt(() => {
      if (sparse) {
        ftruncateSync(this.fd, sizeBytes);
        return;
      }
      const { bavail, bsize } = statfsSync(this.#place.directory.child(Buffer.from('.')));
      if (bavail * bsize < sizeBytes) {
        throw noRoom(this.#place.label, sizeBytes, bavail * bsize);
      }
      ftruncateSync(this.fd, sizeBytes);
    });
  }

  /**
   * Whether the file that has the final name can be what a killed {@link commit} reserved it with: empty, and as private as
   * this one is before its own commit, on a file system without modes like every other.
   */
  isReservation({ sizeBytes, mode }: Pick<FileStat, 'sizeBytes' | 'mode'>): boolean {
    return sizeBytes === 0 && mode === (fstatSync(this.fd).mode & ALL_BITS);
  }

  /**
   * Gives the file its attributes and its name, durably: content first, then the name, then the directory. When this
   * rejects before the last of these, nothing has the final name and the temporary file is gone.
   */
  async commit(options: CommitOptions): Promise<void> {
    if (this.#state !== 'open') {
      throw new TypeError('commit: the file has been committed or discarded');
    }
    const { directory, label } = this.#place;
    this.#state = 'committing';
    try {
      setAttributes(this.fd, options);
      await fsyncAsync(this.fd);
      this.#closeDescriptor();
      this.#giveName(options.overwrite);
      await directory.sync();
    } catch (error) {
      this.#removeTemporary();
      throw writeFailure(error, label);
    } finally {
      this.#end();
    }
  }

  /** Removes the temporary file; never throws. Does nothing while a commit is under way, after one, or when called twice. */
  discard(): void {
    if (this.#state !== 'open') {
      return;
    }
    this.#removeTemporary();
    this.#end();
  }

  /** Closes the temporary file and leaves it where it is, for {@link AtomicFile.reopen}; otherwise like discard. */
  keep(): void {
    if (this.#state === 'open') {
      this.#end();
    }
  }

  get #temporary(): Buffer {
    return this.#place.directory.child(Buffer.from(this.temporaryName));
  }

  #giveName(overwrite: boolean): void {
    const final = this.#place.directory.child(this.#place.name);
    if (!overwrite && claimName(this.#temporary, final) === 'linked') {
      this.#removeTemporary();
      return;
    }
    renameSync(this.#temporary, final);
  }

  #removeTemporary(): void {
    try {
      unlinkSync(this.#temporary);
    } catch {
      // Whoever comes next finds it by its name.
    }
  }

  #end(): void {
    this.#state = 'over';
    this.#closeDescriptor();
    this.#place.directory.release();
  }

  #closeDescriptor(): void {
    if (this.#fdOpen) {
      this.#fdOpen = false;
      closeSync(this.fd);
    }
  }

  #attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw writeFailure(error, this.#place.label);
    }
  }
}

function setAttributes(fd: number, { mode, mtimeNs, preserveSpecialBits }: CommitOptions): void {
  if (mode !== undefined) {
    fchmodSync(fd, mode & (preserveSpecialBits === true ? ALL_BITS : PERMISSIONS));
  }
  if (mtimeNs !== undefined) {
    // libuv cuts to whole microseconds, and a double of seconds resolves a quarter of one until the year 2106: aiming at
    // the middle of the microsecond hits it exactly. As text, because Node takes a negative number, before 1970, for "now".
    const wholeUs = Number(wholeMicroseconds(mtimeNs));
    const seconds = String((wholeUs + (wholeUs < 0 ? -0.5 : 0.5)) / US_PER_SECOND);
    futimesSync(fd, seconds, seconds);
  }
}

/** Errors of link(2) that mean: this file system has no hard links. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** As it was made: a killed commit may have given it its attributes already. Where there are no modes, all are alike. */
function makePrivate(fd: number): void {
  try {
    fchmodSync(fd, PRIVATE);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') {
      throw error;
    }
  }
}

/**
 * Takes a name that must be free, in one step that cannot replace anything. Where there are no hard links an empty file holds
 * the place for the rename: a kill in between leaves it, see {@link AtomicFile.isReservation}.
 */
function claimName(temporary: Buffer, final: Buffer): 'linked' | 'reserved' {
  try {
    linkSync(temporary, final);
    return 'linked';
  } catch (error) {
    if (!NO_LINKS.has(errnoOf(error))) {
      throw error;
    }
    closeSync(openSync(final, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, PRIVATE));
    return 'reserved';
  }
}

function noRoom(label: string, neededBytes: number, freeBytes: number): SealiftError {
  return new SealiftError('disk-full', `${label} needs ${neededBytes} bytes, its disk has ${freeBytes} free`, {
    object: label,
    remedy: 'make room, then run the same command again',
  });
}
