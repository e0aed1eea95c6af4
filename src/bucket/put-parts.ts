import { joinCrc64 } from '../crypto/crc64.js';
import type { Attributes } from '../envelope/envelope.js';
import { isSealiftError } from '../errors.js';
import type { ObjectKeys } from '../keys/wrapped-start.js';
import { MAX_PARTS } from '../limits.js';
import { findSealed } from '../run/existing.js';
import type { Piece } from '../run/jobs.js';
import { cut, onEveryPiece } from '../run/large-file.js';
import { joinProofs } from '../run/piece-proof.js';
import { sealedHeaders, sealingFacts, type SealedHeaders } from '../run/sealing.js';
import type { StoredObject, UploadedPart } from '../store/store.js';
import type { BucketPorts } from './bucket-ports.js';
import { stopIfAborted } from './chunks.js';
import type { FrozenBody } from './frozen-body.js';
import type { PutObjectOptions, PutObjectResult } from './options.js';
import { additionsOf, refuseOtherMd5, requestOptions } from './put-common.js';

/** An object after pass 1, and how it is to be called. */
export interface FrozenObject extends Attributes {
  readonly name: string;
  readonly body: FrozenBody;
  readonly keys: ObjectKeys;
}

/** Pass 2: headers, then the parts, as many at once as the budget admits. An upload that fails is aborted. */
export async function putParts(object: FrozenObject, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  const { name, body } = object;
  refuseOtherMd5(name, options, () => body.md5);
  const partBytes = wholePieces(body) * (body.pieces[0]?.bytes ?? 0);
  const headers = await headersOf(object, options, { partBytes, ports });
  const upload = { ...object, headers, parts: cut(body.sizeBytes, partBytes) };
  const uploadId = await ports.store.initiateUpload(name, { metadata: headers.metadata, storageClass: options.storageClass, ...requestOptions(options) });
  try {
    const stored = await complete(upload, uploadId, await sendAll(upload, uploadId, options, ports), { options, ports });
    return { etag: stored.etag, sizeBytes: body.sizeBytes, ...(stored.versionId === undefined ? {} : { versionId: stored.versionId }) };
  } catch (error) {
    // The first failure is the one to report; what cannot be aborted now ends by the bucket's own rules.
    await ports.store.abortUpload(name, uploadId).catch(() => undefined);
    throw error;
  }
}

interface Upload extends FrozenObject {
  readonly headers: SealedHeaders;
  readonly parts: readonly Piece[];
}

interface Sent {
  readonly part: UploadedPart;
  readonly crc64: bigint;
}

/** Pieces per part: one, unless a stream turned out to have more pieces than an upload may have parts. */
function wholePieces({ pieces }: FrozenBody): number {
  return Math.ceil(pieces.length / MAX_PARTS);
}

async function headersOf(object: FrozenObject, options: PutObjectOptions, { partBytes, ports }: { partBytes: number; ports: BucketPorts }): Promise<SealedHeaders> {
  const { name, body, keys: { issued: { dataKey, wrappedKey }, startBlock, wrappedStart } } = object;
  const { wrapper: { wrapAlgorithm }, materialDescription } = await ports.sealer();
  const facts = sealingFacts(name, { ...object, sizeBytes: body.sizeBytes });
  const proof = joinProofs({ dataKey, start: startBlock }, facts.aad, body.proofs);
  const keys = { family: ports.family, wrapAlgorithm, dataKey, startBlock, wrappedKey, wrappedStart, materialDescription };
  return sealedHeaders(facts, keys, proof, { ...additionsOf(name, options), multipartBytes: partBytes });
}

async function sendAll(upload: Upload, uploadId: string, options: PutObjectOptions, ports: BucketPorts): Promise<Sent[]> {
  const sent: Sent[] = [];
  const totalBytes = upload.body.sizeBytes;
  let movedBytes = 0;
  options.onProgress?.({ movedBytes, totalBytes });
  await onEveryPiece(upload.parts, ports.memory, async (part) => {
    stopIfAborted(upload.name, options.signal);
    sent[part.index] = await sendPart(upload, { uploadId, part }, options, ports);
    movedBytes += part.bytes;
    options.onProgress?.({ movedBytes, totalBytes });
  });
  return sent;
}

async function sendPart({ name, body, headers }: Upload, { uploadId, part }: { uploadId: string; part: Piece }, options: PutObjectOptions, ports: BucketPorts): Promise<Sent> {
  const slab = ports.slabs.take(part.bytes);
  try {
    const perPart = wholePieces(body);
    for (const piece of body.pieces.slice(part.index * perPart, (part.index + 1) * perPart)) {
      const offset = piece.offset - part.offset;
      await body.read(slab.subarray(offset, offset + piece.bytes), piece);
    }
    const crc64 = ports.crc64.digestOf(slab);
    const repeated = ports.family === 'client-side-encryption' ? { metadata: headers.metadata } : {};
    const { signal } = requestOptions(options);
    const uploaded = await ports.store.uploadPart(
      { key: name, uploadId, number: part.index + 1 }, slab, { crc64, ...repeated, ...(signal === undefined ? {} : { signal }) },
    );
    return { part: uploaded, crc64 };
  } finally {
    ports.slabs.give(slab);
  }
}

async function complete(upload: Upload, uploadId: string, sent: readonly Sent[], { options, ports }: { options: PutObjectOptions; ports: BucketPorts }): Promise<StoredObject> {
  const { name, headers: { commitment } } = upload;
  const crc64 = joinCrc64(sent.map((one) => ({ crc64: one.crc64, bytes: one.part.sizeBytes })));
  try {
    return await ports.store.completeUpload({ key: name, uploadId }, sent.map(({ part }) => part), { crc64, ...requestOptions(options) });
  } catch (error) {
    const isLost = isSealiftError(error) && (error.code === 'exists' || error.code === 'not-found');
    const ours = isLost ? await findSealed(ports.store, name, { commitment, crc64 }) : undefined;
    if (ours === undefined) {
      throw error;
    }
    return ours;
  }
}
