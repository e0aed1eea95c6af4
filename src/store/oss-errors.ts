import { StoreError } from '../errors.js';
import type { ErrorCode, ErrorDetails } from '../errors.js';
import type { AnswerHeaders } from './transport-answers.js';

/** The error document of OSS, as far as it is shown. */
export interface ErrorDocument {
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly requestId: string | undefined;
  /** The endpoint that should have been asked. */
  readonly endpoint: string | undefined;
}

export interface Refusal {
  /** Such as `oss://bucket/key`. */
  readonly object: string;
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly document: ErrorDocument;
  /** Texts that must not be repeated, even when the server does. */
  readonly secrets: readonly string[];
  /** Milliseconds since the epoch, to read a Retry-After date. */
  readonly now: number;
}

interface Cause {
  readonly code: ErrorCode;
  readonly says: string;
  readonly remedy?: string;
  readonly retryable?: boolean;
}

const SHOWN_MESSAGE_CHARACTERS = 200;
const AGAIN: Cause = { code: 'remote-unavailable', says: 'OSS cannot answer now', retryable: true, remedy: 'Wait, or lower the concurrency, then run the same command again.' };
const EXPIRED: Cause = { code: 'credentials-expired', says: 'the security token is no longer accepted', remedy: 'Get new temporary credentials, then run the same command again.' };
const GARBLED: Cause = { code: 'checksum-mismatch', says: 'the body did not arrive as it was sent', retryable: true };
const REFUSED: Cause = { code: 'remote-refused', says: 'OSS refused the request' };

/** Codes of OSS whose meaning is finer than that of their HTTP status. */
const BY_CODE: Readonly<Record<string, Cause>> = {
  NoSuchBucket: { code: 'bucket-missing', says: 'the bucket does not exist', remedy: 'Create it, or check its name, region and endpoint.' },
  NoSuchKey: { code: 'not-found', says: 'there is no such object' },
  NoSuchUpload: { code: 'not-found', says: 'there is no such upload' },
  InvalidAccessKeyId: { code: 'access-denied', says: 'the access key id is unknown', remedy: 'Check OSS_ACCESS_KEY_ID, and that the key is enabled.' },
  SignatureDoesNotMatch: {
    code: 'access-denied', says: 'the signature does not match',
    remedy: 'Check the access key secret and the region: a custom endpoint signed for another region fails like this.',
  },
  SecurityTokenExpired: EXPIRED,
  InvalidSecurityToken: EXPIRED,
  RequestTimeTooSkewed: { code: 'clock-skew', says: 'the clock of this machine is wrong by more than 15 minutes', remedy: 'Set the clock, then run the same command again.' },
  FileAlreadyExists: { code: 'exists', says: 'the object exists already' },
  PreconditionFailed: { code: 'replaced', says: 'the object is no longer the one that was asked for' },
  InvalidObjectState: { code: 'remote-refused', says: 'the object is archived', remedy: 'Restore it first, in the console or with "ossutil restore", then run the same command again.' },
  InvalidObjectName: { code: 'name-invalid', says: 'OSS does not accept this name' },
  EntityTooLarge: { code: 'too-large', says: 'the body is too large for one request' },
  InvalidDigest: GARBLED,
  BadDigest: GARBLED,
  InvalidCRC64: GARBLED,
  RequestTimeout: AGAIN,
};

const BY_STATUS: Readonly<Record<number, Cause>> = {
  401: { code: 'access-denied', says: 'access is denied' },
  403: { code: 'access-denied', says: 'access is denied', remedy: 'Grant this access key what the command does on this bucket and prefix.' },
  404: { code: 'not-found', says: 'there is no such object' },
  408: AGAIN,
  412: { code: 'replaced', says: 'the object is no longer the one that was asked for' },
  429: AGAIN,
  501: REFUSED,
  505: REFUSED,
};

/** What an answer that is no success means. Nothing of the request is repeated in it. */
export function refusalError(refusal: Refusal): StoreError {
  const { object, status, document } = refusal;
  const cause = causeOf(refusal);
  const remedy = document.endpoint === undefined ? cause.remedy : `Use the endpoint of this bucket: ${clean(document.endpoint, refusal.secrets)}.`;
  const retryAfterMs = cause.retryable === true ? parseRetryAfter(refusal.headers['retry-after'], refusal.now) : undefined;
  const details: ErrorDetails = {
    object,
    status,
    retryable: cause.retryable ?? false,
    ...(remedy === undefined ? {} : { remedy }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  return new StoreError(cause.code, `${object}: ${cause.says} (${evidence(refusal)})`, details);
}

/** Milliseconds to wait; undefined when the header is missing or is neither seconds nor a date. */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') {
    return undefined;
  }
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) {
    return Number(text) * 1000;
  }
  // Date.parse takes a lone number for a year and much else for a date; HTTP dates start with a day and end with GMT.
  const at = /^[A-Z][a-z]+, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function causeOf({ status, document }: Refusal): Cause {
  const known = document.code === undefined || !Object.hasOwn(BY_CODE, document.code) ? undefined : BY_CODE[document.code];
  // A gateway that quotes an error code in a 5xx page is still a gateway that failed.
  const byCode = status >= 500 ? undefined : known;
  return byCode ?? BY_STATUS[status] ?? byClass(status);
}

function byClass(status: number): Cause {
  if (status >= 500) {
    return AGAIN;
  }
  if (status >= 300 && status < 400) {
    return { code: 'remote-refused', says: 'the server redirects, which is not followed', remedy: 'Check the endpoint and the region.' };
  }
  return REFUSED;
}

function evidence({ status, document, headers, secrets }: Refusal): string {
  const requestId = document.requestId ?? headers['x-oss-request-id'];
  const parts = [
    `HTTP ${status}`,
    document.code,
    document.message,
    typeof requestId === 'string' ? `request ${requestId}` : undefined,
  ];
  return parts.filter((part) => part !== undefined).map((part) => clean(part, secrets)).join(', ');
}

/** A server may repeat what it was sent, and anything may stand in its text: one short line without our secrets. */
function clean(text: string, secrets: readonly string[]): string {
  const withoutSecrets = secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '***')), text);
  const line = withoutSecrets.replace(/OSS4-HMAC-SHA256\s+\S+|Signature=\S+/g, '***').replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > SHOWN_MESSAGE_CHARACTERS ? `${line.slice(0, SHOWN_MESSAGE_CHARACTERS)}…` : line;
}
