import { buildAad, verifyCommitment } from '../crypto/commitment.js';
import { applyCtr } from '../crypto/ctr.js';
import { openInPlace } from '../crypto/open.js';
import { assertRequested, type Authentication, type Envelope, parseEnvelope } from '../envelope/envelope.js';
import { EnvelopeError, UnauthenticatedObjectError } from '../errors.js';
import type { Keyring } from '../keys/keyring.js';
import type { UnwrappedKeys } from '../keys/wrapper.js';
import type { ObjectHead } from '../store/store.js';

export interface OpeningPolicy {
  readonly allowRenamed: boolean;
  readonly allowUnauthenticated: boolean;
  /** A manifest recorded this object as sealed, which overrides `allowUnauthenticated`. */
  readonly mustBeSealed: boolean;
}

/** An object whose envelope was parsed, whose keys were unwrapped and, when sealed, whose commitment was verified. */
export interface OpenedEnvelope {
  readonly envelope: Envelope;
  readonly keys: UnwrappedKeys;
  /** Undefined for an object of another SDK: nothing authenticates it. */
  readonly sealed: { readonly authentication: Authentication; readonly aad: Buffer } | undefined;
}

/**
 * Steps 1 to 4 of reading (docs/FORMAT.md): before one byte of the body is asked for. The caller wipes the data key.
 *
 * @throws EnvelopeError `envelope-invalid` or `not-sealed`, UnauthenticatedObjectError, AuthenticationError, MasterKeyError.
 */
export async function openEnvelope(key: string, head: Pick<ObjectHead, 'metadata' | 'sizeBytes'>, keyring: Keyring, policy: OpeningPolicy): Promise<OpenedEnvelope> {
  const envelope = parseEnvelope(head.metadata, head.sizeBytes, key);
  if (envelope === null) {
    throw new EnvelopeError('not-sealed', `${key} is not encrypted: it carries no envelope`, {
      object: key,
      remedy: 'if it should have been sealed, somebody replaced it; otherwise leave it out, as pull and verify do with --exclude',
    });
  }
  const { authentication } = envelope;
  if (authentication === undefined) {
    refuseUnauthenticated(key, policy);
    return { envelope, keys: await keyring.open(envelope, () => true, key), sealed: undefined };
  }
  const aad = buildAad(authentication.encodedName, head.sizeBytes, authentication.attributes);
  const commits = (candidate: UnwrappedKeys): boolean => verifyCommitment(candidate.dataKey, candidate.startBlock, aad, authentication);
  const keys = await keyring.open(envelope, commits, key);
  try {
    assertRequested(authentication, keys.startBlock, { key, allowRenamed: policy.allowRenamed });
    return { envelope, keys, sealed: { authentication, aad } };
  } catch (error) {
    keys.dataKey.wipe();
    throw error;
  }
}

/**
 * Opens a whole body within its buffer.
 * @throws AuthenticationError `authentication-failed`, and the buffer is zeroed.
 */
export function openBody(key: string, { keys, sealed }: OpenedEnvelope, body: Buffer): void {
  if (sealed === undefined) {
    applyCtr(keys.dataKey, keys.startBlock, 0, body);
    return;
  }
  const { tag, mac } = sealed.authentication;
  openInPlace(keys.dataKey, keys.startBlock, sealed.aad, { data: body, tag, mac, object: key });
}

/** Whoever sees block 0 of the keystream learns GCM's authentication key (docs/FORMAT.md). */
export function refuseBlockZero(key: string, { keys, sealed }: OpenedEnvelope, sizeBytes: number): void {
  if (sealed === undefined && keys.startBlock.coversBlockZero(0, sizeBytes)) {
    throw new UnauthenticatedObjectError('unauthenticated', `${key} would be opened with counter block 0, which no honest writer uses`, {
      object: key,
      remedy: 'do not trust this object; restore it from a copy you trust',
    });
  }
}

function refuseUnauthenticated(key: string, policy: OpeningPolicy): void {
  if (policy.mustBeSealed) {
    throw new UnauthenticatedObjectError('unauthenticated', `${key} was sealed when a manifest recorded it, and carries nothing now that authenticates it`, {
      object: key,
      remedy: 'somebody replaced it or removed its headers; restore it from a copy you trust',
    });
  }
  if (!policy.allowUnauthenticated) {
    throw new UnauthenticatedObjectError('unauthenticated', `${key} was written by another SDK and carries nothing that authenticates it`, {
      object: key,
      remedy: 'pass --allow-unauthenticated if you accept bytes that may have been changed',
    });
  }
}
