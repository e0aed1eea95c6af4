import { realpathSync, statSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import { describeErrno, isGone } from './errno.js';

/**
 * Where a source really is, in bytes as the system has them; a link to a directory is fine.
 *
 * @throws SealiftError `source-missing` when it is no directory, or cannot be reached.
 */
export function sourceRoot(name: string): Buffer {
  try {
    const real = realpathSync.native(name, { encoding: 'buffer' });
    if (statSync(real).isDirectory()) {
      return real;
    }
  } catch (error) {
    throw missing(name, isGone(error) ? 'there is no such directory' : describeErrno(error), 'check the path', error);
  }
  throw missing(name, 'it is not a directory', 'name the directory that holds the file, and pick the file with --include');
}

function missing(name: string, why: string, remedy: string, cause?: unknown): SealiftError {
  return new SealiftError('source-missing', `cannot push ${name}: ${why}`, { object: name, remedy, cause });
}
