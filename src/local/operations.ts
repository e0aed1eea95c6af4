import { deleteBucket, deleteObjects, getBucketInfo, getLocation, headBucket, listBuckets, putBucket } from './bucket-operations.js';
import { listObjectsV1, listObjectsV2, listUploads } from './list-operations.js';
import { abortUpload, completeUpload, initiateUpload, listParts, uploadPart } from './multipart-operations.js';
import { copyObject, deleteObject, getObject, getObjectMeta, headObject, putObject } from './object-operations.js';
import { notImplemented } from './oss-error.js';
import type { Operation } from './oss-request.js';
import type { Query } from './query.js';
import type { Resource } from './signature.js';

interface Shape extends Resource {
  readonly method: string;
  readonly query: Query;
  readonly copies: boolean;
}

interface Route {
  /** As the API reference calls it. */
  readonly name: string;
  readonly perform: Operation;
  readonly on: 'service' | 'bucket' | 'object';
  readonly method: string;
  /** Query parameters that must be there. */
  readonly needs?: readonly string[];
  /** Query parameters that must not be there. */
  readonly lacks?: readonly string[];
  /** Only with, or only without, `x-oss-copy-source`. */
  readonly copies?: boolean;
}

/** The first that fits counts. */
const ROUTES: readonly Route[] = [
  { name: 'ListBuckets', perform: listBuckets, on: 'service', method: 'GET' },
  { name: 'GetBucketLocation', perform: getLocation, on: 'bucket', method: 'GET', needs: ['location'] },
  { name: 'GetBucketInfo', perform: getBucketInfo, on: 'bucket', method: 'GET', needs: ['bucketInfo'] },
  { name: 'ListMultipartUploads', perform: listUploads, on: 'bucket', method: 'GET', needs: ['uploads'] },
  { name: 'ListObjectsV2', perform: listObjectsV2, on: 'bucket', method: 'GET', needs: ['list-type'] },
  { name: 'ListObjects', perform: listObjectsV1, on: 'bucket', method: 'GET' },
  { name: 'HeadBucket', perform: headBucket, on: 'bucket', method: 'HEAD' },
  { name: 'PutBucket', perform: putBucket, on: 'bucket', method: 'PUT' },
  { name: 'DeleteBucket', perform: deleteBucket, on: 'bucket', method: 'DELETE' },
  { name: 'DeleteMultipleObjects', perform: deleteObjects, on: 'bucket', method: 'POST', needs: ['delete'] },
  { name: 'UploadPart', perform: uploadPart, on: 'object', method: 'PUT', needs: ['partNumber', 'uploadId'], copies: false },
  { name: 'CopyObject', perform: copyObject, on: 'object', method: 'PUT', lacks: ['partNumber', 'uploadId'], copies: true },
  { name: 'PutObject', perform: putObject, on: 'object', method: 'PUT', lacks: ['partNumber', 'uploadId'] },
  { name: 'InitiateMultipartUpload', perform: initiateUpload, on: 'object', method: 'POST', needs: ['uploads'] },
  { name: 'CompleteMultipartUpload', perform: completeUpload, on: 'object', method: 'POST', needs: ['uploadId'] },
  { name: 'AbortMultipartUpload', perform: abortUpload, on: 'object', method: 'DELETE', needs: ['uploadId'] },
  { name: 'DeleteObject', perform: deleteObject, on: 'object', method: 'DELETE' },
  { name: 'ListParts', perform: listParts, on: 'object', method: 'GET', needs: ['uploadId'] },
  { name: 'GetObject', perform: getObject, on: 'object', method: 'GET' },
  { name: 'GetObjectMeta', perform: getObjectMeta, on: 'object', method: 'HEAD', needs: ['objectMeta'] },
  { name: 'HeadObject', perform: headObject, on: 'object', method: 'HEAD' },
];

/** Parameters that change what a request means and that are served by no route: ignoring them would answer another question. */
const UNSERVED = `acl append asyncFetch cors encryption inventory lifecycle logging metaQuery objectInfo policy qosInfo referer replication
  requestPayment resourceGroup restore select seal symlink tagging transferAcceleration versionId versioning versions website worm
  x-oss-process`.split(/\s+/u);

/** What a request asks for. */
export function routeOf(shape: Shape): Pick<Route, 'name' | 'perform'> {
  const unserved = UNSERVED.find((name) => shape.query.has(name));
  const route = unserved === undefined ? ROUTES.find((each) => fits(each, shape)) : undefined;
  return route ?? { name: 'Unknown', perform: () => { throw notImplemented(unserved ?? `${shape.method} with these parameters`); } };
}

function fits({ on, method, needs = [], lacks = [], copies }: Route, shape: Shape): boolean {
  const level = shape.bucket === '' ? 'service' : shape.key === '' ? 'bucket' : 'object';
  const parameters = needs.every((name) => shape.query.has(name)) && !lacks.some((name) => shape.query.has(name));
  return on === level && method === shape.method && parameters && (copies ?? shape.copies) === shape.copies;
}
