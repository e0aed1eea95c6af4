import { statSync, type BigIntStats } from 'node:fs';
import { SealiftError } from '../errors.js';
import { isGone, readFailure } from '../files/errno.js';
import { decodePath, encodePath } from '../files/names.js';
import { openSource } from '../files/source.js';
import type { EncodedPath } from './types.js';

const SLASH = Buffer.from('/');

/** The absolute name of a file below `root`, as raw bytes: names need not be UTF-8. */
export function localPath(root: Uint8Array, path: EncodedPath): Buffer {
  return Buffer.concat([root, SLASH, decodePath(path)]);
}

/**
 * Compares plaintext with the bytes that a local file has at `offset`. A link counts as the file that it leads to: a push
 * that followed it has sealed that, and no object says by which way its file was reached.
 *
 * @throws SealiftError `differs` when they are not equal.
 */
export function compareWithLocal(file: Buffer, plaintext: Buffer, offset: number): void {
  const source = openSource(file, { followSymlinks: true });
  const local = Buffer.allocUnsafe(Math.min(plaintext.length, COMPARE_BYTES));
  try {
    for (let at = 0; at < plaintext.length; at += local.length) {
      const view = local.subarray(0, Math.min(local.length, plaintext.length - at));
      if (source.stat.sizeBytes < offset + at + view.length) {
        throw differs(file);
      }
      source.readAt(view, offset + at);
      if (!view.equals(plaintext.subarray(at, at + view.length))) {
        throw differs(file);
      }
    }
  } finally {
    source.close();
  }
}

/** Compares plaintext with a whole local file. @throws SealiftError `differs`, `unreadable`. */
export function compareWhole(file: Buffer, plaintext: Buffer): void {
  refuseLength(file, plaintext.length);
  compareWithLocal(file, plaintext, 0);
}

/** @throws SealiftError `differs` when the local file is missing or has another length, `unreadable`. */
export function refuseOtherLength(root: Uint8Array, path: EncodedPath, sizeBytes: number): void {
  refuseLength(localPath(root, path), sizeBytes);
}

function refuseLength(file: Buffer, sizeBytes: number): void {
  const stats = lookAt(file);
  if (stats?.isFile() !== true || stats.size !== BigInt(sizeBytes)) {
    throw differs(file);
  }
}

/** Undefined where nothing is, or a link leads to nothing. */
function lookAt(file: Buffer): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true });
  } catch (error) {
    if (isGone(error)) {
      return undefined;
    }
    throw readFailure(error, encodePath(file));
  }
}

const COMPARE_BYTES = 256 * 1024;

export function differs(file: Buffer): SealiftError {
  const name = file.toString();
  return new SealiftError('differs', `the local file ${name} is not what was sealed`, {
    object: name,
    remedy: 'if the local file is right, push it again with --checksum; if the object is right, move what is there away and pull it with --include',
  });
}
