import { constants, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SealiftError } from '../errors.js';
import { isOursAlone } from '../files/machine.js';
import { makeDirectories } from '../files/sync.js';

const APPEND_OR_MAKE = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const PRIVATE = 0o600;

/** The errno name of a system error. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/**
 * @throws SealiftError `manifest-missing` when there is no such file or nothing in it, `usage` for a directory,
 * `manifest-write-failed` when it cannot be opened.
 */
export async function openManifest(name: string, flags: string | number): Promise<FileHandle> {
  const handle = await open(name, flags).catch((cause: unknown) => {
    throw openError(name, cause);
  });
  const refusal = refusalOf(name, await handle.stat());
  if (refusal !== undefined) {
    await handle.close();
    throw refusal;
  }
  return handle;
}

/**
 * Opens an empty file of this user's to append to; makes it, and the directories above it, where there is none. It is 0600 then,
 * whoever made it.
 *
 * @param isNew - refuses an empty file too
 * @throws SealiftError `manifest-write-failed` when there is something in it or it cannot be made, `disk-full`.
 */
export async function openEmpty(name: string, isNew = false): Promise<FileHandle> {
  const handle = await openOrMake(name, isNew ? APPEND_OR_MAKE | constants.O_EXCL : APPEND_OR_MAKE);
  const stats = await handle.stat();
  // Whoever could not begin a manifest in it has removed it meanwhile.
  if (stats.nlink === 0) {
    await handle.close();
    return await openEmpty(name, isNew);
  }
  if (!isEmpty(stats) || !isOursAlone(stats)) {
    await handle.close();
    throw new SealiftError('manifest-write-failed', `${name} cannot be created: it exists`, { object: name, remedy: 'name another manifest' });
  }
  await handle.chmod(PRIVATE);
  return handle;
}

async function openOrMake(name: string, flags: number): Promise<FileHandle> {
  try {
    await makeDirectories(dirname(name), 0o700);
    return await open(name, flags, PRIVATE);
  } catch (error) {
    throw writeError(name, 'cannot be created', error);
  }
}

/** To be read, a directory opens like any file. */
function refusalOf(name: string, stats: Stats): SealiftError | undefined {
  if (stats.isDirectory()) {
    return directoryError(name);
  }
  return isEmpty(stats) ? nothingIn(name) : undefined;
}

/** As a process leaves it that is killed before its first record. A device has no size either, and is nobody's to take. */
function isEmpty(stats: Stats): boolean {
  return stats.isFile() && stats.size === 0;
}

function nothingIn(name: string): SealiftError {
  return new SealiftError('manifest-missing', `${name} is empty: no run came as far as its first record`, {
    object: name, remedy: 'start the run again, with the same --manifest if it had one, or delete the file',
  });
}

/** Why a manifest that should be there could not be opened: `manifest-missing`, `usage` or `manifest-write-failed`. */
export function openError(name: string, cause: unknown): SealiftError {
  const errno = errnoOf(cause);
  if (errno === 'ENOENT') {
    return new SealiftError('manifest-missing', `there is no manifest ${name}`, { object: name, remedy: 'name an existing one', cause });
  }
  if (errno === 'EISDIR') {
    return directoryError(name);
  }
  return new SealiftError('manifest-write-failed', `the manifest ${name} cannot be opened: ${errno}`, {
    object: name, remedy: 'check its permissions and file system', cause,
  });
}

function directoryError(name: string): SealiftError {
  return new SealiftError('usage', `${name} is a directory, and a manifest is a file`, { object: name, remedy: 'name a file, such as one in it' });
}

/** `what` continues a sentence that begins with the file's name. */
export function writeError(name: string, what: string, cause: unknown): SealiftError {
  const errno = errnoOf(cause);
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errno);
  return new SealiftError(full ? 'disk-full' : 'manifest-write-failed', `${name} ${what}: ${errno}`, {
    object: name,
    remedy: full ? 'make room on its file system, then run "sealift resume"' : 'check its file system and permissions, then run "sealift resume"',
    cause,
  });
}
