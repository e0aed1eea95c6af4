import type { StoreError } from '../errors.js';
import type { Credentials } from '../run/options.js';
import { fixedCredentials } from './credentials.js';
import type { CredentialsProvider } from './credentials.js';
import { refuseUnverifiedTls, resolveEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { refusalError } from './oss-errors.js';
import type { ErrorDocument } from './oss-errors.js';
import { objectCalls } from './oss-objects.js';
import { uploadCalls } from './oss-uploads.js';
import { headerOf, nonsense, textOf } from './oss-wire.js';
import type { OssAnswer, OssRequest, Send } from './oss-wire.js';
import { V4Signer } from './signing.js';
import type { Signable } from './signing.js';
import type { ObjectStore } from './store.js';
import type { HttpAnswer } from './transport-exchange.js';
import type { Transport, TransportArguments, TransportOptions } from './transport.js';

/** Plain data: crosses to worker threads. */
export interface OssConfig {
  readonly bucket: string;
  /** Region id such as `cn-hangzhou`; signs requests, for custom endpoints too. */
  readonly region: string;
  /** @default made from the region */
  readonly endpoint?: string | undefined;
  /** @default false */
  readonly internal?: boolean | undefined;
  readonly credentials: Credentials;
  /** Connections at most, and so requests in flight. */
  readonly connections: number;
  /** PEM text of certificate authorities trusted besides Node's own. */
  readonly caCertificates?: string | undefined;
  /** Value of NODE_TLS_REJECT_UNAUTHORIZED: the store refuses to open when it is `0`. */
  readonly tlsRejectUnauthorized?: string | undefined;
}

export interface OssPorts {
  /** @default the credentials of the config, for ever */
  readonly credentials?: CredentialsProvider;
  /** Told when the clock had to be corrected. */
  readonly onNotice?: (message: string) => void;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
  /** What sends the requests. @default createTransport */
  readonly openTransport?: (options: TransportOptions) => Transport;
}

/** What ali-oss calls its private request: everything it does goes through it. It builds and signs; `urllib` sends. */
interface AliOss {
  readonly options: { accessKeyId: string; accessKeySecret: string; stsToken?: string | undefined; amendTimeSkewed?: number };
  request(params: Readonly<Record<string, unknown>>): Promise<Settled>;
  parseXML(text: string): Promise<unknown>;
  authorizationV4: (method: string, request: Pick<Signable, 'headers' | 'queries'>, bucket: string, object: string) => string;
}

/** ali-oss replaces errors by its own, which carry the request body; so it only ever sees successes. */
type Settled = { readonly answer: HttpAnswer } | { readonly failure: unknown };

/**
 * One bucket of OSS. No retries beyond one after a corrected clock or renewed credentials: wrap it in `withRetry`.
 * Throws `config-invalid` or `credentials-missing` for what can be seen without a request.
 */
export async function createOssStore(config: OssConfig, ports: OssPorts = {}): Promise<ObjectStore> {
  refuseUnverifiedTls(config.tlsRejectUnauthorized);
  const endpoint = resolveEndpoint(config);
  const credentials = ports.credentials ?? fixedCredentials(config.credentials);
  // Loaded on first use: the two take longer than a whole small command.
  const [{ default: Client }, { createTransport }] = await Promise.all([import('ali-oss'), import('./transport.js')]);
  const { connections, caCertificates } = config;
  const transport = (ports.openTransport ?? createTransport)({ origin: endpoint.origin, connections, caCertificates });
  const client = new (Client as unknown as new (options: unknown) => AliOss)(clientOptions(config, endpoint, transport));
  const signer = new V4Signer(endpoint.region);
  client.authorizationV4 = (method, request, bucket, object) => signer.authorization({ method, ...request, bucket, object }, client.options);
  const send = new Sender({ client, bucket: config.bucket, credentials, ports }).send;
  return { ...objectCalls(send), ...uploadCalls(send), close: () => transport.close() };
}

function clientOptions(config: OssConfig, endpoint: Endpoint, transport: Transport): Record<string, unknown> {
  const urllib = {
    request: (url: string, args: TransportArguments): Promise<Settled> =>
      transport.request(url, args).then((answer) => ({ answer }), (failure: unknown) => ({ failure })),
  };
  return {
    // Set again before each request; it insists on some. A token given here would make it print a warning.
    accessKeyId: config.credentials.accessKeyId,
    accessKeySecret: config.credentials.accessKeySecret,
    bucket: config.bucket,
    region: endpoint.region,
    authorizationV4: true,
    // Only the path of its URLs is used. It takes no IPv6 address, and for IPv4 it invents a Host.
    endpoint: endpoint.pathStyle ? 'http://localhost' : endpoint.origin,
    sldEnable: endpoint.pathStyle,
    cname: !endpoint.pathStyle,
    urllib,
  };
}

interface SenderParts {
  readonly client: AliOss;
  readonly bucket: string;
  readonly credentials: CredentialsProvider;
  readonly ports: OssPorts;
}

class Sender {
  readonly #parts: SenderParts;
  readonly #now: () => number;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#now = parts.ports.now ?? Date.now;
  }

  readonly send: Send = async (request) => {
    const credentials = await this.#parts.credentials();
    const answer = await this.#exchange(request, credentials);
    if (isSuccess(answer)) {
      return this.#accepted(request, answer);
    }
    const renewed = await this.#secondChance(await this.#errorDocument(answer), answer, credentials);
    const last = renewed === undefined ? answer : await this.#exchange(request, renewed);
    if (isSuccess(last)) {
      return this.#accepted(request, last);
    }
    throw await this.#refusal(request, last, renewed ?? credentials);
  };

  async #exchange(request: OssRequest, credentials: Credentials): Promise<HttpAnswer> {
    const { client, bucket } = this.#parts;
    const { accessKeyId, accessKeySecret, securityToken } = credentials;
    // ali-oss signs before it yields, so concurrent requests cannot mix their credentials.
    Object.assign(client.options, { accessKeyId, accessKeySecret, stsToken: securityToken === '' ? undefined : securityToken });
    const settled = await client.request({
      method: request.method,
      bucket,
      object: request.key ?? '',
      subres: request.query,
      headers: request.headers,
      content: request.body,
      disabledMD5: request.withMd5 !== true,
      customResponse: request.expects === 'stream',
      ctx: { object: this.#nameOf(request), signal: request.signal },
    });
    if ('failure' in settled) {
      throw settled.failure;
    }
    return settled.answer;
  }

  async #accepted(request: OssRequest, { status, headers, data, body }: HttpAnswer): Promise<OssAnswer> {
    const object = this.#nameOf(request);
    if (request.expects !== 'xml') {
      return { object, status, headers, document: undefined, body };
    }
    const document = await this.#parse(data.toString());
    if (document === undefined || textOf(document, 'Code') !== undefined) {
      throw nonsense({ object, status }, 'a success came without its XML document');
    }
    return { object, status, headers, document, body };
  }

  /** Credentials for one more attempt when the cause of the refusal could be removed. */
  async #secondChance(document: ErrorDocument, answer: HttpAnswer, refused: Credentials): Promise<Credentials | undefined> {
    if (document.code === 'RequestTimeTooSkewed') {
      return this.#correctClock(answer) ? refused : undefined;
    }
    if (document.code === 'SecurityTokenExpired' || document.code === 'InvalidSecurityToken') {
      const renewed = await this.#parts.credentials(refused);
      return renewed === refused ? undefined : renewed;
    }
    return undefined;
  }

  #correctClock({ headers }: HttpAnswer): boolean {
    const serverTime = Date.parse(headerOf(headers, 'date') ?? '');
    if (Number.isNaN(serverTime)) {
      return false;
    }
    const offsetMs = serverTime - this.#now();
    this.#parts.client.options.amendTimeSkewed = offsetMs;
    const minutes = Math.round(Math.abs(offsetMs) / 60_000);
    this.#parts.ports.onNotice?.(`the clock of this machine is ${minutes} minutes ${offsetMs > 0 ? 'slow' : 'fast'}; requests are dated by the server's`);
    return true;
  }

  async #refusal(request: OssRequest, answer: HttpAnswer, credentials: Credentials): Promise<StoreError> {
    const { status, headers } = answer;
    const { accessKeyId, accessKeySecret, securityToken } = credentials;
    const secrets = [accessKeySecret, securityToken ?? '', accessKeyId];
    const document = await this.#errorDocument(answer);
    return refusalError({ object: this.#nameOf(request), status, headers, document, secrets, now: this.#now() });
  }

  /** The error document; of HEAD it comes in a header. Empty when there is none or it is no XML. */
  async #errorDocument({ headers, data }: HttpAnswer): Promise<ErrorDocument> {
    const encoded = headerOf(headers, 'x-oss-err');
    const text = data.length === 0 && encoded !== undefined ? Buffer.from(encoded, 'base64').toString() : data.toString();
    const document = text.trimStart().startsWith('<') ? await this.#parse(text) : undefined;
    return {
      code: textOf(document, 'Code'),
      message: textOf(document, 'Message'),
      requestId: textOf(document, 'RequestId'),
      endpoint: textOf(document, 'Endpoint'),
    };
  }

  async #parse(text: string): Promise<unknown> {
    try {
      const document = await this.#parts.client.parseXML(text);
      return typeof document === 'object' && document !== null ? document : undefined;
    } catch {
      return undefined;
    }
  }

  #nameOf({ key }: OssRequest): string {
    return key === undefined ? `oss://${this.#parts.bucket}` : `oss://${this.#parts.bucket}/${key}`;
  }
}

function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}
