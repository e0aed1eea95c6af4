import { MAX_DELETE_KEYS } from '../limits.js';
import type { Answer } from './answer.js';
import { OssError } from './oss-error.js';
import { isoDate, type OssRequest, OWNER, xmlAnswer } from './oss-request.js';
import { document, element, parseDelete, text } from './xml.js';

export async function putBucket(request: OssRequest): Promise<Answer> {
  await request.receiveText();
  request.disk.createBucket(request.bucket);
  return { status: 200, headers: { location: `/${request.bucket}` } };
}

export function headBucket(request: OssRequest): Answer {
  request.disk.bucket(request.bucket);
  return { status: 200, headers: { 'x-oss-bucket-region': request.region } };
}

export async function deleteBucket(request: OssRequest): Promise<Answer> {
  await request.disk.removeBucket(request.bucket);
  return { status: 204 };
}

export function getLocation(request: OssRequest): Answer {
  request.disk.bucket(request.bucket);
  return xmlAnswer(document(text('LocationConstraint', `oss-${request.region}`)));
}

export function getBucketInfo(request: OssRequest): Answer {
  request.disk.bucket(request.bucket);
  const bucket = request.disk.list().find(({ name }) => name === request.bucket);
  return xmlAnswer(document(element('BucketInfo', bucketElement(request, bucket?.createdMs ?? 0, request.bucket))));
}

/** GetService: all buckets, in one page. */
export function listBuckets(request: OssRequest): Answer {
  const prefix = request.query.get('prefix') ?? '';
  const buckets = request.disk.list().filter(({ name }) => name.startsWith(prefix));
  const elements = buckets.map(({ name, createdMs }) => bucketElement(request, createdMs, name));
  return xmlAnswer(document(element('ListAllMyBucketsResult', OWNER, text('IsTruncated', false), element('Buckets', ...elements))));
}

export async function deleteObjects(request: OssRequest): Promise<Answer> {
  const body = parseDelete(await request.receiveText());
  const bucket = request.disk.bucket(request.bucket);
  if (body === undefined || body.keys.length === 0 || body.keys.length > MAX_DELETE_KEYS) {
    throw new OssError(400, 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema.', { ec: '0016-00000601' });
  }
  body.keys.forEach((key) => bucket.remove(key));
  const encoded = request.query.get('encoding-type') === 'url';
  const deleted = body.quiet ? [] : body.keys.map((key) => element('Deleted', text('Key', encoded ? encodeURIComponent(key) : key)));
  return xmlAnswer(document(element('DeleteResult', ...(encoded ? [text('EncodingType', 'url')] : []), ...deleted)));
}

function bucketElement(request: OssRequest, createdMs: number, name: string): string {
  return element(
    'Bucket',
    text('CreationDate', isoDate(createdMs)),
    text('ExtranetEndpoint', request.headers.host ?? ''),
    text('IntranetEndpoint', request.headers.host ?? ''),
    text('Location', `oss-${request.region}`),
    text('Name', name),
    text('Region', request.region),
    text('StorageClass', 'Standard'),
    OWNER,
  );
}
