import { createRequire } from 'node:module';
import type { Credentials } from '../run/options.js';
import type { Endpoint } from './endpoint.js';
import type { OssRequest } from './oss-wire.js';
import { V4Signer, type Signable } from './signing.js';
import type { TransportArguments } from './transport.js';

const require = createRequire(import.meta.url);
// Not imported: the package ships TypeScript beside them that does not compile here.
const initOptions = require('ali-oss/lib/common/client/initOptions.js') as (options: object) => Record<string, unknown>;
const { createRequest } = require('ali-oss/lib/common/utils/createRequest.js') as {
  readonly createRequest: (this: object, params: object) => { readonly url: string; readonly params: TransportArguments };
};
const { version } = require('ali-oss/package.json') as { readonly version: string };

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

/**
 * Where ali-oss builds and signs requests. The rest of it is left out, because our transport sends them: its index loads
 * two hundred modules more, an HTTP client of its own among them, and every worker thread would pay for them.
 */
export class AliOssRequests {
  readonly #bucket: string;
  readonly #signer: V4Signer;
  /** ali-oss reads it as `this.options`. */
  readonly options: Record<string, unknown>;
  /** Sent when it names `nodejs`. */
  readonly userAgent = `aliyun-sdk-nodejs/${version} sealift Node.js ${process.versions.node} on ${process.platform} ${process.arch}`;

  constructor(bucket: string, endpoint: Endpoint) {
    this.#bucket = bucket;
    this.#signer = new V4Signer(endpoint.region);
    this.options = initOptions({
      // Set again before each request; it insists on some.
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
  }

  /** The signed request. Synchronous, so that concurrent ones cannot mix their credentials. */
  build(request: OssRequest, { credentials, object }: RequestScene): BuiltRequest {
    const { accessKeyId, accessKeySecret, securityToken } = credentials;
    Object.assign(this.options, { accessKeyId, accessKeySecret, stsToken: securityToken === '' ? undefined : securityToken });
    const { url, params } = createRequest.call(this, {
      method: request.method,
      bucket: this.#bucket,
      object: request.key ?? '',
      subres: request.query,
      headers: request.headers,
      content: request.body,
      disabledMD5: request.withMd5 !== true,
      customResponse: request.expects === 'stream',
      ctx: { object, signal: request.signal },
    });
    return { url, args: params };
  }

  /** Called by ali-oss; the same signature at a fraction of its cost. */
  authorizationV4(method: string, { headers, queries }: Pick<Signable, 'headers' | 'queries'>, bucket: string, object: string): string {
    return this.#signer.authorization({ method, headers, queries, bucket, object }, this.options as unknown as Credentials);
  }

  /** Called by ali-oss: an object name as a path. */
  _escape(name: string): string {
    return encodeURIComponent(name).replaceAll('%2F', '/');
  }
}
