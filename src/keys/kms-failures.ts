import { KmsError, type ErrorCode } from '../errors.js';

/**
 * What a failure means for the next step. `unopenable`: Decrypt says that the blob is not right, which an altered object and
 * another encryption context have in common, as the context is authenticated with the blob. `unknown-key`: it does not know
 * the key that the blob names, which is so for an altered object, another region and another account.
 */
export type KmsFailureKind = 'throttled' | 'transient' | 'unopenable' | 'unknown-key' | 'final';

/** A failed KMS call. Carries nothing of the request: the client's own errors quote keys, tokens and URLs. */
export class KmsFailure extends KmsError {
  readonly kind: KmsFailureKind;

  constructor(kind: KmsFailureKind, code: ErrorCode, message: string, details: { object: string; remedy: string; status?: number }) {
    super(code, message, { ...details, retryable: kind === 'throttled' || kind === 'transient' });
    this.kind = kind;
  }
}

export interface FailedCall {
  readonly action: string;
  readonly keyId: string;
  /** Scheme, host and port. */
  readonly origin: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly kind: KmsFailureKind;
  readonly remedy: string;
}

const RETRY_LATER = 'Resume later; what was done is recorded.';

/** By the error code of the service; the first that matches counts. */
const RULES: readonly Rule[] = [
  { pattern: /Throttling|FlowControl|QpsLimit/i, code: 'kms-unavailable', kind: 'throttled', remedy: 'Make fewer calls per second (--kms-qps), or ask for a higher quota.' },
  { pattern: /^(?:Internal|ServiceUnavailable|SystemBusy|SignatureNonceUsed)/, code: 'kms-unavailable', kind: 'transient', remedy: RETRY_LATER },
  { pattern: /^(?:InvalidSecurityToken\.Expired|SecurityTokenExpired)/, code: 'credentials-expired', kind: 'final', remedy: 'Get new temporary credentials, then run the same command again.' },
  { pattern: /^(?:InvalidTimeStamp|IllegalTimestamp|RequestTimeTooSkewed)/, code: 'clock-skew', kind: 'final', remedy: 'Set the clock of this machine, then run the same command again.' },
  {
    pattern: /^(?:InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature|InvalidSecurityToken|MissingSecurityToken)/,
    code: 'access-denied', kind: 'final', remedy: 'Check access key id, secret and security token.',
  },
  { pattern: /^(?:Rejected\.(?:Disabled|PendingDeletion|Unavailable))/, code: 'kms-refused', kind: 'final', remedy: 'Enable the key in the KMS console, then run the same command again.' },
  { pattern: /NotFound$/, code: 'kms-refused', kind: 'final', remedy: 'Check key id, region and account.' },
  { pattern: /^(?:Forbidden|NoPermission|AccessDenied)/, code: 'kms-refused', kind: 'final', remedy: 'Grant kms:GenerateDataKey and kms:Encrypt to seal, kms:Decrypt to open.' },
];

const BLOB_REFUSED = /^(?:InvalidCiphertext|InvalidParameter)/;
const OTHERWISE: Omit<Rule, 'pattern'> = { code: 'kms-refused', kind: 'final', remedy: 'Look the code up in the KMS documentation, then run the same command again.' };
const UNTRUSTED = /^(?:CERT_|ERR_TLS_CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)_|HOSTNAME_MISMATCH)/;

/** Makes one of our errors of whatever the client threw; the original is dropped, cause and all. */
export function kmsFailure(error: unknown, call: FailedCall): KmsFailure {
  const answer = answerOf(error);
  return answer === undefined ? networkFailure(error, call) : refusal(answer, call);
}

/** An answer that is no error and yet not what was asked for. */
export function malformedAnswer(call: FailedCall, what: string): KmsFailure {
  return describe(`answered without ${what}`, call, { code: 'kms-unavailable', kind: 'transient', remedy: `Check that ${call.origin} is a KMS endpoint.` });
}

interface Answer {
  readonly code: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
}

function refusal({ code, status, requestId }: Answer, call: FailedCall): KmsFailure {
  const request = requestId === undefined ? '' : `, request ${requestId}`;
  return describe(`refused (${code}${request})`, call, ruleFor(code, status, call.action), status);
}

function ruleFor(code: string, status: number | undefined, action: string): Omit<Rule, 'pattern'> {
  const kind = action === 'Decrypt' ? kindOfBlob(code) : undefined;
  if (kind !== undefined) {
    const remedy = 'Check the KMS passphrase, region and account; if they are right, the object was changed: leave it out.';
    return { code: 'kms-refused', kind, remedy };
  }
  const rule = RULES.find(({ pattern }) => pattern.test(code));
  if (rule !== undefined || status === undefined || (status < 500 && status !== 429)) {
    return rule ?? OTHERWISE;
  }
  return { code: 'kms-unavailable', kind: status === 429 ? 'throttled' : 'transient', remedy: RETRY_LATER };
}

function kindOfBlob(code: string): KmsFailureKind | undefined {
  if (BLOB_REFUSED.test(code)) {
    return 'unopenable';
  }
  return code.startsWith('Forbidden.KeyNotFound') ? 'unknown-key' : undefined;
}

function networkFailure(error: unknown, call: FailedCall): KmsFailure {
  const name = networkCode(error);
  if (UNTRUSTED.test(name)) {
    const remedy = 'Check endpoint and clock; for the gateway of a KMS instance give its CA in NODE_EXTRA_CA_CERTS.';
    return describe(`not sent: the TLS connection to ${call.origin} cannot be trusted (${name})`, call, { code: 'kms-unavailable', kind: 'final', remedy });
  }
  const remedy = `Check the network and that ${call.origin} is the right endpoint, then run the same command again.`;
  // Its client takes a proxy and does not use it; whoever has set one would look for the fault there.
  const reason = name === 'SyntaxError' ? 'answered with something that is not JSON' : `failed on its way (${name})`;
  return describe(`${reason} at ${call.origin}, which is asked through no proxy`, call, { code: 'kms-unavailable', kind: 'transient', remedy });
}

function describe(what: string, call: FailedCall, rule: Omit<Rule, 'pattern'>, status?: number): KmsFailure {
  const details = { object: call.keyId, remedy: rule.remedy, ...(status === undefined ? {} : { status }) };
  return new KmsFailure(rule.kind, rule.code, `KMS key ${call.keyId}: ${call.action} ${what}`, details);
}

/** The client puts the code of the service, plus "Error", into `code`, the body into `data`, and the status into the text. */
function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof Error && 'code' in error && 'data' in error && typeof error.data === 'object' && error.data !== null)) {
    return undefined;
  }
  const code = String(error.code).replace(/Error$/, '');
  const status = /\bcode: (\d{3}),/.exec(error.message)?.[1];
  const requestId = 'RequestId' in error.data ? String(error.data.RequestId) : '';
  return {
    code: /^[A-Za-z][\w.-]{0,63}$/.test(code) && code !== 'undefined' ? code : 'no code',
    status: status === undefined ? undefined : Number(status),
    requestId: /^[\w-]{1,64}$/.test(requestId) ? requestId : undefined,
  };
}

/** An errno or a class name; the message would quote the URL. */
function networkCode(error: unknown): string {
  const code = error instanceof Error ? ('code' in error && typeof error.code === 'string' ? error.code : error.name) : '';
  return /^\w{1,64}$/.test(code) ? code : 'unknown';
}
