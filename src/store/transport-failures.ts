import { isSealiftError, MORE_DESCRIPTORS, StoreError } from '../errors.js';

/** An answer that did not come, or is none; the message says why. */
export class BrokenAnswer extends Error {}

/** What a proxy answered instead of connecting. */
export class ProxyRefusal extends Error {
  readonly status: number;
  readonly hadCredentials: boolean;

  constructor(status: number, hadCredentials: boolean) {
    super(`HTTP ${status}`);
    this.status = status;
    this.hadCredentials = hadCredentials;
  }
}

/** It did not even come to that; the cause says why. */
export class ProxyUnreachable extends Error {}

/** Nothing can be sent any more. */
export class ClosedTransport extends Error {}

/** A request that would not arrive as what it is; the message says why. */
export class MisusedRequest extends Error {}

/** What was asked for and where, for messages: neither carries a secret. */
export interface Subject {
  /** Such as `oss://bucket/key`. */
  readonly object: string;
  readonly origin: string;
  /** Host and port of the proxy between here and there. */
  readonly proxy?: string | undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed while sending',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EMFILE: 'too many files and sockets are open in this process',
  ENFILE: 'too many files and sockets are open on this machine',
};

const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

/** Trust and protocol problems that the next attempt would meet again. */
const UNTRUSTED = /^(?:CERT_|ERR_TLS_CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)_|INVALID_CA|HOSTNAME_MISMATCH|ERR_SSL_(?:WRONG_VERSION|UNSUPPORTED_PROTOCOL|TLSV1_ALERT_PROTOCOL_VERSION))/;

/**
 * What a failed exchange means. The original error is not kept as cause: it may hold sockets, headers or a URL, and its
 * code says all there is to say.
 */
export function networkFailure(error: unknown, subject: Subject): StoreError {
  if (isSealiftError(error) && error instanceof StoreError) {
    return error;
  }
  const { object, origin } = subject;
  if (error instanceof BrokenAnswer) {
    return unavailable(subject, error.message);
  }
  if (error instanceof ClosedTransport) {
    return new StoreError('interrupted', `${object}: the store has been closed`, { object });
  }
  if (error instanceof MisusedRequest) {
    return new StoreError('internal', `${object}: the request is not valid HTTP: ${error.message}`, { object });
  }
  if (error instanceof ProxyRefusal) {
    return refusedByProxy(error, subject);
  }
  if (error instanceof ProxyUnreachable) {
    return proxyUnreachable(error, subject);
  }
  const code = codeOf(error);
  if (UNTRUSTED.test(code)) {
    const owner = subject.proxy === undefined ? 'your own' : 'your own, or that of a proxy which looks into TLS';
    const remedy = `Check the endpoint and the clock; if the certificate authority is ${owner}, give its certificates with --ca-file.`;
    return new StoreError('remote-refused', `${object}: the TLS connection to ${origin}${through(subject)} cannot be trusted (${code})`, { object, remedy });
  }
  if (code === 'ENOTFOUND') {
    // The resolver's final answer, unlike EAI_AGAIN: waiting for a mistyped host to appear helps nobody.
    const remedy = 'Check region and endpoint for a typing error, and the network, then run the same command again.';
    return new StoreError('remote-unavailable', `${object}: there is no host ${origin} (${code})`, { object, remedy });
  }
  return unavailable(subject, `${REASONS[code] ?? 'the request failed on its way'} (${code})`, EXHAUSTED.has(code) ? MORE_DESCRIPTORS : undefined);
}

/** A failure that the next attempt may not meet. */
export function unavailable(subject: Subject, reason: string, otherRemedy?: string): StoreError {
  const { object, origin, proxy } = subject;
  const between = proxy === undefined ? '' : `, the proxy ${proxy}`;
  const remedy = otherRemedy ?? `Check the network${between} and that ${origin} is the right endpoint, then run the same command again.`;
  return new StoreError('remote-unavailable', `${object}: ${reason} at ${origin}${through(subject)}`, { object, remedy, retryable: true });
}

function through({ proxy }: Subject): string {
  return proxy === undefined ? '' : ` through the proxy ${proxy}`;
}

/** It answered, so it is there: what it says of itself is final, what it says of the way beyond it is not. */
function refusedByProxy({ status, hadCredentials }: ProxyRefusal, { object, origin, proxy }: Subject): StoreError {
  const who = `${object}: the proxy ${proxy ?? ''}`;
  if (status === 407) {
    const says = hadCredentials ? 'does not accept user and password' : 'asks for user and password';
    const remedy = 'Put them into the URL of the proxy, http://user:password@host:port, in SEALIFT_PROXY, or in HTTPS_PROXY without --proxy, never on the command line; Basic is the one scheme that is known.';
    return new StoreError('access-denied', `${who} ${says} (HTTP 407)`, { object, status, remedy });
  }
  if (status >= 500 || status === 408 || status === 429) {
    const remedy = `Check from the proxy's side that ${origin} is the right endpoint and can be reached, then run the same command again.`;
    return new StoreError('remote-unavailable', `${who} could not connect to ${origin} (HTTP ${status})`, { object, status, remedy, retryable: true });
  }
  const remedy = `Have the proxy let CONNECT to ${origin} through, or go past it: --proxy none, or the host in NO_PROXY.`;
  return new StoreError('remote-refused', `${who} refuses to connect to ${origin} (HTTP ${status})`, { object, status, remedy });
}

function proxyUnreachable({ cause }: ProxyUnreachable, { object, proxy }: Subject): StoreError {
  const code = codeOf(cause);
  const reason = cause instanceof BrokenAnswer ? cause.message : `${REASONS[code] ?? 'the request failed on its way'} (${code})`;
  const remedy = EXHAUSTED.has(code) ? MORE_DESCRIPTORS : 'Check the network and the address of the proxy (--proxy, HTTPS_PROXY, ALL_PROXY), then run the same command again.';
  return new StoreError('remote-unavailable', `${object}: the proxy ${proxy ?? ''} gives no connection: ${reason}`, { object, remedy, retryable: code !== 'ENOTFOUND' });
}

export function interrupted(object: string): StoreError {
  return new StoreError('interrupted', `${object}: the request was aborted`, { object });
}

/** The code of an error, or of the first of several: a name with two addresses fails with an AggregateError. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) {
    return 'unknown';
  }
  if ('code' in error && typeof error.code === 'string') {
    return error.code;
  }
  if (error instanceof AggregateError && error.errors.length > 0) {
    return codeOf(error.errors[0]);
  }
  return error instanceof Error ? error.name : 'unknown';
}
