import { open, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import { MasterKeyError, SealiftError } from '../errors.js';
import { syncNameOf } from '../files/sync.js';
import { MAX_KEY_FILE_BYTES } from '../limits.js';

const OTHERS = 0o077;

/** A file with a key in it, and whether anyone but its owner may touch it. */
export interface KeyFile {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly isShared: boolean;
}

/**
 * Reads a small file whole. Mode and bytes come from one descriptor, so they belong together.
 *
 * Rejects with MasterKeyError `key-file-invalid` when it is missing, unreadable, a directory or larger than 1 MiB.
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      throw new MasterKeyError('key-file-invalid', `${path} is a directory, not a key file`, { object: path });
    }
    const bytes = await readBounded(handle, path);
    return { bytes, mode: stat.mode & 0o777, isShared: stat.isFile() && process.platform !== 'win32' && (stat.mode & OTHERS) !== 0 };
  } finally {
    await handle.close();
  }
}

/** Like {@link readKeyFile}, but refuses a file that group or others may touch: `key-file-unsafe`. */
export async function readSecretFile(path: string): Promise<Buffer> {
  const file = await readKeyFile(path);
  assertPrivate(path, file);
  return file.bytes;
}

export function assertPrivate(path: string, file: KeyFile): void {
  if (file.isShared) {
    throw new MasterKeyError('key-file-unsafe', `${path} is open to other users (mode ${file.mode.toString(8).padStart(4, '0')})`, {
      object: path,
      remedy: `Run: chmod 600 '${path.replaceAll("'", String.raw`'\''`)}'`,
    });
  }
}

export interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * Writes new files, flushed to disk together with their names, and never over existing ones: when one cannot be written, those written before it
 * are removed again. Rejects with `exists`, `key-file-invalid` (no such folder), `disk-full` or `write-failed`.
 */
export async function writeNewFiles(files: readonly NewFile[]): Promise<void> {
  const written: string[] = [];
  for (const file of files) {
    try {
      await writeNew(file);
      written.push(file.path);
      await syncNameOf(file.path);
    } catch (error) {
      await Promise.allSettled(written.map((path) => unlink(path)));
      throw unwritable(file.path, error);
    }
  }
}

async function writeNew(file: NewFile): Promise<void> {
  const handle = await open(file.path, 'wx', file.mode);
  try {
    // The umask may have taken bits away from the public half.
    await handle.chmod(file.mode);
    await handle.writeFile(file.text);
    await handle.sync();
  } catch (error) {
    await unlink(file.path);
    throw error;
  } finally {
    await handle.close();
  }
}

async function readBounded(handle: FileHandle, path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(MAX_KEY_FILE_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (length > MAX_KEY_FILE_BYTES) {
      throw new MasterKeyError('key-file-invalid', `${path} is larger than ${MAX_KEY_FILE_BYTES} bytes: that is no key file`, { object: path });
    }
    if (bytesRead === 0) {
      return buffer.subarray(0, length);
    }
  }
}

function unreadable(path: string, error: unknown): MasterKeyError {
  const reason = errnoOf(error) === 'ENOENT' ? 'does not exist' : `cannot be read (${errnoOf(error)})`;
  return new MasterKeyError('key-file-invalid', `${path} ${reason}`, { object: path });
}

function unwritable(path: string, error: unknown): SealiftError {
  const errno = errnoOf(error);
  const details = { object: path };
  switch (errno) {
    case 'EEXIST':
      return new MasterKeyError('exists', `${path} exists already, and a key file is never overwritten`, { ...details, remedy: 'Choose another name.' });
    case 'ENOENT':
    case 'ENOTDIR':
      return new MasterKeyError('key-file-invalid', `the folder of ${path} does not exist`, { ...details, remedy: 'Create it first.' });
    case 'ENOSPC':
    case 'EDQUOT':
      return new SealiftError('disk-full', `${path} cannot be written: the disk is full`, details);
    default:
      return new SealiftError('write-failed', `${path} cannot be written (${errno})`, details);
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
