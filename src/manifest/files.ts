import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SealiftError } from '../errors.js';

/** The errno name of a system error. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/** @throws SealiftError `manifest-missing` when there is no such file, `manifest-write-failed` when it cannot be opened. */
export async function openManifest(name: string, flags: string | number): Promise<FileHandle> {
  try {
    return await open(name, flags);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') {
      throw new SealiftError('manifest-missing', `there is no manifest ${name}`, { object: name, remedy: 'name an existing one, or start a new run', cause });
    }
    throw new SealiftError('manifest-write-failed', `the manifest ${name} cannot be opened: ${errno}`, {
      object: name, remedy: 'check its permissions and file system', cause,
    });
  }
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

/** Makes a created, renamed or removed name survive a loss of power. */
export async function syncDirectoryOf(file: string): Promise<void> {
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
