import { MAX_CONVERTED_COPY_BYTES, MAX_OBJECT_KEY_BYTES, MAX_SINGLE_PUT_BYTES } from '../limits.js';
import type { Answer } from './answer.js';
import type { Bucket, PutConditions } from './bucket.js';
import type { ObjectEntry } from './bucket-index.js';
import { changesStorage, checkCopyEncryption, copiedHeaders, objectHeaders, type ObjectHeaders } from './metadata.js';
import { invalidArgument, OssError } from './oss-error.js';
import { isoDate, type OssRequest, quoted, xmlAnswer } from './oss-request.js';
import { checkPreconditions, parseRange } from './preconditions.js';
import { tooLarge } from './receive.js';
import { checkObjectName } from './resource.js';
import { document, element, text } from './xml.js';

export async function putObject(request: OssRequest): Promise<Answer> {
  const bucket = request.disk.bucket(request.bucket);
  const conditions = conditionsOf(request);
  const headers = objectHeaders(request.headers, 'single');
  bucket.checkOverwrite(request.key, conditions.forbidOverwrite);
  const file = bucket.newFile();
  const payload = await request.receive(bucket.pathOf(file));
  try {
    return { status: 200, headers: checksums(bucket.put(request.key, file, payload, { headers, conditions })) };
  } catch (error) {
    bucket.discard(file);
    throw error;
  }
}

export function headObject(request: OssRequest): Answer {
  const { entry, headers } = find(request);
  if (checkPreconditions(request.headers, entry)) {
    return { status: 304, headers: checksums(entry) };
  }
  return { status: 200, headers: { ...headers, ...describe(entry), 'content-length': String(entry.sizeBytes) } };
}

/** HEAD with `objectMeta`: size, ETag and date without the user metadata. */
export function getObjectMeta(request: OssRequest): Answer {
  const { entry } = find(request);
  return { status: 200, headers: { ...describe(entry), 'content-length': String(entry.sizeBytes) } };
}

export function getObject(request: OssRequest): Answer {
  const { bucket, entry, headers } = find(request);
  if (checkPreconditions(request.headers, entry)) {
    return { status: 304, headers: checksums(entry) };
  }
  const range = parseRange(request.headers, entry.sizeBytes);
  const { start, end } = range ?? { start: 0, end: entry.sizeBytes };
  const body = bucket.read(request.key, start, end);
  if (Buffer.isBuffer(body) && body.length !== end - start) {
    throw new Error(`${request.key}: the file on disk is shorter than the object`);
  }
  const contentRange = range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${entry.sizeBytes}` };
  return {
    status: range === undefined ? 200 : 206,
    headers: { ...headers, ...describe(entry), ...contentRange, 'content-length': String(end - start) },
    body,
  };
}

export function deleteObject(request: OssRequest): Answer {
  checkObjectName(request.key, MAX_OBJECT_KEY_BYTES);
  request.disk.bucket(request.bucket).remove(request.key);
  return { status: 204 };
}

export function copyObject(request: OssRequest): Answer {
  const source = findSource(request);
  const directive = String(request.headers['x-oss-metadata-directive'] ?? 'COPY').toUpperCase();
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw invalidArgument('x-oss-metadata-directive must be COPY or REPLACE.', '0005-00000301');
  }
  const headers = directive === 'COPY' ? copiedHeaders(source.headers, request.headers) : objectHeaders(request.headers, 'single');
  checkCopyEncryption(source.headers, headers);
  const bucket = request.disk.bucket(request.bucket);
  checkCopySize(source, headers, bucket);
  const entry = bucket.copy(source, request.key, headers, conditionsOf(request));
  const xml = document(element('CopyObjectResult', text('ETag', quoted(entry.etag)), text('LastModified', isoDate(entry.modifiedMs))));
  return xmlAnswer(xml, checksums(entry));
}

export function conditionsOf(request: OssRequest): PutConditions {
  checkObjectName(request.key, MAX_OBJECT_KEY_BYTES);
  return { forbidOverwrite: request.headers['x-oss-forbid-overwrite'] === 'true', nowMs: request.nowMs };
}

export function checksums(entry: ObjectEntry): Record<string, string> {
  return { etag: quoted(entry.etag), 'x-oss-hash-crc64ecma': entry.crc64 };
}

interface Found {
  readonly bucket: Bucket;
  readonly key: string;
  readonly entry: ObjectEntry;
  readonly headers: ObjectHeaders;
}

function find(request: OssRequest, { bucket: name, key } = { bucket: request.bucket, key: request.key }): Found {
  checkObjectName(key, MAX_OBJECT_KEY_BYTES);
  const bucket = request.disk.bucket(name);
  const entry = bucket.index.get(key);
  if (entry === undefined) {
    throw new OssError(404, 'NoSuchKey', 'The specified key does not exist.', { ec: '0026-00000001', more: { Key: key } });
  }
  return { bucket, key, entry, headers: bucket.index.details(key).headers };
}

function findSource(request: OssRequest): Found {
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/su.exec(decodeSource(String(request.headers['x-oss-copy-source']))) ?? [];
  if (bucket === undefined || key === undefined) {
    throw invalidArgument('x-oss-copy-source must be /bucket/object.', '0017-00000601');
  }
  const found = find(request, { bucket, key });
  if (checkPreconditions(request.headers, found.entry, 'x-oss-copy-source-')) {
    throw new OssError(304, 'NotModified', 'The source is not modified.');
  }
  return found;
}

/** Within one bucket there is no limit, unless the body is to be stored in another way. */
function checkCopySize(source: Found, headers: ObjectHeaders, target: Bucket): void {
  const limit = target === source.bucket ? Infinity : MAX_SINGLE_PUT_BYTES;
  if (source.entry.sizeBytes > (changesStorage(source.headers, headers) ? MAX_CONVERTED_COPY_BYTES : limit)) {
    throw tooLarge();
  }
}

function decodeSource(source: string): string {
  try {
    return decodeURIComponent(source);
  } catch {
    throw invalidArgument('x-oss-copy-source is not encoded as UTF-8.', '0017-00000601');
  }
}

function describe(entry: ObjectEntry): Record<string, string> {
  return {
    ...checksums(entry),
    'last-modified': new Date(entry.modifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
    'x-oss-object-type': entry.etag.includes('-') ? 'Multipart' : 'Normal',
  };
}
