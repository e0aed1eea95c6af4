import type { StoreError } from '../errors.js';
import type { Credentials } from '../run/options.js';
import type { Bandwidth } from './bandwidth.js';
import { fixedCredentials } from './credentials.js';
import type { CredentialsProvider } from './credentials.js';
import type { AliOssRequests } from './ali-oss.js';
import { resolveEndpoint, type Endpoint } from './endpoint.js';
import { refusalError } from './oss-errors.js';
import type { ErrorDocument } from './oss-errors.js';
import { objectCalls } from './oss-objects.js';
import { uploadCalls } from './oss-uploads.js';
import { headerOf, nonsense, textOf } from './oss-wire.js';
import type { OssAnswer, OssRequest, Send } from './oss-wire.js';
import type { ObjectStore } from './store.js';
import type { HttpAnswer } from './transport-exchange.js';
import type { Transport, TransportOptions } from './transport.js';

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
  /** `http://[user:password@]host[:port]` of an HTTP proxy. @default none */
  readonly proxy?: string | undefined;
}

export interface OssPorts {
  /** @default the credentials of the config, for ever */
  readonly credentials?: CredentialsProvider;
  /** What object bodies keep to. @default no limit */
  readonly bandwidth?: Bandwidth | undefined;
  /** Told when the clock had to be corrected. */
  readonly onNotice?: (message: string) => void;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
  /** What sends the requests. @default createTransport */
  readonly openTransport?: (options: TransportOptions) => Transport;
}

/**
 * One bucket of OSS. No retries beyond one after a corrected clock or renewed credentials: wrap it in `withRetry`.
 * Throws `config-invalid` or `credentials-missing` for what can be seen without a request.
 */
export async function createOssStore(config: OssConfig, ports: OssPorts = {}): Promise<ObjectStore> {
  const { store, load } = openOssStore(config, ports);
  await load();
  return store;
}

/** What {@link openOssStore} returns. */
export interface OpenedStore {
  readonly store: ObjectStore;
  /** Loads what the first request would load. Rejects, as every request would, where the store cannot be used. */
  readonly load: () => Promise<void>;
}

/** The same at once. What sends requests is loaded with the first one: it takes longer than a whole small command. */
export function openOssStore(config: OssConfig, ports: OssPorts = {}): OpenedStore {
  const endpoint = resolveEndpoint(config);
  const credentials = ports.credentials ?? fixedCredentials(config.credentials);
  let opened: Promise<Sender> | undefined;
  const open = (): Promise<Sender> => (opened ??= openSender(config, { endpoint, credentials, ports }));
  const send: Send = async (request) => await (await open()).send(request);
  const close = async (): Promise<void> => await opened?.then((sender) => sender.close(), () => undefined);
  return { store: { ...objectCalls(send, config.bucket), ...uploadCalls(send), close }, load: async () => { await open(); } };
}

type SenderScene = Pick<SenderParts, 'credentials' | 'ports'> & { readonly endpoint: Endpoint };

async function openSender({ bucket, connections, caCertificates, proxy }: OssConfig, { endpoint, credentials, ports }: SenderScene): Promise<Sender> {
  // The parser too, before sockets take every descriptor.
  const [{ AliOssRequests }, { createTransport }, { parseXml }] = await Promise.all([import('./ali-oss.js'), import('./transport.js'), import('./xml.js')]);
  const transport = (ports.openTransport ?? createTransport)({ origin: endpoint.origin, connections, caCertificates, proxy, bandwidth: ports.bandwidth });
  return new Sender({ requests: new AliOssRequests(bucket, endpoint), parseXml, transport, bucket, credentials, ports });
}

interface SenderParts {
  readonly requests: AliOssRequests;
  readonly parseXml: (text: string) => Promise<unknown>;
  readonly transport: Transport;
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

  async close(): Promise<void> {
    await this.#parts.transport.close();
  }

  #exchange(request: OssRequest, credentials: Credentials): Promise<HttpAnswer> {
    const { requests, transport } = this.#parts;
    const { url, args } = requests.build(request, { credentials, object: this.#nameOf(request) });
    return transport.request(url, args);
  }

  async #accepted(request: OssRequest, { status, headers, data, body }: HttpAnswer): Promise<OssAnswer> {
    const object = this.#nameOf(request);
    if (request.expects !== 'xml') {
      return { object, status, headers, document: undefined, body };
    }
    const document = await this.#parts.parseXml(data.toString());
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
    this.#parts.requests.correctClock(offsetMs);
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
    const document = text.trimStart().startsWith('<') ? await this.#parts.parseXml(text) : undefined;
    return {
      code: textOf(document, 'Code'),
      message: textOf(document, 'Message'),
      requestId: textOf(document, 'RequestId'),
      endpoint: textOf(document, 'Endpoint'),
    };
  }

  #nameOf({ key }: OssRequest): string {
    return key === undefined ? `oss://${this.#parts.bucket}` : `oss://${this.#parts.bucket}/${key}`;
  }
}

function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}
