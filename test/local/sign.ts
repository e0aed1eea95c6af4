/** Signs requests by the recipes of the wire description, on its own: nothing here comes from src/local. */
import { createHash, createHmac } from 'node:crypto';

export interface Request {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** Names and values, unencoded. */
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent instead of a plain path-style target. */
  readonly target?: string;
  readonly host?: string;
}

export interface Signer {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly region?: string;
  readonly date?: Date;
  readonly additional?: readonly string[];
}

/** The bytes of a V4-signed request that asks the server to close the connection. */
export function requestV4(request: Request, signer: Signer): string {
  const { region = 'cn-hangzhou', date = new Date(), additional = [] } = signer;
  const stamp = date.toISOString().replace(/[-:]|\.\d+/gu, '');
  const headers: Record<string, string> = { 'x-oss-date': stamp, 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD', host: request.host ?? '127.0.0.1', ...request.headers };
  const signed = Object.keys(headers).filter((name) => name === 'content-type' || name === 'content-md5' || name.startsWith('x-oss-') || additional.includes(name)).sort();
  const canonical = [
    request.method,
    encode(`/${request.bucket === '' ? '' : `${request.bucket}/`}${request.key}`).replaceAll('%2F', '/'),
    queryOf(request),
    signed.map((name) => `${name}:${headers[name] ?? ''}\n`).join(''),
    additional.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const scope = `${stamp.slice(0, 8)}/${region}/oss/aliyun_v4_request`;
  const key = [stamp.slice(0, 8), region, 'oss', 'aliyun_v4_request'].reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`aliyun_v4${signer.accessKeySecret}`));
  const signature = hmac(key, ['OSS4-HMAC-SHA256', stamp, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')).toString('hex');
  const extra = additional.length === 0 ? '' : `AdditionalHeaders=${additional.join(';')},`;
  return write(request, { ...headers, authorization: `OSS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope},${extra}Signature=${signature}` });
}

/** The same by V1, dated with `date` as foreign SDKs do. `signedQuery` are the sub-resources in the canonical form. */
export function requestV1(request: Request, signer: Signer, signedQuery = ''): string {
  const date = (signer.date ?? new Date()).toUTCString();
  const headers: Record<string, string> = { date, host: request.host ?? '127.0.0.1', ...request.headers };
  const oss = Object.keys(headers).filter((name) => name.startsWith('x-oss-')).sort();
  const text = [
    request.method,
    headers['content-md5'] ?? '',
    headers['content-type'] ?? '',
    date,
    ...oss.map((name) => `${name}:${headers[name] ?? ''}`),
    `/${request.bucket}/${request.key}${signedQuery === '' ? '' : `?${signedQuery}`}`,
  ].join('\n');
  const signature = createHmac('sha1', signer.accessKeySecret).update(text).digest('base64');
  return write(request, { ...headers, authorization: `OSS ${signer.accessKeyId}:${signature}` });
}

function write(request: Request, headers: Readonly<Record<string, string>>): string {
  const { method, bucket, key, body = '' } = request;
  const query = queryOf(request);
  const target = request.target ?? `/${bucket}/${encode(key).replaceAll('%2F', '/')}${query === '' ? '' : `?${query}`}`;
  const length = body === '' || 'transfer-encoding' in headers ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries({ ...headers, ...length, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

function queryOf({ query = [] }: Request): string {
  return query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/gu, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
