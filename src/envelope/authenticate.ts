import { buildAad, verifyCommitment } from '../crypto/commitment.js';
import { authenticationFailed } from '../crypto/open.js';
import { AuthenticationError, UnauthenticatedObjectError } from '../errors.js';
import type { UnwrappedKeys } from '../keys/wrapper.js';
import type { Authentication, Envelope } from './types.js';

/** The request that an envelope has to answer. */
export interface RequestedObject {
  /** The key it was asked for under. */
  readonly key: string;
  /** Length of the stored object: of Content-Length, or the total of Content-Range. */
  readonly objectBytes: number;
  /** Accept an object that was sealed under another key. @default false */
  readonly allowRenamed?: boolean;
}

/**
 * Decides, before one byte of the body is asked for, whether these unwrapped keys belong to this envelope.
 *
 * @returns the AAD that tag and mac are checked with
 * @throws AuthenticationError `authentication-failed`, with the one message that a failed unwrap has too; `renamed` for
 * an authentic object of another name
 * @throws UnauthenticatedObjectError for a foreign object
 */
export function authenticate(
  { authentication, lengthBytes }: Envelope,
  { dataKey, startBlock }: UnwrappedKeys,
  { key, objectBytes, allowRenamed = false }: RequestedObject,
): { readonly aad: Buffer; readonly authentication: Authentication } {
  if (authentication === undefined) {
    throw foreign(key);
  }
  const aad = buildAad(authentication.encodedName, lengthBytes, authentication.attributes);
  const isCommitted = verifyCommitment(dataKey, startBlock, aad, authentication);
  if (!isCommitted || !startBlock.isSealed || !startBlock.isCanonical || objectBytes !== lengthBytes) {
    throw authenticationFailed(key);
  }
  if (authentication.name !== key && !allowRenamed) {
    throw renamed(key, authentication.name);
  }
  return { aad, authentication };
}

function foreign(key: string): UnauthenticatedObjectError {
  return new UnauthenticatedObjectError('unauthenticated', `${key}: written by another SDK, nothing in it can be authenticated`, {
    object: key,
    remedy: 'If you trust the bucket, read it with --allow-unauthenticated.',
  });
}

function renamed(key: string, name: string): AuthenticationError {
  return new AuthenticationError('renamed', `${key}: is authentic, but was sealed as ${JSON.stringify(name)}`, {
    object: key,
    remedy: 'If you moved it yourself, read it with --allow-renamed.',
  });
}
