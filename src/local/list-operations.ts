import { DEFAULT_LIST_OBJECTS, LIST_PAGE_OBJECTS } from '../limits.js';
import type { Answer } from './answer.js';
import type { BucketIndex } from './bucket-index.js';
import { compareKeys, firstIndex } from './key-order.js';
import { invalidArgument } from './oss-error.js';
import { isoDate, type OssRequest, OWNER, quoted, xmlAnswer } from './oss-request.js';
import { boundedNumber } from './preconditions.js';
import { document, element, text } from './xml.js';

/** ListObjectsV2. */
export function listObjectsV2(request: OssRequest): Answer {
  const { query } = request;
  const token = query.get('continuation-token');
  const page = listPage(request, token === undefined ? (query.get('start-after') ?? '') : decodeToken(token));
  const name = nameElement(query.get('encoding-type'));
  return xmlAnswer(
    document(
      element(
        'ListBucketResult',
        ...common(request, page.maxKeys),
        ...(query.has('start-after') ? [name('StartAfter', query.get('start-after') ?? '')] : []),
        ...(token === undefined ? [] : [text('ContinuationToken', token)]),
        text('KeyCount', page.keys.length + page.prefixes.length),
        text('IsTruncated', page.next !== undefined),
        ...(page.next === undefined ? [] : [text('NextContinuationToken', Buffer.from(page.next).toString('base64url'))]),
        ...entries(request, page, query.get('fetch-owner') === 'true'),
      ),
    ),
  );
}

/** ListObjects, the first version: markers are keys. */
export function listObjectsV1(request: OssRequest): Answer {
  const { query } = request;
  const marker = query.get('marker') ?? '';
  const page = listPage(request, marker);
  const name = nameElement(query.get('encoding-type'));
  return xmlAnswer(
    document(
      element(
        'ListBucketResult',
        ...common(request, page.maxKeys),
        name('Marker', marker),
        text('IsTruncated', page.next !== undefined),
        ...(page.next === undefined ? [] : [name('NextMarker', page.next)]),
        ...entries(request, page, true),
      ),
    ),
  );
}

export function listUploads(request: OssRequest): Answer {
  const { query } = request;
  const maxUploads = boundedNumber(query.get('max-uploads'), { name: 'max-uploads', min: 1, max: LIST_PAGE_OBJECTS, byDefault: LIST_PAGE_OBJECTS });
  const [prefix, keyMarker, idMarker] = [query.get('prefix') ?? '', query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''];
  const after = (key: string, uploadId: string): boolean => {
    const order = compareKeys(key, keyMarker);
    return order > 0 || (order === 0 && idMarker !== '' && uploadId > idMarker) || keyMarker === '';
  };
  const rest = request.disk.bucket(request.bucket).uploads.list().filter((each) => each.key.startsWith(prefix) && after(each.key, each.uploadId));
  const page = rest.slice(0, maxUploads);
  const name = nameElement(query.get('encoding-type'));
  return xmlAnswer(
    document(
      element(
        'ListMultipartUploadsResult',
        ...encoding(request),
        text('Bucket', request.bucket),
        name('KeyMarker', keyMarker),
        text('UploadIdMarker', idMarker),
        name('NextKeyMarker', page.at(-1)?.key ?? ''),
        text('NextUploadIdMarker', page.at(-1)?.uploadId ?? ''),
        name('Prefix', prefix),
        text('MaxUploads', maxUploads),
        text('IsTruncated', rest.length > page.length),
        ...page.map(({ key, uploadId, initiatedMs }) => element('Upload', name('Key', key), text('UploadId', uploadId), text('Initiated', isoDate(initiatedMs)))),
      ),
    ),
  );
}

interface Page {
  readonly maxKeys: number;
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** The last name on a page that is not the last: a key or a common prefix. */
  readonly next: string | undefined;
}

function listPage(request: OssRequest, after: string): Page {
  const { query } = request;
  const maxKeys = boundedNumber(query.get('max-keys'), { name: 'max-keys', min: 1, max: LIST_PAGE_OBJECTS, byDefault: DEFAULT_LIST_OBJECTS });
  const { index } = request.disk.bucket(request.bucket);
  return collect(index.keys(), { prefix: query.get('prefix') ?? '', delimiter: query.get('delimiter') ?? '', after, maxKeys });
}

function collect(all: readonly string[], { prefix, delimiter, after, maxKeys }: { prefix: string; delimiter: string; after: string; maxKeys: number }): Page {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let last = '';
  let at = firstIndex(all, (key) => compareKeys(key, prefix) < 0 || (after !== '' && compareKeys(key, after) <= 0));
  for (let key = all[at]; key?.startsWith(prefix) === true; key = all[at]) {
    const group = commonPrefix(key, prefix, delimiter);
    if (group !== undefined && group === after) {
      at = skipGroup(all, group);
      continue;
    }
    if (keys.length + prefixes.length === maxKeys) {
      return { maxKeys, keys, prefixes, next: last };
    }
    (group === undefined ? keys : prefixes).push(group ?? key);
    last = group ?? key;
    at = group === undefined ? at + 1 : skipGroup(all, group);
  }
  return { maxKeys, keys, prefixes, next: undefined };
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return end < 0 ? undefined : key.slice(0, end + delimiter.length);
}

function skipGroup(all: readonly string[], group: string): number {
  return firstIndex(all, (key) => key.startsWith(group) || compareKeys(key, group) < 0);
}

function common(request: OssRequest, maxKeys: number): string[] {
  const { query } = request;
  const name = nameElement(query.get('encoding-type'));
  return [
    text('Name', request.bucket),
    name('Prefix', query.get('prefix') ?? ''),
    text('MaxKeys', maxKeys),
    name('Delimiter', query.get('delimiter') ?? ''),
    ...encoding(request),
  ];
}

function entries(request: OssRequest, page: Page, withOwner: boolean): string[] {
  const { index } = request.disk.bucket(request.bucket);
  const name = nameElement(request.query.get('encoding-type'));
  return [
    ...page.keys.map((key) => element('Contents', ...contents(index, key, name), ...(withOwner ? [OWNER] : []))),
    ...page.prefixes.map((prefix) => element('CommonPrefixes', name('Prefix', prefix))),
  ];
}

function contents(index: BucketIndex, key: string, name: typeof text): string[] {
  const entry = index.get(key);
  return [
    name('Key', key),
    text('LastModified', isoDate(entry?.modifiedMs ?? 0)),
    text('ETag', quoted(entry?.etag ?? '')),
    text('Type', entry?.etag.includes('-') === true ? 'Multipart' : 'Normal'),
    text('Size', entry?.sizeBytes ?? 0),
    text('StorageClass', entry?.storageClass ?? 'Standard'),
  ];
}

function encoding(request: OssRequest): string[] {
  return request.query.get('encoding-type') === 'url' ? [text('EncodingType', 'url')] : [];
}

/** Names go out as they are, or percent-encoded when the client asked for that: XML cannot carry every character. */
function nameElement(encodingType: string | undefined): (name: string, value: string | number | boolean) => string {
  if (encodingType !== undefined && encodingType !== 'url') {
    throw invalidArgument('encoding-type must be url.', '0017-00000203');
  }
  return encodingType === undefined ? text : (name, value) => text(name, encodeURIComponent(value));
}

function decodeToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString();
  if (token === '' || Buffer.from(key).toString('base64url') !== token) {
    throw invalidArgument('The continuation token is invalid.', '0017-00000204');
  }
  return key;
}
