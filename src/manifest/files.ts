import { open, type FileHandle } from 'node:fs/promises';
import { SealiftError } from '../errors.js';

/** The errno name of a system error. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/**
 * @throws SealiftError `manifest-missing` when there is no such file, `usage` for a directory, `manifest-write-failed` when it
 * cannot be opened.
 */
export async function openManifest(name: string, flags: string | number): Promise<FileHandle> {
  const handle = await open(name, flags).catch((cause: unknown) => {
    throw openError(name, cause);
  });
  // To be read, a directory opens like any file.
  if ((await handle.stat()).isDirectory()) {
    await handle.close();
    throw directoryError(name);
  }
  return handle;
}

function openError(name: string, cause: unknown): SealiftError {
  const errno = errnoOf(cause);
  if (errno === 'ENOENT') {
    return new SealiftError('manifest-missing', `there is no manifest ${name}`, { object: name, remedy: 'name an existing one, or start a new run', cause });
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
