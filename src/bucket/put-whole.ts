import { createHash } from 'node:crypto';
import { sealInPlace } from '../crypto/seal.js';
import type { Attributes } from '../envelope/envelope.js';
import { isSealiftError } from '../errors.js';
import { findSealed } from '../run/existing.js';
import { sealedHeaders, sealingFacts, type SealedHeaders } from '../run/sealing.js';
import type { StoredObject } from '../store/store.js';
import type { BucketPorts } from './bucket-ports.js';
import type { PutObjectOptions, PutObjectResult } from './options.js';
import { additionsOf, nextKeys, refuseOtherMd5, requestOptions } from './put-common.js';

/** Seals content within its buffer and sends it in one request. */
export async function putWhole(name: string, plain: Attributes & { readonly data: Buffer }, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  const { data } = plain;
  options.onProgress?.({ movedBytes: 0, totalBytes: data.length });
  const headers = await seal(name, plain, options, ports);
  const stored = await send(name, { data, headers }, options, ports);
  options.onProgress?.({ movedBytes: data.length, totalBytes: data.length });
  return { etag: stored.etag, sizeBytes: data.length, ...(stored.versionId === undefined ? {} : { versionId: stored.versionId }) };
}

async function seal(name: string, plain: Attributes & { readonly data: Buffer }, options: PutObjectOptions, ports: BucketPorts): Promise<SealedHeaders> {
  const { wrapper: { wrapAlgorithm }, materialDescription } = await ports.sealer();
  const additions = additionsOf(name, options);
  refuseOtherMd5(name, options, () => createHash('md5').update(plain.data).digest('base64'));
  const facts = sealingFacts(name, { ...plain, sizeBytes: plain.data.length });
  const { issued: { dataKey, wrappedKey }, startBlock, wrappedStart } = await nextKeys(name, options, ports);
  try {
    const proof = sealInPlace(dataKey, startBlock, facts.aad, plain.data);
    const keys = { family: ports.family, wrapAlgorithm, dataKey, startBlock, wrappedKey, wrappedStart, materialDescription };
    return sealedHeaders(facts, keys, proof, additions);
  } finally {
    dataKey.wipe();
  }
}

async function send(name: string, sealed: { data: Buffer; headers: SealedHeaders }, options: PutObjectOptions, ports: BucketPorts): Promise<StoredObject> {
  const { data, headers: { metadata, commitment } } = sealed;
  const crc64 = ports.crc64.digestOf(data);
  try {
    return await ports.store.put(name, data, { metadata, crc64, storageClass: options.storageClass, ...requestOptions(options) });
  } catch (error) {
    const isLost = isSealiftError(error) && error.code === 'exists';
    const ours = isLost ? await findSealed(ports.store, name, { commitment, crc64 }) : undefined;
    if (ours === undefined) {
      throw error;
    }
    return ours;
  }
}
