import { isSealiftError } from '../errors.js';
import { confirmBody, confirmCrc64, storedObject } from './checksums.js';
import { checkedKey, decodedName, uploadHeaders } from './oss-objects.js';
import { elementsOf, nonsense, requiredText, sizeOf, textOf, unquoted } from './oss-wire.js';
import type { OssAnswer, OssRequest, Send } from './oss-wire.js';
import type { CompleteOptions, ObjectStore, PendingUpload, StoredObject, UploadedPart } from './store.js';

type UploadCalls = Pick<
  ObjectStore, 'initiateUpload' | 'uploadPart' | 'listParts' | 'completeUpload' | 'abortUpload' | 'listUploads'
>;

const PAGE = 1000;

/** The calls on uploads in parts. */
export function uploadCalls(send: Send): UploadCalls {
  return {
    initiateUpload: async (key, options) => {
      const { headers, metadata } = uploadHeaders(options);
      const answer = await send({ method: 'POST', key: checkedKey(key), query: { uploads: '' }, headers, metadata, expects: 'xml', signal: options.signal });
      return requiredText(answer, answer.document, 'UploadId');
    },
    uploadPart: async ({ key, uploadId, number }, body, options) => {
      const query = { partNumber: number, uploadId };
      const { headers, metadata } = uploadHeaders({ metadata: options.metadata ?? {} });
      const answer = await send({ method: 'PUT', key: checkedKey(key), query, headers, metadata, body, signal: options.signal });
      return { number, etag: confirmBody(answer, body, options.crc64).etag, sizeBytes: body.byteLength };
    },
    listParts: (key, uploadId, options) => allParts(send, { method: 'GET', key: checkedKey(key), signal: options?.signal }, uploadId),
    completeUpload: async ({ key, uploadId }, parts, options = {}) => {
      const headers = { 'content-type': 'application/xml', ...(options.forbidOverwrite === true ? { 'x-oss-forbid-overwrite': 'true' } : {}) };
      const body = completionDocument(parts);
      const answer = await send({
        method: 'POST', key: checkedKey(key), query: { uploadId }, headers, body, withMd5: true, expects: 'xml', signal: options.signal,
      });
      return completed(answer, options);
    },
    abortUpload: async (key, uploadId, options) => {
      try {
        await send({ method: 'DELETE', key: checkedKey(key), query: { uploadId }, signal: options?.signal });
      } catch (error) {
        if (!isSealiftError(error) || error.code !== 'not-found') {
          throw error;
        }
      }
    },
    listUploads: (prefix, options) => allUploads(send, prefix, options?.signal),
  };
}

async function allParts(send: Send, request: OssRequest, uploadId: string): Promise<UploadedPart[]> {
  const parts: UploadedPart[] = [];
  let marker = 0;
  for (;;) {
    const query = { 'max-parts': PAGE, ...(marker === 0 ? {} : { 'part-number-marker': marker }), uploadId };
    const answer = await send({ ...request, query, expects: 'xml' });
    parts.push(...elementsOf(answer.document, 'Part').map((element) => uploadedPart(answer, element)));
    if (textOf(answer.document, 'IsTruncated') !== 'true') {
      return parts;
    }
    const next = sizeOf(answer, textOf(answer.document, 'NextPartNumberMarker'));
    if (next <= marker) {
      throw nonsense(answer, 'the list of parts repeats itself');
    }
    marker = next;
  }
}

function uploadedPart(answer: OssAnswer, element: unknown): UploadedPart {
  return {
    number: sizeOf(answer, textOf(element, 'PartNumber')),
    etag: unquoted(requiredText(answer, element, 'ETag')),
    sizeBytes: sizeOf(answer, textOf(element, 'Size')),
  };
}

async function allUploads(send: Send, prefix: string, signal: AbortSignal | undefined): Promise<PendingUpload[]> {
  const uploads: PendingUpload[] = [];
  const seen = new Set<string>();
  let marker: { readonly 'key-marker': string; readonly 'upload-id-marker': string } | undefined;
  for (;;) {
    const query = { uploads: '', prefix, 'max-uploads': PAGE, 'encoding-type': 'url', ...marker };
    const answer = await send({ method: 'GET', key: undefined, query, expects: 'xml', signal });
    uploads.push(...elementsOf(answer.document, 'Upload').map((element) => pendingUpload(answer, element)));
    if (textOf(answer.document, 'IsTruncated') !== 'true') {
      return uploads;
    }
    const next = {
      'key-marker': decodedName(answer, requiredText(answer, answer.document, 'NextKeyMarker')),
      'upload-id-marker': textOf(answer.document, 'NextUploadIdMarker') ?? '',
    };
    const mark = JSON.stringify(next);
    if (seen.has(mark)) {
      throw nonsense(answer, 'the list of uploads repeats itself');
    }
    seen.add(mark);
    marker = next;
  }
}

function pendingUpload(answer: OssAnswer, element: unknown): PendingUpload {
  return {
    key: decodedName(answer, requiredText(answer, element, 'Key')),
    uploadId: requiredText(answer, element, 'UploadId'),
    initiated: textOf(element, 'Initiated') ?? '',
  };
}

/** The list of parts in ascending order, as OSS demands. */
function completionDocument(parts: readonly UploadedPart[]): Uint8Array {
  const elements = parts
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, etag }) => `<Part>\n<PartNumber>${number}</PartNumber>\n<ETag>"${escaped(etag)}"</ETag>\n</Part>\n`);
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<CompleteMultipartUpload>\n${elements.join('')}</CompleteMultipartUpload>`);
}

function completed(answer: OssAnswer, options: CompleteOptions): StoredObject {
  const stored = storedObject(answer);
  const etag = stored.etag === '' ? unquoted(requiredText(answer, answer.document, 'ETag')) : stored.etag;
  if (stored.crc64 !== undefined && options.crc64 !== undefined) {
    confirmCrc64(answer, stored.crc64, options.crc64);
  }
  return { ...stored, etag };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
