/**
 * What can go wrong, in one table: the code names the cause, the exit code follows from it.
 * Exit codes are documented in README.md and must not change within a major version.
 */
const EXIT_CODES = {
  internal: 1,
  usage: 2,
  'config-invalid': 2,
  'source-missing': 2,
  'destination-invalid': 2,
  'bucket-missing': 2,
  'manifest-missing': 2,
  'key-file-invalid': 2,
  vanished: 3,
  unreadable: 3,
  unstable: 3,
  'too-large': 3,
  'key-too-long': 3,
  'name-invalid': 3,
  'path-escape': 3,
  'not-found': 3,
  exists: 3,
  collision: 3,
  'not-rewrappable': 3,
  'metadata-too-large': 3,
  'directory-incomplete': 3,
  'worker-died': 3,
  'not-sealed': 4,
  'envelope-invalid': 4,
  'authentication-failed': 4,
  unauthenticated: 4,
  renamed: 4,
  'checksum-mismatch': 4,
  missing: 4,
  replaced: 4,
  'rolled-back': 4,
  differs: 4,
  'access-denied': 5,
  'credentials-missing': 5,
  'credentials-expired': 5,
  'clock-skew': 5,
  'key-file-unsafe': 5,
  'passphrase-wrong': 5,
  'master-key-missing': 5,
  'kms-refused': 5,
  'disk-full': 6,
  'write-failed': 6,
  'manifest-write-failed': 6,
  'manifest-corrupt': 7,
  locked: 8,
  'remote-unavailable': 9,
  'remote-refused': 9,
  'kms-unavailable': 9,
  interrupted: 130,
  terminated: 143,
} as const satisfies Record<string, number>;

/** The cause of a failure; stable, documented, safe to match on. */
export type ErrorCode = keyof typeof EXIT_CODES;

/** Codes after which the rest of the run would fail the same way, so the run stops clean at the first. */
const RUN_FATAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'internal', 'usage', 'config-invalid', 'bucket-missing', 'access-denied', 'credentials-missing', 'credentials-expired',
  'clock-skew', 'kms-refused', 'disk-full', 'manifest-write-failed', 'manifest-corrupt', 'locked',
  'interrupted', 'terminated',
]);

/** The order in which one exit code is chosen when a run met several causes (first wins). */
const PRECEDENCE: readonly number[] = [143, 130, 1, 8, 2, 4, 7, 6, 5, 9, 3];

/** What an error says besides its code and its message. */
export interface ErrorDetails {
  /** What failed: a path, an object key, a file name, a key id. Never a secret. */
  readonly object?: string;
  /** What the user can do about it, as a sentence. */
  readonly remedy?: string;
  /** Whether the same request may succeed if it is sent again. @default false */
  readonly retryable?: boolean;
  /** Wait at least this long before a retry, in milliseconds (from Retry-After). */
  readonly retryAfterMs?: number;
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('sealift.error');

/**
 * The base of every error that Sealift throws on purpose. `message` is one line that names the object and the cause;
 * neither it nor `cause` carries keys, plaintext, credentials or a request body.
 */
export class SealiftError extends Error {
  readonly code: ErrorCode;
  readonly object: string | undefined;
  readonly remedy: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.object = details.object;
    this.remedy = details.remedy;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.status = details.status;
  }

  static {
    this.prototype.name = 'SealiftError';
  }

  /** The documented exit code of a command that ends with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/**
 * The metadata of an object is not a valid envelope.
 *
 * Thrown on reading, before a byte of the body is asked for: `not-sealed` when there is no envelope, `envelope-invalid` when
 * it is malformed, incomplete, of two families, or of an unknown version. Thrown on writing, before anything is sent:
 * `name-invalid` or `key-too-long` for a name that cannot be sealed, `usage` for metadata of the caller's that clashes with
 * ours or that HTTP cannot carry, `metadata-too-large` above 8 KiB.
 */
export class EnvelopeError extends SealiftError {
  static {
    this.prototype.name = 'EnvelopeError';
  }
}

/**
 * An object is not what was sealed; none of its bytes has been handed out.
 *
 * `authentication-failed`: tag, mac or commitment do not fit, so it is corrupt, tampered with, or sealed under another master
 * key, which nobody can tell apart. `renamed`: it is authentic, but was sealed under another name.
 */
export class AuthenticationError extends SealiftError {
  static {
    this.prototype.name = 'AuthenticationError';
  }
}

/**
 * The object was written by another SDK and carries nothing that could authenticate it: `unauthenticated`. Thrown on reading
 * unless the caller accepts such objects; and always when a manifest says that it was sealed, or when opening it would give
 * GCM's authentication key away.
 */
export class UnauthenticatedObjectError extends SealiftError {
  static {
    this.prototype.name = 'UnauthenticatedObjectError';
  }
}

/**
 * A master key cannot be used. Thrown when the first object is sealed or opened: `master-key-missing` when no key is of the
 * kind that is needed, `key-file-invalid` or `key-file-unsafe` for its file, `passphrase-wrong`, `config-invalid` for a KMS
 * key that is described in a way that cannot work.
 */
export class MasterKeyError extends SealiftError {
  static {
    this.prototype.name = 'MasterKeyError';
  }
}

/**
 * OSS refused a request, could not be reached, or answered something that does not add up: `not-found`, `exists`,
 * `access-denied`, `credentials-expired`, `clock-skew`, `bucket-missing`, `replaced` for an object that changes while it is read,
 * `name-invalid` or `key-too-long` for a name that no object can have, `too-large`, `checksum-mismatch`, `remote-refused`,
 * `remote-unavailable` after 15 minutes of trying, `interrupted` after an abort. A proxy in between that refuses or fails is told
 * by the same codes: `access-denied` where it wants a password.
 */
export class StoreError extends SealiftError {
  static {
    this.prototype.name = 'StoreError';
  }
}

/**
 * Alibaba KMS refused a request or could not be reached: `kms-refused` (a key that is disabled or unknown, a wrong
 * encryption context), `access-denied`, `credentials-expired`, `clock-skew`, `kms-unavailable` after 15 minutes of trying,
 * `interrupted` after an abort.
 */
export class KmsError extends SealiftError {
  static {
    this.prototype.name = 'KmsError';
  }
}

/** A failure as plain data: survives structured clone and JSON. `exitCode` follows from `code`. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
  readonly retryable: boolean;
}

/** Recognises our errors across module copies and realms, where `instanceof` does not hold. */
export function isSealiftError(error: unknown): error is SealiftError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** What helps when file descriptors have run out. */
export const MORE_DESCRIPTORS = 'raise the limit of open files (ulimit -n), or lower threads or concurrency';

/** Turns anything thrown into plain data. An unknown error becomes `internal`: a bug, exit code 1. That descriptors ran out, while a module was loaded perhaps, is none. */
export function toFailure(error: unknown): Failure {
  if (isSealiftError(error)) {
    const { code, message, remedy, retryable } = error;
    return remedy === undefined ? { code, message, retryable } : { code, message, remedy, retryable };
  }
  if (error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')) {
    return { code: 'unreadable', message: `too many files and sockets are open: ${error.message}`, remedy: MORE_DESCRIPTORS, retryable: false };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : 'a value that is no Error was thrown';
  return { code: 'internal', message: `internal error: ${text}`, retryable: false };
}

/** What of a failure a person is told. */
export type Cause = Pick<Failure, 'code' | 'message' | 'remedy'>;

export function toCause({ code, message, remedy }: Cause | SealiftError): Cause {
  return remedy === undefined ? { code, message } : { code, message, remedy };
}

/** The inverse of {@link toFailure}: what another thread or process answered is thrown as the error it was. */
export function fromFailure(failure: Failure): SealiftError {
  const details = { retryable: failure.retryable, ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }) };
  return new SealiftError(failure.code, failure.message, details);
}

/** Whether a code is one of ours: recorded failures are read back from manifests. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(EXIT_CODES, code);
}

export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code];
}

/** Whether a failure of this kind stops the whole run rather than only its own file. */
export function isRunFatal(code: ErrorCode): boolean {
  return RUN_FATAL.has(code);
}

/** One exit code for a run that met several causes; 0 for none. Integrity outranks everything that is not the run's own end. */
export function combineExitCodes(exitCodes: Iterable<number>): number {
  const seen = new Set(exitCodes);
  return PRECEDENCE.find((exitCode) => seen.has(exitCode)) ?? 0;
}
