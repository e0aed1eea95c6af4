import { SealiftError } from '../errors.js';
import type { ObjectKeys } from '../keys/wrapped-start.js';
import type { Additions } from '../run/sealing.js';
import type { BucketPorts } from './bucket-ports.js';
import { orAborted } from './chunks.js';
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

/** Keys for one object; the caller wipes the data key. @throws StoreError `interrupted`, also while a KMS is asked again and again */
export async function nextKeys(name: string, { signal }: PutObjectOptions, { sealer }: BucketPorts): Promise<ObjectKeys> {
  const { starts } = await sealer();
  return await orAborted(name, () => starts.next(signal), signal, ({ issued }) => issued.dataKey.wipe());
}

export function requestOptions({ signal, forbidOverwrite }: PutObjectOptions): { signal?: AbortSignal; forbidOverwrite?: boolean } {
  return { ...(signal === undefined ? {} : { signal }), ...(forbidOverwrite === undefined ? {} : { forbidOverwrite }) };
}
