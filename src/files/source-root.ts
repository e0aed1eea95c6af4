import { realpathSync, statSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import { describeErrno, isGone } from './errno.js';

/**
 * Where a directory of files to push, or to compare with, really is, in bytes as the system has them; a link to one is fine.
 *
 * @param deed - what cannot be done without it, for people.
 * @throws SealiftError `source-missing` when it is no directory, or cannot be reached.
 */
export function sourceRoot(name: string, deed: 'push' | 'compare with' = 'push'): Buffer {
  try {
    const real = realpathSync.native(name, { encoding: 'buffer' });
    if (statSync(real).isDirectory()) {
      return real;
    }
  } catch (error) {
    const why = isGone(error) ? 'there is no such directory' : describeErrno(error);
    throw new SealiftError('source-missing', `cannot ${deed} ${name}: ${why}`, { object: name, remedy: 'check the path', cause: error });
  }
  throw new SealiftError('source-missing', `cannot ${deed} ${name}: it is not a directory`, {
    object: name, remedy: 'name the directory that holds the file, and pick the file with --include',
  });
}
