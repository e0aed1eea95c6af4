import { parseAttributes } from '../envelope/authentication.js';
import { parseEnvelope } from '../envelope/envelope.js';
import { isSealiftError, StoreError, type SealiftError } from '../errors.js';
import { isSameTime } from '../files/stat.js';
import type { ObjectHead, ObjectStore, StoredObject } from '../store/store.js';
import type { IfExists } from './options.js';
import type { FileStat, ObjectKey } from './types.js';

const SERVICE_UNAVAILABLE = 503;

/** What an object that stands in the way is, as far as its metadata tells without a private key. */
export type Existing =
  | { readonly kind: 'absent' }
  /** Push-only credentials may not ask; the overwrite guard of an upload tells that something is there, and no more. */
  | { readonly kind: 'hidden' }
  /** The very object that was just sealed: the answer to an earlier request was lost. */
  | { readonly kind: 'same'; readonly head: ObjectHead }
  /** Its headers over another body. */
  | { readonly kind: 'broken' }
  /** Sealed under this key, from a file of the same size and mtime, as far as a pull restores that. */
  | { readonly kind: 'current'; readonly head: ObjectHead; readonly commitment: string }
  /** Sealed under this key, from another state of the file. */
  | { readonly kind: 'ours' }
  /** Not sealed, or sealed under another name: somebody else's. */
  | { readonly kind: 'foreign' };

/** What is known of an object just sealed; `commitment` in hex, no CRC-64 where that of some part is lost. */
export interface JustSealed {
  readonly commitment: string;
  readonly crc64?: bigint | undefined;
}

/** Asks the store what stands under `key`. */
export async function lookAt(store: ObjectStore, key: ObjectKey, stat: FileStat, sealed?: JustSealed): Promise<Existing> {
  const head = await headIfThere(store, key).catch(hiddenIfForbidden);
  if (head === 'hidden') {
    return { kind: 'hidden' };
  }
  return head === undefined ? { kind: 'absent' } : judge(head, key, stat, sealed);
}

/** Whether the store does not tell what stands under `key`. */
export async function isHidden(store: ObjectStore, key: ObjectKey): Promise<boolean> {
  return (await headIfThere(store, key).catch(hiddenIfForbidden)) === 'hidden';
}

/** For what was asked of the store. */
export function hiddenIfForbidden(error: unknown): 'hidden' {
  if (isSealiftError(error) && error.code === 'access-denied') {
    return 'hidden';
  }
  throw error;
}

/** Whether a request that failed like this may have put its object there all the same. Only a refusal says that it has not. */
export function mayHaveArrived({ status = 0 }: SealiftError): boolean {
  return !(status === SERVICE_UNAVAILABLE || (status >= 400 && status < 500));
}

/**
 * The object under `key` if it is the one just sealed, because only the answer to an earlier request was lost.
 * @throws StoreError `checksum-mismatch` when its body is not what was sent
 */
export async function findSealed(store: ObjectStore, key: string, { commitment, crc64 }: JustSealed): Promise<ObjectHead | undefined> {
  const head = await headIfThere(store, key);
  if (head?.metadata['x-oss-meta-sealift-commitment'] !== commitment) {
    return undefined;
  }
  if (!holds(head, crc64)) {
    throw otherBytes(key);
  }
  return head;
}

async function headIfThere(store: ObjectStore, key: string): Promise<ObjectHead | undefined> {
  try {
    return await store.head(key);
  } catch (error) {
    if (isSealiftError(error) && error.code === 'not-found') {
      return undefined;
    }
    throw error;
  }
}

/** Whether the server holds the bytes that were sent, as far as it says: headers arrive whole where a body did not. */
function holds({ crc64 }: StoredObject, sent: bigint | undefined): boolean {
  return crc64 === undefined || sent === undefined || crc64 === sent;
}

/** Of an object whose headers are right and whose body is not. Nothing that is sent again alone can mend it. */
function otherBytes(key: string): StoreError {
  return new StoreError('checksum-mismatch', `${key}: the server holds another body than the one that was sent`, {
    object: key, remedy: 'If it happens again, look for a proxy between here and OSS that changes bodies; then replace the object (push --if-exists overwrite).',
  });
}

export type Verdict = 'write' | 'skip-unchanged' | 'skip-exists' | 'refuse';

/**
 * What to do about an object that no manifest knows. Somebody else's object is replaced on `overwrite` alone: the default
 * compares states of our own files and never costs anyone a byte.
 */
export function decideExisting(existing: 'current' | 'ours' | 'foreign', ifExists: IfExists): Verdict {
  switch (ifExists) {
    case 'overwrite':
      return 'write';
    case 'skip':
      return 'skip-exists';
    case 'fail':
      return 'refuse';
    case 'changed':
      return { current: 'skip-unchanged', ours: 'write', foreign: 'refuse' }[existing] as Verdict;
  }
}

function judge(head: ObjectHead, key: ObjectKey, stat: FileStat, sealed: JustSealed | undefined): Existing {
  const authentication = sealedPart(head);
  if (authentication === undefined) {
    return { kind: 'foreign' };
  }
  if (sealed?.commitment === authentication.commitment) {
    return holds(head, sealed.crc64) ? { kind: 'same', head } : { kind: 'broken' };
  }
  if (authentication.name !== key) {
    return { kind: 'foreign' };
  }
  const { mtimeNs } = parseAttributes(authentication.attributes);
  if (head.sizeBytes !== stat.sizeBytes || !isSameTime(mtimeNs, stat.mtimeNs)) {
    return { kind: 'ours' };
  }
  return { kind: 'current', head, commitment: authentication.commitment };
}

function sealedPart(head: ObjectHead): { name: string; attributes: string; commitment: string } | undefined {
  try {
    return parseEnvelope(head.metadata, head.sizeBytes)?.authentication;
  } catch {
    return undefined;
  }
}
