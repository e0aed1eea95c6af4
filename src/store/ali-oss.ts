import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { stringify } from 'node:querystring';
import type { Credentials } from '../run/options.js';
import type { Endpoint } from './endpoint.js';
import type { OssRequest } from './oss-wire.js';
import { isLiteral, V4Signer, type Signable } from './signing.js';
import type { TransportArguments } from './transport.js';

const require = createRequire(import.meta.url);
// Not imported: the package ships TypeScript beside them that does not compile here.
const initOptions = require('ali-oss/lib/common/client/initOptions.js') as (options: object) => Record<string, unknown>;
const { createRequest } = require('ali-oss/lib/common/utils/createRequest.js') as {
  readonly createRequest: (this: object, params: object) => { readonly params: { readonly headers: Readonly<Record<string, string>> } };
};
const { version } = require('ali-oss/package.json') as { readonly version: string };

const NO_QUERIES: Signable['queries'] = {};

/** A request as it goes to the transport. */
export interface BuiltRequest {
  readonly url: string;
  readonly args: TransportArguments;
}

/** What a request is made from besides itself. */
export interface RequestScene {
  readonly credentials: Credentials;
  /** Of the object or bucket, for messages of the transport. */
  readonly object: string;
}

/** Headers that requests of one second share. */
interface Commons {
  /** Of `x-oss-date`. */
  readonly time: string;
  /** Names and values in turn. */
  readonly list: readonly string[];
}

/**
 * Where ali-oss builds and signs requests. The rest of it is left out, because our transport sends them: its index loads
 * two hundred modules more, an HTTP client of its own among them, and every worker thread would pay for them.
 */
export class AliOssRequests {
  readonly #bucket: string;
  readonly #signer: V4Signer;
  /** By the extension of the key; of one second. */
  readonly #commons = new Map<string, Commons>();
  /** Of all URLs. */
  readonly #base: string;
  #second = 0;
  /** ali-oss reads it as `this.options`. */
  readonly options: Record<string, unknown>;
  /** Sent when it names `nodejs`. */
  readonly userAgent = `aliyun-sdk-nodejs/${version} sealift Node.js ${process.versions.node} on ${process.platform} ${process.arch}`;

  constructor(bucket: string, endpoint: Endpoint) {
    this.#bucket = bucket;
    this.#signer = new V4Signer(endpoint.region);
    this.#base = endpoint.pathStyle ? `${endpoint.origin}/${bucket}/` : `${endpoint.origin}/`;
    this.options = initOptions({
      // It insists on some; our signer is told those of the request.
      accessKeyId: 'none',
      accessKeySecret: 'none',
      bucket,
      region: endpoint.region,
      authorizationV4: true,
      // Only the path of its URLs is used. It takes no IPv6 address, and for IPv4 it invents a Host.
      endpoint: endpoint.pathStyle ? 'http://localhost' : endpoint.origin,
      sldEnable: endpoint.pathStyle,
      cname: !endpoint.pathStyle,
    });
  }

  /** Requests are dated by the clock of the server, which is so much ahead of ours, in milliseconds. */
  correctClock(offsetMs: number): void {
    this.options['amendTimeSkewed'] = offsetMs;
    this.#commons.clear();
  }

  /** The signed request. Synchronous, so that concurrent ones cannot mix their credentials. */
  build(request: OssRequest, { credentials, object }: RequestScene): BuiltRequest {
    const { method, key = '', query, body, signal } = request;
    const { time, list } = this.#commonHeaders(request, credentials.securityToken ?? '');
    const headers = [...list];
    appendOwn(headers, request);
    headers.push('authorization', this.#signer.authorization({ method, time, headers, queries: bareNames(query), bucket: this.#bucket, object: key }, credentials));
    const search = query === undefined ? '' : stringify(query);
    const url = `${this.#base}${this._escape(key)}${search === '' ? '' : `?${search}`}`;
    return { url, args: { method, headers, content: body, customResponse: request.expects === 'stream', ctx: { object, signal } } };
  }

  /**
   * What ali-oss sends with every request: date, user agent, token, and a type where the request has none, which depends on
   * the extension of the key. Asked for once in a second, because making the date alone takes longer than a signature.
   */
  #commonHeaders({ key = '', headers }: OssRequest, token: string): Commons {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second || token !== this.options['stsToken']) {
      this.#second = second;
      this.options['stsToken'] = token;
      this.#commons.clear();
    }
    const extension = headers?.['content-type'] === undefined ? extname(key) : '';
    const known = this.#commons.get(extension);
    if (known !== undefined) {
      return known;
    }
    const { params } = createRequest.call(this, { method: 'GET', bucket: this.#bucket, object: `object${extension}` });
    const list = Object.entries(params.headers).filter(([name]) => name !== 'authorization').flat();
    const commons = { time: params.headers['x-oss-date'] ?? '', list };
    this.#commons.set(extension, commons);
    return commons;
  }

  /** Called by ali-oss, for a request that is not sent. */
  authorizationV4(): string {
    return '';
  }

  /** Called by ali-oss: an object name as a path. */
  _escape(name: string): string {
    return isLiteral(name) ? name : encodeURIComponent(name).replaceAll('%2F', '/');
  }
}

/** A list, because an object of so many headers becomes a hash table that is rebuilt with every fourth of them. */
function appendOwn(list: string[], { headers = {}, metadata = {}, body, withMd5 }: OssRequest): void {
  append(list, headers);
  append(list, metadata);
  if (body === undefined) {
    return;
  }
  list.push('Content-Length', String(body.length));
  if (withMd5 === true) {
    list.push('Content-MD5', createHash('md5').update(body).digest('base64'));
  }
}

function append(list: string[], headers: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(headers)) {
    list.push(name, headers[name] ?? '');
  }
}

function bareNames(query: OssRequest['query']): Signable['queries'] {
  return query === undefined ? NO_QUERIES : Object.fromEntries(Object.entries(query).map(([name, value]) => [name, value === '' ? null : value]));
}
