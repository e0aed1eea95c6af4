import { isSealiftError, MORE_DESCRIPTORS, StoreError } from '../errors.js';

/** An answer that did not come, or is none; the message says why. */
export class BrokenAnswer extends Error {}

/** Nothing can be sent any more. */
export class ClosedTransport extends Error {}

/** A request that would not arrive as what it is; the message says why. */
export class MisusedRequest extends Error {}

/** What was asked for and where, for messages: neither carries a secret. */
export interface Subject {
  /** Such as `oss://bucket/key`. */
  readonly object: string;
  readonly origin: string;
}

const REASONS: Readonly<Record<string, string>> = {
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
  const code = codeOf(error);
  if (UNTRUSTED.test(code)) {
    const remedy = 'Check the endpoint and the clock; if the certificate authority is your own, give its certificates with --ca-file.';
    return new StoreError('remote-refused', `${object}: the TLS connection to ${origin} cannot be trusted (${code})`, { object, remedy });
  }
  if (code === 'ENOTFOUND') {
    // The resolver's final answer, unlike EAI_AGAIN: waiting for a mistyped host to appear helps nobody.
    const remedy = 'Check region and endpoint for a typing error, and the network, then run the same command again.';
    return new StoreError('remote-unavailable', `${object}: there is no host ${origin} (${code})`, { object, remedy });
  }
  return unavailable(subject, `${REASONS[code] ?? 'the request failed on its way'} (${code})`, EXHAUSTED.has(code) ? MORE_DESCRIPTORS : undefined);
}

/** A failure that the next attempt may not meet. */
export function unavailable({ object, origin }: Subject, reason: string, otherRemedy?: string): StoreError {
  const remedy = otherRemedy ?? `Check the network and that ${origin} is the right endpoint, then run the same command again.`;
  return new StoreError('remote-unavailable', `${object}: ${reason} at ${origin}`, { object, remedy, retryable: true });
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
