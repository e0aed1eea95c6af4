import { authenticationFailed } from '../crypto/open.js';
import type { StartBlock } from '../crypto/start-block.js';
import { AuthenticationError } from '../errors.js';
import type { Authentication } from './types.js';

/** The request that a sealed object has to answer. */
export interface RequestedObject {
  /** The key it was asked for under. */
  readonly key: string;
  /** Accept an object that was sealed under another key. */
  readonly allowRenamed: boolean;
}

/**
 * What is left to check of an object whose commitment fits: that its start block has the one form that ours have, then
 * that it was sealed under the name it was asked for.
 *
 * @throws AuthenticationError `authentication-failed`, with the one message that a failed commitment has too; `renamed` for
 * an authentic object of another name
 */
export function assertRequested({ name }: Authentication, startBlock: StartBlock, { key, allowRenamed }: RequestedObject): void {
  if (!startBlock.isSealed || !startBlock.isCanonical) {
    throw authenticationFailed(key);
  }
  if (name !== key && !allowRenamed) {
    throw renamed(key, name);
  }
}

function renamed(key: string, name: string): AuthenticationError {
  return new AuthenticationError('renamed', `${key}: is authentic, but was sealed as ${JSON.stringify(name)}`, {
    object: key,
    remedy: 'If you moved it yourself, read it with --allow-renamed.',
  });
}
