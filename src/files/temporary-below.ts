import { lstatSync, readdirSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import type { EncodedPath } from '../run/types.js';
import { bytesOf } from './entry.js';
import { describeErrno, isGone, readFailure } from './errno.js';
import { joinRaw } from './own-paths.js';
import { encodePath } from './path-encoding.js';
import { isTemporaryName, ownerOf, type Owner } from './temporary.js';

interface TemporaryFile {
  readonly kind: 'temporary';
  readonly path: EncodedPath;
  /** For file system calls. */
  readonly raw: Buffer;
  readonly owner: Owner;
  readonly sizeBytes: number;
}

/** A temporary file, or a place that could not be looked at. */
export type Found = TemporaryFile | { readonly kind: 'failed'; readonly path: EncodedPath; readonly error: unknown };

/**
 * The temporary files of Sealift below a directory, whosever they are. No link is followed.
 *
 * @param directory - absolute.
 * @throws SealiftError `source-missing` when it cannot be listed; a directory below it is an entry of kind `failed`.
 */
export function* temporaryFilesBelow(directory: string): Generator<Found> {
  const root = Buffer.from(directory).toString('latin1');
  const waiting = [root];
  for (let raw = waiting.pop(); raw !== undefined; raw = waiting.pop()) {
    try {
      const { directories, files } = listed(raw);
      waiting.push(...directories);
      yield* files.flatMap(look);
    } catch (error) {
      if (raw === root) {
        throw new SealiftError('source-missing', `cannot look through ${directory}: ${describeErrno(error)}`, { object: directory, remedy: 'check the path', cause: error });
      }
      yield failed(raw, error);
    }
  }
}

/** Raw paths of what is in a directory, as far as it matters here. */
function listed(raw: string): { readonly directories: readonly string[]; readonly files: readonly string[] } {
  const entries = readdirSync(bytesOf(raw), { encoding: 'latin1', withFileTypes: true });
  return {
    directories: entries.filter((entry) => entry.isDirectory()).map(({ name }) => joinRaw(raw, name)),
    files: entries.filter((entry) => entry.isFile() && isTemporaryName(entry.name)).map(({ name }) => joinRaw(raw, name)),
  };
}

/** Nothing for a file that is gone by now. */
function look(raw: string): Found[] {
  const owner = ownerOf(raw.slice(raw.lastIndexOf('/') + 1));
  try {
    return owner === undefined ? [] : [{ kind: 'temporary', path: encodePath(bytesOf(raw)), raw: bytesOf(raw), owner, sizeBytes: lstatSync(bytesOf(raw)).size }];
  } catch (error) {
    return isGone(error) ? [] : [failed(raw, error)];
  }
}

function failed(raw: string, error: unknown): Found {
  const path = encodePath(bytesOf(raw));
  return { kind: 'failed', path, error: readFailure(error, path) };
}
