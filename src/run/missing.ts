import { SealiftError } from '../errors.js';

export function missing(key: string, because: string): SealiftError {
  return new SealiftError('missing', `${key} is not in the bucket, although ${because}`, {
    object: key, remedy: 'push the directory again with --checksum, which asks the bucket for every file',
  });
}

/** Why an object that a push manifest speaks of should be there. */
export const RECORDED = 'the manifest records it';
