import { X509Certificate } from 'node:crypto';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import { SealiftError } from '../errors.js';
import {
  CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_ANSWER_HEADER_BYTES, MIN_BYTES_PER_SECOND, SEND_CHUNK_BYTES,
} from '../limits.js';
import { Exchange } from './transport-exchange.js';
import type { HttpAnswer } from './transport-exchange.js';
import { interrupted, networkFailure } from './transport-failures.js';
import { compileParser } from './transport-parser.js';

export interface TransportOptions {
  /** Scheme, host and port; the only place this transport ever connects to. */
  readonly origin: string;
  /** Connections at most; further requests wait. */
  readonly connections: number;
  /** PEM text of certificate authorities that are trusted besides Node's own. */
  readonly caCertificates?: string | undefined;
  /** @default CONNECT_TIMEOUT_MS */
  readonly connectTimeoutMs?: number;
  /** Silence, or an answer below MIN_BYTES_PER_SECOND, for this long ends a request. @default IDLE_TIMEOUT_MS */
  readonly idleTimeoutMs?: number;
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** A request, in the terms of what ali-oss passes to its `urllib` option. */
export interface TransportArguments {
  readonly method: Dispatcher.HttpMethod;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly content?: Uint8Array | string | undefined;
  /** Deliver the body of a 2xx answer as a stream. */
  readonly customResponse?: boolean | undefined;
  readonly ctx: { readonly object: string; readonly signal?: AbortSignal | undefined };
}

export interface Transport {
  /**
   * Sends one request and follows no redirect. Of `url` only the path counts. The body is neither copied nor kept.
   * Rejects with a StoreError when there is no complete answer; any status that arrives is an answer.
   */
  request(url: string, args: TransportArguments): Promise<HttpAnswer>;
  /** Ends whatever is in flight and frees the sockets. */
  close(): Promise<void>;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** An HTTP client for one origin over a bounded pool of kept-alive connections, TLS 1.2 or newer, certificates checked. */
export function createTransport(options: TransportOptions): Transport {
  compileParser();
  const { origin } = options;
  const idleTimeoutMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  const rate = { windowMs: idleTimeoutMs, bytesPerSecond: MIN_BYTES_PER_SECOND, now: options.now ?? performance.now.bind(performance) };
  const pool = openPool(options, idleTimeoutMs);
  return {
    request: (url, args) => {
      const { object, signal } = args.ctx;
      if (signal?.aborted === true) {
        return Promise.reject(interrupted(object));
      }
      const exchange = new Exchange({ subject: { object, origin }, streamed: args.customResponse === true, signal, rate });
      try {
        pool.dispatch(toDispatch(url, args), exchange);
      } catch (error) {
        return Promise.reject(networkFailure(error, { object, origin }));
      }
      return exchange.answer;
    },
    close: () => pool.destroy(),
  };
}

function openPool(options: TransportOptions, idleTimeoutMs: number): InstanceType<typeof Pool> {
  return new Pool(options.origin, {
    connections: options.connections,
    pipelining: 1,
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
    connect: {
      timeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      // Said explicitly, it outranks NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(options.caCertificates === undefined ? {} : { secureContext: trusting(options.caCertificates) }),
    },
  });
}

/** Made once for all connections: parsing the root certificates takes longer than a handshake. */
function trusting(caCertificates: string): SecureContext {
  const certificates = caCertificates.match(CERTIFICATE) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate)) {
    const remedy = 'Give a file of certificates in PEM form, each between BEGIN CERTIFICATE and END CERTIFICATE.';
    throw new SealiftError('config-invalid', 'the CA certificates cannot be read', { object: 'CA file', remedy });
  }
  return createSecureContext({ ca: [...rootCertificates, ...certificates], minVersion: 'TLSv1.2' });
}

/** OpenSSL leaves out what it cannot read, and the failure would come later as one of trust. */
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function toDispatch(url: string, args: TransportArguments): Dispatcher.DispatchOptions {
  return {
    // Cut out as text: a URL parser would resolve the segments . and .. of object names.
    path: url.slice(url.indexOf('/', url.indexOf('//') + 2)),
    method: args.method,
    headers: args.headers as string[],
    body: toBody(args.content),
    // Undici closes the connection after HEAD unless told not to.
    reset: false,
  };
}

/**
 * Large bodies go to the socket slice by slice, as views: with one write the idle time-out would run from the first
 * byte to the answer, and TLS would hold a second copy of the whole body.
 */
function toBody(content: Uint8Array | string | undefined): Uint8Array | string | null {
  if (content === undefined || typeof content === 'string' || content.byteLength <= SEND_CHUNK_BYTES) {
    return content ?? null;
  }
  // Undici takes any iterable; its types say so for fetch bodies only.
  return slices(content) as Iterable<Uint8Array> as Uint8Array;
}

function* slices(content: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let start = 0; start < content.byteLength; start += SEND_CHUNK_BYTES) {
    yield content.subarray(start, start + SEND_CHUNK_BYTES);
  }
}
