import { createSecureContext, rootCertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS, MIN_BYTES_PER_SECOND } from '../limits.js';
import { certificatesIn } from './ca-certificates.js';
import type { Bandwidth } from './bandwidth.js';
import { parseProxy } from './proxy.js';
import { Connections } from './transport-connections.js';
import { Exchange } from './transport-exchange.js';
import type { HttpAnswer } from './transport-exchange.js';
import { interrupted, networkFailure } from './transport-failures.js';
import { limited } from './transport-limited.js';
import { RequestHeads, type TransportArguments } from './transport-request.js';

export type { TransportArguments } from './transport-request.js';

export interface TransportOptions {
  /** Scheme, host and port; nobody else is ever sent a request. */
  readonly origin: string;
  /** Connections at most; further requests wait. */
  readonly connections: number;
  /** `http://[user:password@]host[:port]` of an HTTP proxy that connects to the origin. @default none */
  readonly proxy?: string | undefined;
  /** PEM text of certificate authorities that are trusted besides Node's own. */
  readonly caCertificates?: string | undefined;
  /** Bodies that are sent, and those that are streamed, keep to it. @default no limit */
  readonly bandwidth?: Bandwidth | undefined;
  /** @default CONNECT_TIMEOUT_MS */
  readonly connectTimeoutMs?: number;
  /** Silence, or an answer below MIN_BYTES_PER_SECOND, for this long ends a request. @default IDLE_TIMEOUT_MS */
  readonly idleTimeoutMs?: number;
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number;
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

/**
 * An HTTP/1.1 client for one origin over a bounded pool of kept-alive connections, TLS 1.2 or newer, certificates checked. Ours,
 * because it does what OSS needs and no more: in a run of small files what a general client does besides is a tenth of all CPU time.
 */
export function createTransport(options: TransportOptions): Transport {
  const { origin, caCertificates, bandwidth } = options;
  const idleTimeoutMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  const now = options.now ?? performance.now.bind(performance);
  const rate = { windowMs: idleTimeoutMs, bytesPerSecond: MIN_BYTES_PER_SECOND, now };
  const url = new URL(origin);
  const proxy = options.proxy === undefined ? undefined : parseProxy(options.proxy, 'proxy');
  const secureContext = caCertificates === undefined ? undefined : trusting(caCertificates);
  const connections = new Connections(options.connections, {
    origin: url, proxy, secureContext, bandwidth, connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, idleTimeoutMs,
  });
  const heads = new RequestHeads(url.host);
  const request: Transport['request'] = (path, args) => {
    const { object, signal } = args.ctx;
    if (signal?.aborted === true) {
      return Promise.reject(interrupted(object));
    }
    const exchange = new Exchange({ subject: { object, origin, proxy: proxy?.name }, streamed: args.customResponse === true, signal, rate });
    try {
      connections.run({ head: heads.write(path, args), args, exchange });
    } catch (error) {
      return Promise.reject(networkFailure(error, { object, origin }));
    }
    return exchange.answer;
  };
  return {
    request: bandwidth === undefined ? request : limited(request, bandwidth),
    close: async () => {
      bandwidth?.close();
      await connections.close();
    },
  };
}

/** Made once for all connections: parsing the root certificates takes longer than a handshake. */
function trusting(caCertificates: string): SecureContext {
  return createSecureContext({ ca: [...rootCertificates, ...certificatesIn(caCertificates, 'caCertificates')], minVersion: 'TLSv1.2' });
}
