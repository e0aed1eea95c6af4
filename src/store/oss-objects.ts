import { StoreError } from '../errors.js';
import { LIST_PAGE_OBJECTS, MAX_OBJECT_KEY_BYTES } from '../limits.js';
import { confirmBody, confirmSameBody, storedObject } from './checksums.js';
import { elementsOf, headerOf, metadataOf, nonsense, requiredText, sizeOf, textOf, unquoted } from './oss-wire.js';
import type { OssAnswer, OssRequest, Send } from './oss-wire.js';
import type { ByteRange, GetOptions, ListedObject, Metadata, ObjectBody, ObjectHead, ObjectStore, PutOptions, ReplaceOptions } from './store.js';

type ObjectCalls = Pick<ObjectStore, 'put' | 'head' | 'get' | 'replaceMetadata' | 'delete' | 'list'>;

const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;
const METADATA_NAME = /^x-oss-meta-[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Neutral, or the name's extension would tell what is sealed. */
const UNGUARDED = { 'content-type': 'application/octet-stream' };
const GUARDED = { ...UNGUARDED, 'x-oss-forbid-overwrite': 'true' };

/** What HEAD answers and CopyObject takes: left out of a copy in place, OSS would make them what they are for a new object. */
const KEPT = [
  'content-type', 'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires', 'x-oss-storage-class',
  'x-oss-server-side-encryption', 'x-oss-server-side-data-encryption', 'x-oss-server-side-encryption-key-id',
] as const;

/** The calls on single objects and on listings of them. */
export function objectCalls(send: Send, bucket: string): ObjectCalls {
  return {
    put: async (key, body, options) => {
      const { headers, metadata } = uploadHeaders(options);
      const answer = await send({ method: 'PUT', key: checkedKey(key), headers, metadata, body, signal: options.signal });
      return confirmBody(answer, body, options.crc64);
    },
    head: async (key, options) => {
      const answer = await send({ method: 'HEAD', key: checkedKey(key), signal: options?.signal });
      return headOf(answer, sizeOf(answer, headerOf(answer.headers, 'content-length')));
    },
    get: async (key, options = {}) => {
      const headers = conditionHeaders(options);
      const answer = await send({ method: 'GET', key: checkedKey(key), headers, expects: 'stream', signal: options.signal });
      try {
        return bodyOf(answer, options.range);
      } catch (error) {
        answer.body?.destroy();
        throw error;
      }
    },
    replaceMetadata: async (key, change) => {
      const { headers, metadata } = replacementHeaders(bucket, checkedKey(key), change);
      const answer = await send({ method: 'PUT', key, headers, metadata, expects: 'xml', signal: change.signal });
      return confirmSameBody(answer, unquoted(requiredText(answer, answer.document, 'ETag')), change.head.crc64);
    },
    delete: async (key, options) => {
      await send({ method: 'DELETE', key: checkedKey(key), signal: options?.signal });
    },
    list: async (prefix, token, options) => {
      const continuation = token === undefined ? {} : { 'continuation-token': token };
      const query = { 'list-type': 2, prefix, 'max-keys': LIST_PAGE_OBJECTS, 'encoding-type': 'url', ...continuation };
      const answer = await send({ method: 'GET', key: undefined, query, expects: 'xml', signal: options?.signal });
      const objects = elementsOf(answer.document, 'Contents').map((element) => listedObject(answer, element));
      return { objects, nextToken: nextToken(answer, token) };
    },
  };
}

/** Refuses names that OSS refuses or that would silently become other names on the way. */
export function checkedKey(key: string): string {
  if (key === '' || /^[/\\]/.test(key) || /\p{Surrogate}/u.test(key)) {
    throw new StoreError('name-invalid', `${JSON.stringify(key)} cannot be the name of an object`, { object: key });
  }
  if (Buffer.byteLength(key) > MAX_OBJECT_KEY_BYTES) {
    throw new StoreError('key-too-long', `${key}: the name is longer than ${MAX_OBJECT_KEY_BYTES} bytes`, { object: key });
  }
  return key;
}

/** Type, guard, class and metadata of a new object. Throws a TypeError for metadata that would be something else. */
export function uploadHeaders({ metadata, forbidOverwrite, storageClass }: Omit<PutOptions, 'crc64'>): Required<Pick<OssRequest, 'headers' | 'metadata'>> {
  const headers = forbidOverwrite === true ? GUARDED : UNGUARDED;
  return { headers: storageClass === undefined ? headers : { ...headers, 'x-oss-storage-class': storageClass }, metadata: checkedMetadata(metadata) };
}

function replacementHeaders(bucket: string, key: string, { metadata, head }: ReplaceOptions): Required<Pick<OssRequest, 'headers' | 'metadata'>> {
  const copy = {
    'x-oss-copy-source': `/${bucket}/${encodeURIComponent(key)}`,
    'x-oss-copy-source-if-match': `"${head.etag}"`,
    'x-oss-metadata-directive': 'REPLACE',
  };
  return { headers: { ...UNGUARDED, ...head.kept, ...copy }, metadata: checkedMetadata(metadata) };
}

function checkedMetadata(metadata: Metadata): Metadata {
  const refused = Object.keys(metadata).find((name) => !METADATA_NAME.test(name));
  if (refused !== undefined) {
    throw new TypeError(`metadata ${JSON.stringify(refused)}: expected a name x-oss-meta-… in lower case`);
  }
  return metadata;
}

/** The text of an element of a listing made with encoding-type=url; servers that ignore that say so by silence. */
export function decodedName(answer: OssAnswer, text: string): string {
  if (textOf(answer.document, 'EncodingType') !== 'url') {
    return text;
  }
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw nonsense(answer, 'the listing contains a name that is not valid UTF-8');
  }
}

function conditionHeaders({ range, ifMatch }: GetOptions): Record<string, string> {
  if (range !== undefined && !(Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end) && range.start >= 0 && range.start < range.end)) {
    throw new RangeError(`range: expected 0 <= start < end, got ${range.start} and ${range.end}`);
  }
  return {
    // Without the standard behaviour OSS answers a range it cannot serve with the whole object.
    ...(range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}`, 'x-oss-range-behavior': 'standard' }),
    ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
  };
}

function headOf(answer: OssAnswer, sizeBytes: number): ObjectHead {
  return {
    sizeBytes,
    metadata: metadataOf(answer.headers),
    lastModified: headerOf(answer.headers, 'last-modified'),
    storageClass: headerOf(answer.headers, 'x-oss-storage-class'),
    kept: keptOf(answer),
    ...storedObject(answer),
  };
}

function keptOf({ headers }: OssAnswer): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = headerOf(headers, name);
    if (value !== undefined) {
      kept[name] = value;
    }
  }
  return kept;
}

function bodyOf(answer: OssAnswer, range: ByteRange | undefined): ObjectBody {
  const { body } = answer;
  if (body === undefined || (range === undefined && answer.status !== 200)) {
    throw nonsense(answer, `HTTP ${answer.status} came instead of the object`);
  }
  const contentBytes = sizeOf(answer, headerOf(answer.headers, 'content-length'));
  const sizeBytes = range === undefined ? contentBytes : rangedSize(answer, range, contentBytes);
  return { contentBytes, body, ...headOf(answer, sizeBytes) };
}

/** The size of the whole object, once the answer is known to be the range that was asked for. */
function rangedSize(answer: OssAnswer, range: ByteRange, contentBytes: number): number {
  const match = CONTENT_RANGE.exec(headerOf(answer.headers, 'content-range') ?? '');
  if (answer.status !== 206 || match === null) {
    throw nonsense(answer, 'the server ignored the range');
  }
  const [start, last, sizeBytes] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (start !== range.start || last < start || last !== Math.min(range.end, sizeBytes) - 1 || contentBytes !== last - start + 1) {
    throw nonsense(answer, 'the server answered with another range');
  }
  return sizeBytes;
}

function listedObject(answer: OssAnswer, element: unknown): ListedObject {
  return {
    key: decodedName(answer, requiredText(answer, element, 'Key')),
    sizeBytes: sizeOf(answer, textOf(element, 'Size')),
    etag: unquoted(textOf(element, 'ETag') ?? ''),
  };
}

function nextToken(answer: OssAnswer, token: string | undefined): string | undefined {
  if (textOf(answer.document, 'IsTruncated') !== 'true') {
    return undefined;
  }
  const next = decodedToken(requiredText(answer, answer.document, 'NextContinuationToken'));
  if (next === token) {
    throw nonsense(answer, 'the listing repeats itself');
  }
  return next;
}

/** encoding-type=url covers the token too, says the documentation; its alphabet has no % of its own. */
function decodedToken(text: string): string {
  return /%[0-9A-Fa-f]{2}/.test(text) ? decodeURIComponent(text) : text;
}
