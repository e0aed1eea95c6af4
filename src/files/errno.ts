import { getSystemErrorMap } from 'node:util';
import { MORE_DESCRIPTORS, SealiftError } from '../errors.js';
import { DESCRIPTOR_WAIT_MS, DESCRIPTOR_WAITS } from '../limits.js';

/** `ENOENT` and the like; undefined for anything that no system call threw. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && 'syscall' in (error as object) ? code : undefined;
}

/** The cause in words, with the name to search for: `permission denied (EACCES)`. */
export function describeErrno(error: unknown): string {
  const code = errnoOf(error);
  const number = error instanceof Error && 'errno' in error ? error.errno : undefined;
  const words = typeof number === 'number' ? getSystemErrorMap().get(number)?.[1] : undefined;
  return code === undefined ? String(error) : `${words ?? 'unknown system error'} (${code})`;
}

const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);
const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE']);

export function isGone(error: unknown): boolean {
  return GONE.has(errnoOf(error));
}

/**
 * Why something could not be read: `vanished` when it is no longer there, `unreadable` otherwise; retryable when only file
 * descriptors ran out. Anything that no system call threw is passed through.
 *
 * @param name - of the file or directory, for people.
 */
export function readFailure(error: unknown, name: string): unknown {
  const code = errnoOf(error);
  if (code === undefined) {
    return error;
  }
  if (isGone(error)) {
    return new SealiftError('vanished', `${name} disappeared while it was read`, { object: name, cause: error });
  }
  return new SealiftError('unreadable', `cannot read ${name}: ${describeErrno(error)}`, {
    object: name,
    remedy: EXHAUSTED.has(code) ? MORE_DESCRIPTORS : 'check its permissions and the disk',
    retryable: EXHAUSTED.has(code),
    cause: error,
  });
}

/** Waits for so many milliseconds. */
export type Wait = (ms: number) => Promise<void>;

/**
 * Runs `action` again, after a pause, while it fails for want of file descriptors: others give theirs back meanwhile. The
 * last failure is thrown after {@link DESCRIPTOR_WAITS} pauses.
 */
export async function withDescriptors<T>(action: () => T, wait: Wait): Promise<T> {
  for (let waits = 0; ; waits += 1) {
    try {
      return action();
    } catch (error) {
      if (!isExhausted(error) || waits >= DESCRIPTOR_WAITS) {
        throw error;
      }
    }
    await wait(DESCRIPTOR_WAIT_MS);
  }
}

/** Whether an error, or its cause, is that file descriptors ran out. */
export function isExhausted(error: unknown): boolean {
  return EXHAUSTED.has(errnoOf(error)) || EXHAUSTED.has(errnoOf(error instanceof Error ? error.cause : undefined));
}

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
const OCCUPIED: ReadonlySet<string> = new Set(['EEXIST', 'EISDIR', 'ENOTEMPTY']);
const BAD_NAME: ReadonlySet<string> = new Set(['ENAMETOOLONG', 'EILSEQ']);
const DENIED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Why something could not be written: `disk-full`, `exists`, `name-invalid` (this file system cannot hold the name) or
 * `write-failed`. Anything that no system call threw is passed through.
 *
 * @param name - of the file or directory, for people.
 */
export function writeFailure(error: unknown, name: string): unknown {
  const code = errnoOf(error);
  if (code === undefined) {
    return error;
  }
  const why = describeErrno(error);
  const details = { object: name, cause: error };
  if (FULL.has(code)) {
    return new SealiftError('disk-full', `no space left to write ${name}: ${why}`, { ...details, remedy: 'make room, then run the same command again' });
  }
  if (OCCUPIED.has(code)) {
    const remedy = code === 'EEXIST' ? 'move it away, or pass --overwrite for a file' : 'move the directory away';
    return new SealiftError('exists', `${name} exists already: ${why}`, { ...details, remedy });
  }
  if (BAD_NAME.has(code)) {
    return new SealiftError('name-invalid', `this file system cannot hold the name ${name}: ${why}`, { ...details, remedy: 'use another name, or another file system' });
  }
  return new SealiftError('write-failed', `cannot write ${name}: ${why}`, { ...details, remedy: remedyFor(code), retryable: EXHAUSTED.has(code) });
}

function remedyFor(code: string): string {
  if (EXHAUSTED.has(code)) {
    return MORE_DESCRIPTORS;
  }
  if (GONE.has(code)) {
    return 'check that its directory is there';
  }
  return DENIED.has(code) ? 'check who may write there and whether it is mounted read-only' : 'check the disk, then run the same command again';
}
