import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { MAX_CLOCK_SKEW_MS } from '../limits.js';
import type { AccessKey, AccessKeys } from './access.js';
import { invalidArgument, OssError } from './oss-error.js';
import type { Query } from './query.js';

/** What a signature covers. Header values are as Node reads them: one character per byte. */
export interface SignedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: Query;
}

export interface Resource {
  readonly bucket: string;
  readonly key: string;
}

export interface Verifier {
  readonly access: AccessKeys;
  readonly region: string;
  readonly now: () => number;
}

interface Authorization {
  readonly accessKeyId: string;
  readonly signature: string;
  /** Milliseconds since the epoch at which the client says it signed. */
  readonly signedAtMs: number;
  /** What was signed if the request means this resource, and what a refusal shows the client of it. */
  readonly attempt: (secret: string, resource: Resource) => { readonly expected: string; readonly shown: Readonly<Record<string, string>> };
}

/** Query parameters that V1 signs; all others it leaves out. */
const V1_SUBRESOURCES = new Set(
  `acl append asyncFetch bucketInfo callback callback-var cname comp continuation-token cors delete encryption endTime img inventory
  inventoryId lifecycle link live location logging metaQuery objectInfo objectMeta partNumber policy position qos qosInfo referer
  replication replicationLocation replicationProgress requestPayment response-cache-control response-content-disposition
  response-content-encoding response-content-language response-content-type response-expires resourceGroup restore security-token
  sequential startTime stat status style styleName symlink tagging transferAcceleration uploadId uploads versionId versioning versions
  vod website worm wormExtend wormId x-oss-ac-forward-allow x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-process
  x-oss-request-payer x-oss-traffic-limit`.split(/\s+/u),
);

/**
 * Checks date, access key, token and signature, V1 or V4, and says which of the resources was meant: some clients send the
 * bucket in the path and in the host, and only the signature tells which of the two they signed.
 *
 * @throws OssError with the code that OSS uses for the first thing that is wrong
 */
export function verifyOssSignature<T extends Resource>(request: SignedRequest, candidates: readonly T[], verifier: Verifier): T {
  const authorization = parseAuthorization(request, verifier.region);
  if (!(Math.abs(verifier.now() - authorization.signedAtMs) <= MAX_CLOCK_SKEW_MS)) {
    throw new OssError(403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.', {
      ec: '0002-00000504',
      more: { ServerTime: new Date(verifier.now()).toISOString() },
    });
  }
  const key = findKey(authorization.accessKeyId, request.headers['x-oss-security-token'], verifier);
  const attempts = candidates.map((candidate) => ({ candidate, ...authorization.attempt(key.secret, candidate) }));
  const match = attempts.find(({ expected }) => equal(expected, authorization.signature));
  if (match === undefined) {
    throw mismatch(authorization, attempts[0]?.shown ?? {});
  }
  return match.candidate;
}

/** The access key id that a request names, unverified; empty if there is none. */
export function accessKeyIdOf(authorization: string | undefined): string {
  return /(?:Credential=|^OSS )([^/:,\s]+)/u.exec(authorization ?? '')?.[1] ?? '';
}

/** RFC 3986: encodeURIComponent and the five characters that it leaves alone. */
export function uriEncode(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/gu, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Compares in constant time. */
export function equal(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function findKey(id: string, token: string | string[] | undefined, { access, now }: Verifier): AccessKey {
  const key = access.find(id);
  if (key === undefined) {
    throw new OssError(403, 'InvalidAccessKeyId', 'The OSS Access Key Id you provided does not exist in our records.', {
      ec: '0002-00000902',
      more: { OSSAccessKeyId: id },
    });
  }
  if (token !== key.securityToken) {
    throw new OssError(403, 'InvalidSecurityToken', 'The security token you provided is invalid.', { ec: '0002-00000041' });
  }
  if (key.expiresAtMs !== undefined && now() >= key.expiresAtMs) {
    throw new OssError(403, 'SecurityTokenExpired', 'The security token you provided has expired.', { ec: '0002-00000042' });
  }
  return key;
}

function mismatch(authorization: Authorization, shown: Readonly<Record<string, string>>): OssError {
  const message = 'The request signature we calculated does not match the signature you provided. Check your key and signing method.';
  return new OssError(403, 'SignatureDoesNotMatch', message, {
    ec: '0002-00000040',
    more: { OSSAccessKeyId: authorization.accessKeyId, SignatureProvided: authorization.signature, ...shown },
  });
}

function parseAuthorization(request: SignedRequest, region: string): Authorization {
  const header = request.headers.authorization;
  if (header === undefined) {
    throw new OssError(403, 'AccessDenied', 'Anonymous access is forbidden for this operation.', { ec: '0003-00000001' });
  }
  const v4 = /^OSS4-HMAC-SHA256\s+(.+)$/u.exec(header)?.[1];
  if (v4 !== undefined) {
    return parseV4(request, v4, region);
  }
  const [, accessKeyId, signature] = /^OSS ([^:\s]+):(\S+)$/u.exec(header) ?? [];
  if (accessKeyId === undefined || signature === undefined) {
    throw invalidArgument('Authorization header is invalid.', '0002-00000102');
  }
  const date = single(request.headers['x-oss-date']) ?? request.headers.date ?? '';
  return { accessKeyId, signature, signedAtMs: Date.parse(date), attempt: (secret, resource) => signV1(request, { secret, date, resource }) };
}

function signV1(request: SignedRequest, { secret, date, resource }: { secret: string; date: string; resource: Resource }) {
  const { headers, method } = request;
  const ossHeaders = Object.keys(headers).filter((name) => name.startsWith('x-oss-')).sort();
  const StringToSign = [
    method,
    single(headers['content-md5']) ?? '',
    headers['content-type'] ?? '',
    date,
    ...ossHeaders.map((name) => `${name}:${trimmed(headers[name])}`),
    v1Resource(request.query, resource),
  ].join('\n');
  return { expected: createHmac('sha1', secret).update(StringToSign, 'latin1').digest('base64'), shown: { StringToSign } };
}

/** The resource in the raw: one character per UTF-8 byte, as the headers are. */
function v1Resource(query: Query, { bucket, key }: Resource): string {
  const path = bucket === '' ? '/' : `/${bucket}/${key}`;
  const signed = query.pairs
    .filter(([name]) => V1_SUBRESOURCES.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  return Buffer.from(signed.length === 0 ? path : `${path}?${signed.join('&')}`).toString('latin1');
}

function parseV4(request: SignedRequest, fields: string, serverRegion: string): Authorization {
  const named = new Map(fields.split(/,\s*/u).map((field): [string, string] => split(field, '=')));
  const [accessKeyId = '', day = '', region = '', product = '', kind = ''] = (named.get('Credential') ?? '').split('/');
  const signature = named.get('Signature') ?? '';
  if (accessKeyId === '' || signature === '' || product !== 'oss' || kind !== 'aliyun_v4_request') {
    throw invalidArgument('Authorization header is invalid.', '0002-00000102');
  }
  if (region !== serverRegion) {
    throw new OssError(403, 'SignatureDoesNotMatch', `Invalid signing region in Authorization header: this is ${serverRegion}.`, { ec: '0002-00000223' });
  }
  if (request.headers['x-oss-content-sha256'] !== 'UNSIGNED-PAYLOAD') {
    throw invalidArgument('Invalid x-oss-content-sha256, must be UNSIGNED-PAYLOAD.', '0002-00000225');
  }
  const date = single(request.headers['x-oss-date']) ?? '';
  if (!date.startsWith(day)) {
    throw invalidArgument('Invalid signing date in Authorization header.', '0002-00000222');
  }
  const additional = (named.get('AdditionalHeaders') ?? '').split(';').filter((name) => name !== '');
  return {
    accessKeyId,
    signature,
    signedAtMs: parseBasicDate(date),
    attempt: (secret, resource) => {
      const canonicalRequest = canonicalV4(request, resource, additional);
      const hashed = createHash('sha256').update(canonicalRequest, 'latin1').digest('hex');
      const stringToSign = ['OSS4-HMAC-SHA256', date, `${day}/${region}/oss/aliyun_v4_request`, hashed].join('\n');
      const expected = createHmac('sha256', signingKey(secret, day, region)).update(stringToSign).digest('hex');
      return { expected, shown: { StringToSign: stringToSign, CanonicalRequest: canonicalRequest } };
    },
  };
}

function canonicalV4({ method, headers, query }: SignedRequest, { bucket, key }: Resource, additional: readonly string[]): string {
  const path = bucket === '' ? '/' : `/${bucket}/${key}`;
  const signedQuery = query.pairs
    .map(([name, value]): [string, string] => [uriEncode(name), uriEncode(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const listed = new Set(additional);
  const signedHeaders = Object.keys(headers)
    .filter((name) => name === 'content-type' || name === 'content-md5' || name.startsWith('x-oss-') || listed.has(name))
    .sort();
  return [
    method,
    uriEncode(path).replaceAll('%2F', '/'),
    signedQuery.join('&'),
    signedHeaders.map((name) => `${name}:${trimmed(headers[name])}\n`).join(''),
    additional.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
}

let cachedScope = '';
let cachedKey: Buffer = Buffer.alloc(0);

/** The key is the same for a day, a region and a secret; deriving it costs more than the signature itself. */
function signingKey(secret: string, day: string, region: string): Buffer {
  const scope = `${day}/${region}/${secret}`;
  if (scope !== cachedScope) {
    cachedKey = [day, region, 'oss', 'aliyun_v4_request'].reduce(
      (key, message) => createHmac('sha256', key).update(message).digest(),
      Buffer.from(`aliyun_v4${secret}`),
    );
    cachedScope = scope;
  }
  return cachedKey;
}

/** `20261123T070610Z` in milliseconds since the epoch, or NaN. */
function parseBasicDate(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u, '$1-$2-$3T$4:$5:$6Z'));
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function trimmed(value: string | string[] | undefined): string {
  return (single(value) ?? '').trim();
}
