import { SealiftError, isSealiftError } from '../errors.js';
import { holds, otherBytes } from '../run/existing.js';
import type { Additions } from '../run/sealing.js';
import type { StoredObject } from '../store/store.js';
import type { BucketPorts } from './bucket-ports.js';
import type { PutObjectOptions } from './options.js';
import { toHeaders } from './user-metadata.js';

/** What stands beside the envelope. @throws EnvelopeError `usage` */
export function additionsOf(name: string, { metadata, contentMd5 }: PutObjectOptions): Additions {
  return { userMetadata: toHeaders(name, metadata), ...(contentMd5 === undefined ? {} : { contentMd5 }) };
}

/** @throws SealiftError `checksum-mismatch` when an MD5 was passed and the content has another one. */
export function refuseOtherMd5(name: string, { contentMd5 }: PutObjectOptions, actual: () => string | undefined): void {
  if (contentMd5 !== undefined && actual() !== contentMd5) {
    throw new SealiftError('checksum-mismatch', `${name}: the content does not have the MD5 that was passed; nothing was sent`, {
      object: name,
      remedy: 'Pass the base64 MD5 of the plaintext, or leave contentMd5 out.',
    });
  }
}

export function requestOptions({ signal, forbidOverwrite }: PutObjectOptions): { signal?: AbortSignal; forbidOverwrite?: boolean } {
  return { ...(signal === undefined ? {} : { signal }), ...(forbidOverwrite === undefined ? {} : { forbidOverwrite }) };
}

/**
 * The object that stands there if it is the one just sealed, because only the answer to an earlier request was lost.
 * @throws StoreError `checksum-mismatch` when its body is not what was sent
 */
export async function confirmOurs(name: string, { commitment, crc64 }: { commitment: string; crc64: bigint }, ports: BucketPorts): Promise<StoredObject | undefined> {
  try {
    const head = await ports.store.head(name);
    if (head.metadata['x-oss-meta-sealift-commitment'] !== commitment) {
      return undefined;
    }
    if (!holds(head, crc64)) {
      throw otherBytes(name);
    }
    return head;
  } catch (error) {
    if (isSealiftError(error) && error.code === 'not-found') {
      return undefined;
    }
    throw error;
  }
}
