import { SealiftError, toFailure, type Failure } from '../../errors.js';
import { objectKey } from '../../files/names.js';
import { missing } from '../missing.js';
import type { EncodedPath } from '../types.js';

/** Of a name that no object can have, just that. */
export function whyMissing(prefix: string, path: EncodedPath, because: string): Failure {
  try {
    return toFailure(missing(objectKey(prefix, path), because));
  } catch (error) {
    return toFailure(error);
  }
}

export function rolledBack(key: string): SealiftError {
  return new SealiftError('rolled-back', `${key} is authentic, but an older state than the manifest records`, {
    object: key, remedy: 'somebody put an older object back: push the file again with --checksum, or restore the newer one',
  });
}

export function replacedSince(key: string): SealiftError {
  return new SealiftError('replaced', `${key} is authentic, but not the object that the manifest records`, {
    object: key, remedy: 'another run has replaced it: verify with its manifest, or push the file again with --checksum',
  });
}
