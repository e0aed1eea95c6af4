import { SealiftError } from '../../errors.js';
import type { ExistingEntry } from '../../files/target-tree.js';
import type { EncodedPath } from '../types.js';

/** A name that is taken. No directory is replaced, not even on request: the files in it may be anybody's. */
export function inTheWay(path: EncodedPath, kind: ExistingEntry['kind'], why: string): SealiftError {
  if (kind === 'directory') {
    return new SealiftError('exists', `${path} is a directory, and the object is a file`, {
      object: path, remedy: 'move the directory away, or pull into another one',
    });
  }
  return new SealiftError('exists', `${path} exists already, ${why}`, {
    object: path, remedy: 'pass --overwrite to replace it, or pull into another directory',
  });
}
