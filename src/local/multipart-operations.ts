import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { joinCrc64 } from '../crypto/crc64.js';
import { LIST_PAGE_OBJECTS, MAX_PARTS } from '../limits.js';
import type { Answer } from './answer.js';
import type { Bucket } from './bucket.js';
import { checkEncryptedParts, checkPartEncryption, objectHeaders } from './metadata.js';
import { checksums, conditionsOf } from './object-operations.js';
import { OssError } from './oss-error.js';
import { isoDate, type OssRequest, quoted, xmlAnswer } from './oss-request.js';
import { boundedNumber } from './preconditions.js';
import type { Part, Upload } from './uploads.js';
import { document, element, type NamedPart, parseComplete, text } from './xml.js';

export function initiateUpload(request: OssRequest): Answer {
  const bucket = request.disk.bucket(request.bucket);
  const conditions = conditionsOf(request);
  const headers = objectHeaders(request.headers, 'multipart');
  bucket.checkOverwrite(request.key, conditions.forbidOverwrite);
  const { uploadId } = bucket.uploads.initiate(request.key, headers, request.nowMs);
  return xmlAnswer(document(element('InitiateMultipartUploadResult', ...named(request), text('UploadId', uploadId))));
}

export async function uploadPart(request: OssRequest): Promise<Answer> {
  const { bucket, upload } = find(request);
  const number = boundedNumber(request.query.get('partNumber'), { name: 'partNumber', min: 1, max: MAX_PARTS, byDefault: NaN });
  checkPartEncryption(upload.headers, request.headers);
  const temporary = bucket.uploads.temporaryPart(upload.uploadId);
  const payload = await request.receive(temporary);
  try {
    // Completed or aborted by another request while the bytes came in.
    find(request);
    if (payload.content !== undefined) {
      writeFileSync(temporary, payload.content, { flag: 'wx', mode: 0o600 });
    }
    const { sizeBytes, etag } = payload;
    const crc64 = String(payload.crc64);
    bucket.uploads.addPart(upload, temporary, { number, sizeBytes, etag, crc64, modifiedMs: request.nowMs });
    return { status: 200, headers: { etag: quoted(etag), 'x-oss-hash-crc64ecma': crc64 } };
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

export async function completeUpload(request: OssRequest): Promise<Answer> {
  const requested = parseComplete(await request.receiveText());
  const { bucket, upload } = find(request);
  const conditions = conditionsOf(request);
  if (requested === undefined || requested.length === 0) {
    throw new OssError(400, 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema.', { ec: '0030-00000002' });
  }
  const parts = chooseParts(upload, requested, request.minPartBytes);
  checkEncryptedParts(upload.headers, parts.map((part) => part.sizeBytes));
  const entry = bucket.complete(upload, parts, joinedChecksums(parts), conditions);
  const location = `http://${request.headers.host ?? ''}/${encodeURIComponent(request.key)}`;
  const xml = document(element('CompleteMultipartUploadResult', text('Location', location), ...named(request), text('ETag', quoted(entry.etag))));
  return xmlAnswer(xml, checksums(entry));
}

export function abortUpload(request: OssRequest): Answer {
  const { bucket, upload } = find(request);
  bucket.abort(upload);
  return { status: 204 };
}

export function listParts(request: OssRequest): Answer {
  const { upload } = find(request);
  const { query } = request;
  const maxParts = boundedNumber(query.get('max-parts'), { name: 'max-parts', min: 1, max: LIST_PAGE_OBJECTS, byDefault: LIST_PAGE_OBJECTS });
  const marker = boundedNumber(query.get('part-number-marker'), { name: 'part-number-marker', min: 0, max: MAX_PARTS, byDefault: 0 });
  const rest = [...upload.parts.values()].filter((part) => part.number > marker).sort((a, b) => a.number - b.number);
  const page = rest.slice(0, maxParts);
  return xmlAnswer(
    document(
      element(
        'ListPartsResult',
        ...named(request),
        text('UploadId', upload.uploadId),
        text('PartNumberMarker', marker),
        text('NextPartNumberMarker', page.at(-1)?.number ?? 0),
        text('MaxParts', maxParts),
        text('IsTruncated', rest.length > page.length),
        ...page.map(partElement),
      ),
    ),
  );
}

function named(request: OssRequest): string[] {
  const encoded = request.query.get('encoding-type') === 'url';
  return [
    ...(encoded ? [text('EncodingType', 'url')] : []),
    text('Bucket', request.bucket),
    text('Key', encoded ? encodeURIComponent(request.key) : request.key),
  ];
}

function partElement(part: Part): string {
  return element(
    'Part',
    text('PartNumber', part.number),
    text('LastModified', isoDate(part.modifiedMs)),
    text('ETag', quoted(part.etag)),
    text('HashCrc64ecma', part.crc64),
    text('Size', part.sizeBytes),
  );
}

function find(request: OssRequest): { bucket: Bucket; upload: Upload } {
  const bucket = request.disk.bucket(request.bucket);
  const uploadId = request.query.get('uploadId') ?? '';
  const upload = bucket.uploads.find(request.key, uploadId);
  if (upload === undefined) {
    const message = 'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.';
    throw new OssError(404, 'NoSuchUpload', message, { ec: '0042-00000002', more: { UploadId: uploadId } });
  }
  return { bucket, upload };
}

/** @throws OssError InvalidPartOrder, InvalidPart, EntityTooSmall */
function chooseParts(upload: Upload, requested: readonly NamedPart[], minPartBytes: number): Part[] {
  let previous = 0;
  return requested.map(({ number, etag }, at) => {
    const part = upload.parts.get(number);
    if (number <= previous) {
      throw new OssError(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.', { ec: '0042-00000204' });
    }
    if (part?.etag !== etag) {
      const message = 'One or more of the specified parts could not be found or the specified entity tag might not have matched the part\'s entity tag.';
      throw new OssError(400, 'InvalidPart', message, { ec: '0042-00000205', more: { PartNumber: String(number) } });
    }
    if (part.sizeBytes < minPartBytes && at < requested.length - 1) {
      throw new OssError(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size.', {
        ec: '0042-00000206',
        more: { MinSizeAllowed: String(minPartBytes), ProposedSize: String(part.sizeBytes), PartNumber: String(number) },
      });
    }
    previous = number;
    return part;
  });
}

function joinedChecksums(parts: readonly Part[]): { etag: string; crc64: bigint } {
  const md5 = createHash('md5');
  parts.forEach((part) => md5.update(part.etag));
  return {
    etag: `${md5.digest('hex').toUpperCase()}-${parts.length}`,
    crc64: joinCrc64(parts.map(({ crc64, sizeBytes }) => ({ crc64: BigInt(crc64), bytes: sizeBytes }))),
  };
}
