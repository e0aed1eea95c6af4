import { invalidArgument, OssError } from './oss-error.js';
import { parseQuery, type Query } from './query.js';
import type { Resource } from './signature.js';

export interface Target {
  /** What the request may mean: one resource, or two when path and host both name the bucket. */
  readonly candidates: readonly [Resource, ...Resource[]];
  readonly query: Query;
}

/** Takes bucket and key from path style (`/bucket/key`) and host style (`bucket.localhost`, `bucket.oss-….aliyuncs.com`). */
export function parseTarget(url: string, host: string | undefined): Target {
  const at = url.indexOf('?');
  const query = decodeOr(() => parseQuery(at < 0 ? '' : url.slice(at + 1)), () => invalidArgument('The query is not encoded as UTF-8.'));
  const path = decodeOr(() => decodeURIComponent(at < 0 ? url : url.slice(0, at)), invalidName).replace(/^\//u, '');
  const pathStyle = splitPath(path);
  const hostBucket = bucketOfHost(host);
  if (hostBucket === undefined) {
    return { candidates: [pathStyle], query };
  }
  const hostStyle = { bucket: hostBucket, key: path };
  return { candidates: pathStyle.bucket === hostBucket ? [hostStyle, pathStyle] : [hostStyle], query };
}

/** @throws OssError when OSS would not take this as the name of an object */
export function checkObjectName(key: string, maxBytes: number): void {
  if (Buffer.byteLength(key) > maxBytes) {
    throw new OssError(400, 'InvalidObjectName', 'The length of object name must be less than 1024.', { ec: '0016-00000005' });
  }
  if (key.startsWith('/') || key.startsWith('\\')) {
    throw invalidName();
  }
}

function invalidName(): OssError {
  return new OssError(400, 'InvalidObjectName', 'The specified object is not valid.', { ec: '0016-00000002' });
}

function splitPath(path: string): Resource {
  const slash = path.indexOf('/');
  return slash < 0 ? { bucket: path, key: '' } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

function bucketOfHost(host = ''): string | undefined {
  const name = host.toLowerCase().replace(/:\d+$/u, '');
  return /^(.+)\.(?:localhost|oss[-a-z0-9]*\.aliyuncs\.com)$/u.exec(name)?.[1];
}

function decodeOr<T>(decode: () => T, otherwise: () => OssError): T {
  try {
    return decode();
  } catch {
    throw otherwise();
  }
}
