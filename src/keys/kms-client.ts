import type KmsSdkModule from '@alicloud/kms20160120';
import { KmsError, MasterKeyError } from '../errors.js';
import { DATA_KEY_BYTES, DEFAULT_KMS_QPS, KMS_TIMEOUT_MS, MAX_KMS_CONCURRENCY, MAX_KMS_QPS, RETRY_BASE_MS, RETRY_CAP_MS, RETRY_TOTAL_MS } from '../limits.js';
import { eitherSignal, pause } from '../store/abort.js';
import { decodeBase64 } from './base64.js';
import { CallGate } from './call-gate.js';
import { KmsAnswer } from './kms-answer.js';
import { KmsFailure, kmsFailure, type FailedCall } from './kms-failures.js';

/** Of the request or of the answer. */
type Parameters = Readonly<Record<string, unknown>>;
type KmsSdk = InstanceType<typeof KmsSdkModule.default>;

/** An access key, or a temporary one with its token. */
export interface KmsCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

/** Where a KMS is and how fast it may be asked: plain data. */
export interface KmsPlace {
  /** Key id or alias (`alias/…`) that seals; named in errors. Opening needs none: a blob names its own key. */
  readonly keyId?: string;
  /** Host or URL, such as `kms.cn-hangzhou.aliyuncs.com`; plain http for loopback addresses only. Certificates are always checked. */
  readonly endpoint: string;
  readonly region: string;
  /** @default what the ports provide */
  readonly credentials?: KmsCredentials;
  /** Calls per second, 1 to 100,000; a run with several threads shares them out. @default 750 */
  readonly callsPerSecond?: number;
}

/** The same with credentials that stay as they are. */
export interface KmsServer extends KmsPlace {
  readonly credentials: KmsCredentials;
}

/** The outside world; every field has a default. */
export interface KmsPorts {
  /** One consistent set per call; told which set was refused as expired, it may renew. @default those of the key */
  readonly credentials?: (refused?: KmsCredentials) => Promise<KmsCredentials>;
  /** Ends pauses and stops further calls, with code `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** The part of the calls per second that this client may make: above 0, 1 at most. @default 1 */
  readonly rateShare?: number;
  /** Told before each pause. */
  readonly onRetry?: (failure: KmsFailure, pauseMs: number) => void;
  /** From 0 to 1, 1 excluded. @default Math.random */
  readonly random?: () => number;
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number;
  /** Ends at once when the signal aborts. @default a timer */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** An encryption context as the service documents it: one JSON string with sorted names; undefined for none. */
export type EncryptionContext = string | undefined;

/** Text under a KMS key. */
export interface EncryptedText {
  readonly blob: string;
  /** `kms:<KeyId>:<KeyVersionId>` as the service names the key that did it, aliases resolved; undefined where it does not. */
  readonly under: string | undefined;
}

export interface DecryptedText {
  readonly plaintext: string;
  /** As in {@link EncryptedText.under}. */
  readonly under: string | undefined;
}

export interface GeneratedKey {
  /** 32 bytes; the caller zeroes them. */
  readonly plaintext: Buffer;
  readonly blob: string;
}

/**
 * Alibaba KMS over its RPC interface: parameters travel in the signed form body, because the client's own methods would
 * put them, plaintext keys included, into the URL. Time-outs, retries and errors are ours: the client makes one attempt,
 * and its errors quote what it sent.
 *
 * Each call takes a signal of its own too, which ends its pauses and further attempts as the client's does.
 *
 * Rejects with KmsError: `kms-unavailable` after 15 minutes of trying, at once with `kms-refused`, `access-denied`,
 * `credentials-expired`, `clock-skew`, or `interrupted`.
 */
export class KmsClient {
  readonly #server: KmsPlace;
  readonly #ports: Required<Omit<KmsPorts, 'signal' | 'rateShare'>>;
  readonly #signal: AbortSignal | undefined;
  readonly #gate: CallGate;
  readonly #url: URL;
  #sdk: { readonly credentials: KmsCredentials; readonly client: Promise<KmsSdk> } | undefined;

  /** Throws MasterKeyError `config-invalid` for an endpoint that is no URL or not encrypted, or a rate out of its bounds. */
  constructor(server: KmsPlace, ports: KmsPorts = {}) {
    this.#server = server;
    this.#url = parseEndpoint(server.endpoint);
    this.#signal = ports.signal;
    this.#ports = {
      credentials: ports.credentials ?? fixed(server),
      onRetry: ports.onRetry ?? (() => undefined),
      random: ports.random ?? Math.random,
      now: ports.now ?? performance.now.bind(performance),
      sleep: ports.sleep ?? ((milliseconds, signal = ports.signal) => pause(milliseconds, signal)),
    };
    const callsPerSecond = rateOf(server) * (ports.rateShare ?? 1);
    this.#gate = new CallGate({ concurrency: MAX_KMS_CONCURRENCY, callsPerSecond }, this.#ports);
  }

  generateDataKey(context: EncryptionContext, signal?: AbortSignal): Promise<GeneratedKey> {
    const parameters = { KeyId: this.#sealingKey(), KeySpec: 'AES_256', NumberOfBytes: String(DATA_KEY_BYTES), ...contextField(context) };
    return this.#call({ action: 'GenerateDataKey', parameters, signal }, (answer) => {
      const plaintext = decodeBase64(answer.text('Plaintext'));
      if (plaintext?.length !== DATA_KEY_BYTES) {
        throw answer.lacks(`a key of ${DATA_KEY_BYTES} bytes`);
      }
      return { plaintext, blob: answer.blob() };
    });
  }

  encrypt(plaintext: string, context: EncryptionContext, signal?: AbortSignal): Promise<EncryptedText> {
    const parameters = { KeyId: this.#sealingKey(), Plaintext: plaintext, ...contextField(context) };
    return this.#call({ action: 'Encrypt', parameters, signal }, (answer) => ({ blob: answer.blob(), under: answer.under() }));
  }

  /** The string that was encrypted; a KmsFailure of kind `unopenable` or `unknown-key` says that the blob is not right. */
  decrypt(blob: string, context: EncryptionContext, signal?: AbortSignal): Promise<DecryptedText> {
    const parameters = { CiphertextBlob: blob, ...contextField(context) };
    return this.#call({ action: 'Decrypt', parameters, signal }, (answer) => ({ plaintext: answer.text('Plaintext'), under: answer.under() }));
  }

  async #call<T>(asked: Call, read: (answer: KmsAnswer) => T): Promise<T> {
    const call = { ...asked, signal: eitherSignal(asked.signal, this.#signal) };
    const started = this.#ports.now();
    for (let retries = 0; ; retries += 1) {
      try {
        return await this.#gate.run(async () => read(await this.#attempt(call)), isThrottling);
      } catch (error) {
        const pauseMs = this.#ports.random() * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** retries);
        const isLate = retries > 0 && this.#ports.now() - started + pauseMs > RETRY_TOTAL_MS;
        if (!(error instanceof KmsFailure) || !error.retryable || isLate) {
          throw error;
        }
        this.#ports.onRetry(error, pauseMs);
        await this.#ports.sleep(pauseMs, call.signal);
      }
    }
  }

  async #attempt({ action, parameters, signal }: Call): Promise<KmsAnswer> {
    this.#stopIfAborted(signal);
    const credentials = await this.#ports.credentials();
    try {
      return await this.#send(action, parameters, credentials);
    } catch (error) {
      if (!(error instanceof KmsFailure) || error.code !== 'credentials-expired') {
        throw error;
      }
      const renewed = await this.#ports.credentials(credentials);
      if (renewed === credentials) {
        throw error;
      }
      return this.#send(action, parameters, renewed);
    }
  }

  async #send(action: string, parameters: Parameters, credentials: KmsCredentials): Promise<KmsAnswer> {
    if (this.#sdk?.credentials !== credentials) {
      this.#sdk = { credentials, client: connect(this.#server, this.#url, credentials) };
    }
    const [{ RuntimeOptions }, client] = await Promise.all([import('@alicloud/tea-util'), this.#sdk.client]);
    // Said explicitly, that certificates are checked outranks NODE_TLS_REJECT_UNAUTHORIZED.
    const runtime = new RuntimeOptions({ readTimeout: KMS_TIMEOUT_MS, connectTimeout: KMS_TIMEOUT_MS, ignoreSSL: false });
    const call: FailedCall = { action, keyId: keyIdIn(parameters) ?? nameOf(this.#server), origin: this.#url.origin };
    try {
      return new KmsAnswer(call, await client.doRequest(action, schemeOf(this.#url), 'POST', API_VERSION, 'AK', {}, parameters, runtime));
    } catch (error) {
      throw kmsFailure(error, call);
    }
  }

  #stopIfAborted(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) {
      const name = nameOf(this.#server);
      throw new KmsError('interrupted', `KMS key ${name}: the request was aborted`, { object: name });
    }
  }

  /** Never reached without one: a wrapper is refused first. */
  #sealingKey(): string {
    return this.#server.keyId ?? '';
  }
}

interface Call {
  readonly action: string;
  readonly parameters: Parameters;
  readonly signal: AbortSignal | undefined;
}

const API_VERSION = '2016-01-20';

/** One client per set of credentials: the SDK fetches id, secret and token one after another, and a refresh would mix them. */
async function connect({ region }: KmsPlace, url: URL, credentials: KmsCredentials): Promise<KmsSdk> {
  const [{ default: kms }, { Config }] = await Promise.all([import('@alicloud/kms20160120'), import('@alicloud/rpc-client')]);
  const { accessKeyId, accessKeySecret, securityToken } = credentials;
  const token = securityToken === undefined ? {} : { securityToken };
  return new kms.default(new Config({ accessKeyId, accessKeySecret, ...token, regionId: region, endpoint: url.host, protocol: schemeOf(url) }));
}

function fixed({ credentials }: KmsPlace): () => Promise<KmsCredentials> {
  if (credentials === undefined) {
    throw new MasterKeyError('config-invalid', 'there are no credentials to ask the KMS with', { object: 'kms', remedy: 'Give an access key id and secret.' });
  }
  const answer = Promise.resolve(credentials);
  return () => answer;
}

/** Of the whole, before it is shared out: a thread may well have less than one. */
function rateOf({ callsPerSecond = DEFAULT_KMS_QPS }: KmsPlace): number {
  if (callsPerSecond >= 1 && callsPerSecond <= MAX_KMS_QPS) {
    return callsPerSecond;
  }
  throw new MasterKeyError('config-invalid', `a KMS cannot be asked at ${callsPerSecond} calls per second`, {
    object: 'kms-qps',
    remedy: `Give a number from 1 to ${MAX_KMS_QPS}, or none.`,
  });
}

function nameOf({ keyId, region }: KmsPlace): string {
  return keyId ?? `of region ${region}`;
}

const KEY_ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|key-[a-z0-9]{10,32}/;

/** Blobs begin with the id of their key, which need not be the one that is configured. Only ever shown, never relied on. */
function keyIdIn({ CiphertextBlob: blob }: Parameters): string | undefined {
  return typeof blob === 'string' ? KEY_ID.exec(Buffer.from(blob, 'base64').toString('latin1'))?.[0] : undefined;
}

function contextField(context: EncryptionContext): Parameters {
  return context === undefined ? {} : { EncryptionContext: context };
}

function schemeOf(url: URL): string {
  return url.protocol.replace(/:$/, '');
}

function isThrottling(error: unknown): boolean {
  return error instanceof KmsFailure && error.kind === 'throttled';
}

const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/;

function parseEndpoint(endpoint: string): URL {
  const text = endpoint.includes('://') ? endpoint : `https://${endpoint}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '') {
    throw new MasterKeyError('config-invalid', 'the KMS endpoint is not a host or URL', {
      object: 'kms-endpoint',
      remedy: 'Give one such as kms.cn-hangzhou.aliyuncs.com.',
    });
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    throw new MasterKeyError('config-invalid', `the KMS endpoint ${url.origin} is not encrypted`, {
      object: 'kms-endpoint',
      remedy: 'Use https; plain http is for loopback addresses only.',
    });
  }
  return url;
}
