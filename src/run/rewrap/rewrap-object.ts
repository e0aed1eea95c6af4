import { parseEnvelope, rewrapMetadata } from '../../envelope/envelope.js';
import { EnvelopeError, StoreError, UnauthenticatedObjectError, type SealiftError } from '../../errors.js';
import type { UnwrappedKeys } from '../../keys/wrapper.js';
import type { Metadata, ObjectHead, ObjectStore } from '../../store/store.js';
import type { Outcome, RewrapItem } from '../jobs.js';
import { openEnvelope, type OpeningPolicy } from '../opening.js';
import type { Ports } from '../threads/ports.js';
import { isReplaced, untilUnreplaced } from '../until-unreplaced.js';

/**
 * One object: head, envelope, commitment; keys wrapped anew, opened once more, put in place of the old ones, and looked at there.
 * Answers with a value for whatever happens to the object. One that is replaced meanwhile is started again.
 */
export async function rewrapObject(item: RewrapItem, ports: Ports): Promise<Outcome> {
  return await untilUnreplaced(item.id, async () => await attemptRewrap(item, ports));
}

async function attemptRewrap({ id, key }: RewrapItem, ports: Ports): Promise<Outcome> {
  const head = await ports.store.head(key);
  refuseKeptHeaders(key, head);
  const policy = { allowRenamed: ports.context.rewrap?.allowRenamed ?? false, allowUnauthenticated: true, mustBeSealed: false };
  const { keys, sealed } = await openEnvelope(key, head, ports.keyring, policy);
  try {
    if (sealed === undefined) {
      throw foreign(key);
    }
    const metadata = await rewrapped(key, head.metadata, keys, ports);
    if (metadata === undefined) {
      return { state: 'skipped', id, reason: 'same-key' };
    }
    await openOnceMore(key, { ...head, metadata }, policy, ports);
    if (ports.context.rewrap?.dryRun !== true) {
      await replace(key, head, metadata, ports.store);
    }
    return { state: 'rewrapped', id, bytes: head.sizeBytes };
  } finally {
    keys.dataKey.wipe();
  }
}

/** Undefined where the new key has wrapped the old metadata. */
async function rewrapped(key: string, metadata: Metadata, keys: UnwrappedKeys, ports: Ports): Promise<Metadata | undefined> {
  const { rewrapper } = ports.successor();
  const start = await rewrapper.wrapStart(keys.startBlock);
  if (keys.under === start.under) {
    return undefined;
  }
  return rewrapMetadata(metadata, {
    wrapAlgorithm: rewrapper.wrapAlgorithm,
    wrappedKey: await rewrapper.wrapKey(keys.dataKey),
    wrappedStart: start.wrapped,
    materialDescription: ports.materialDescription,
  }, key);
}

/** What cannot be opened must not take the place of what can. A public key leaves that to whoever holds the private one. */
async function openOnceMore(key: string, head: ObjectHead, policy: OpeningPolicy, { successor }: Ports): Promise<void> {
  const { keyring } = successor();
  if (keyring !== undefined) {
    const { keys } = await openEnvelope(key, head, keyring, policy);
    keys.dataKey.wipe();
  }
}

/**
 * After a lost answer the same request finds an object that it has changed itself. And a server that says yes and keeps the old
 * headers would be noticed only when the old master key is gone.
 */
async function replace(key: string, head: ObjectHead, metadata: Metadata, store: ObjectStore): Promise<void> {
  const refusal = await refusalOf(store.replaceMetadata(key, { metadata, head }));
  const { metadata: kept, sizeBytes, crc64 } = await store.head(key);
  if (Object.entries(metadata).some(([name, value]) => kept[name] !== value)) {
    throw refusal ?? notKept(key);
  }
  // Also where an answer that said so was followed by one that was refused.
  if (sizeBytes !== head.sizeBytes || (crc64 !== undefined && head.crc64 !== undefined && crc64 !== head.crc64)) {
    throw otherBody(key);
  }
}

/** That of an object which is no longer the one looked at. */
async function refusalOf(change: Promise<unknown>): Promise<SealiftError | undefined> {
  try {
    await change;
    return undefined;
  } catch (error) {
    if (isReplaced(error)) {
      return error;
    }
    throw error;
  }
}

/** Before a key is asked for anything. */
function refuseKeptHeaders(key: string, { metadata, sizeBytes }: ObjectHead): void {
  if (parseEnvelope(metadata, sizeBytes, key)?.family === 'client-side-encryption') {
    throw new EnvelopeError('not-rewrappable', `${key} has the client-side-encryption envelope, whose headers OSS lets nobody change`, {
      object: key, remedy: 'pull it and push it again under the new key',
    });
  }
}

function foreign(key: string): UnauthenticatedObjectError {
  return new UnauthenticatedObjectError('unauthenticated', `${key} was written by another SDK: nothing proves that the right keys would be wrapped`, {
    object: key, remedy: 'pull it with --allow-unauthenticated and push it again',
  });
}

function notKept(key: string): StoreError {
  return new StoreError('checksum-mismatch', `${key}: the server accepted new metadata and answers with other`, {
    object: key, remedy: 'keep the old master key; somebody else may be changing the object, so run the rewrap again',
  });
}

function otherBody(key: string): StoreError {
  return new StoreError('checksum-mismatch', `${key}: with its new metadata the server holds another body than before`, {
    object: key, remedy: 'restore the object from a copy that you trust, or push its file again',
  });
}
