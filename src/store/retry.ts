import { isSealiftError, StoreError } from '../errors.js';
import type { SealiftError } from '../errors.js';
import {
  CHECKSUM_ATTEMPTS, RETRY_AFTER_CAP_MS, RETRY_BASE_MS, RETRY_BUDGET_SHARE, RETRY_BUDGET_START, RETRY_CAP_MS, RETRY_TOTAL_MS,
} from '../limits.js';
import { eitherSignal, pause } from './abort.js';
import type { ObjectStore, RequestOptions } from './store.js';

/** All times in milliseconds. */
export interface RetryPolicy {
  /** The n-th pause (from 0) is a random share of `baseMs · 2^n`, of `capMs` at most. */
  readonly baseMs: number;
  readonly capMs: number;
  /** An operation that has gone on for this long is not tried again, except once. */
  readonly totalMs: number;
  /** Longest wait that a server may ask for with Retry-After. */
  readonly retryAfterCapMs: number;
  /** Checksum differences in a row that end an operation. */
  readonly checksumAttempts: number;
}

export const RETRY_POLICY: RetryPolicy = {
  baseMs: RETRY_BASE_MS,
  capMs: RETRY_CAP_MS,
  totalMs: RETRY_TOTAL_MS,
  retryAfterCapMs: RETRY_AFTER_CAP_MS,
  checksumAttempts: CHECKSUM_ATTEMPTS,
};

export interface RetryPorts {
  /** From 0 to 1, 1 excluded. @default Math.random */
  readonly random?: () => number;
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number;
  /** Ends early when the signal aborts. @default a timer */
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Shared by stores that strain the same server. @default one for this store */
  readonly budget?: RetryBudget;
  /** Told before each pause. */
  readonly onRetry?: (failure: SealiftError, pauseMs: number) => void;
  /** Ends whatever this store is asked for, beside the signal of each call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * How many retries all operations together may make at the quick pace: each operation earns a share of one. An empty
 * budget fails nobody. It makes a retry pause as if it were the last of many, so that a struggling server is not met with
 * a multiple of its usual load.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #most: number;
  #retries: number;

  constructor(share = RETRY_BUDGET_SHARE, start = RETRY_BUDGET_START) {
    this.#share = share;
    this.#most = start;
    this.#retries = start;
  }

  earn(): void {
    this.#retries = Math.min(this.#most, this.#retries + this.#share);
  }

  /** Whether there was a retry left to take. */
  spend(): boolean {
    if (this.#retries < 1) {
      return false;
    }
    this.#retries -= 1;
    return true;
  }
}

/**
 * The same store, which sends what failed again, with the same bytes, as long as the adapter calls the failure retryable.
 *
 * An answer that was lost on its way leaves its traces, which only the caller can read:
 * - `put` and `completeUpload` with `forbidOverwrite` then fail with `exists`, `completeUpload` with `not-found`: a `head`
 *   tells whether the object is ours;
 * - `replaceMetadata` then fails with `replaced`, should the server give the object another ETag: a `head` tells whether the
 *   metadata is ours;
 * - `initiateUpload` may leave an upload behind that nobody knows: `listUploads` finds it.
 *
 * `get` is covered until its headers have arrived; its body is resumed by range. Aborting ends pauses at once, with code
 * `interrupted`.
 */
export function withRetry(store: ObjectStore, policy: RetryPolicy = RETRY_POLICY, ports: RetryPorts = {}): ObjectStore {
  const retry = new Retry(policy, ports);
  return {
    put: (key, body, options) => retry.run(key, options, (bound) => store.put(key, body, bound)),
    head: (key, options) => retry.run(key, options, (bound) => store.head(key, bound)),
    get: (key, options) => retry.run(key, options, (bound) => store.get(key, bound)),
    replaceMetadata: (key, change) => retry.run(key, change, (bound) => store.replaceMetadata(key, bound)),
    delete: (key, options) => retry.run(key, options, (bound) => store.delete(key, bound)),
    list: (prefix, token, options) => retry.run(prefix, options, (bound) => store.list(prefix, token, bound)),
    initiateUpload: (key, options) => retry.run(key, options, (bound) => store.initiateUpload(key, bound)),
    uploadPart: (upload, body, options) => retry.run(upload.key, options, (bound) => store.uploadPart(upload, body, bound)),
    listParts: (key, uploadId, options) => retry.run(key, options, (bound) => store.listParts(key, uploadId, bound)),
    completeUpload: (upload, parts, options) => retry.run(upload.key, options, (bound) => store.completeUpload(upload, parts, bound)),
    abortUpload: (key, uploadId, options) => retry.run(key, options, (bound) => store.abortUpload(key, uploadId, bound)),
    listUploads: (prefix, options) => retry.run(prefix, options, (bound) => store.listUploads(prefix, bound)),
    close: () => store.close(),
  };
}

class Retry {
  readonly #policy: RetryPolicy;
  readonly #ports: RetryPorts;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #sleep: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly #budget: RetryBudget;

  constructor(policy: RetryPolicy, ports: RetryPorts) {
    this.#policy = policy;
    this.#ports = ports;
    this.#random = ports.random ?? Math.random;
    this.#now = ports.now ?? performance.now.bind(performance);
    this.#sleep = ports.sleep ?? pause;
    this.#budget = ports.budget ?? new RetryBudget();
  }

  async run<T, O extends RequestOptions | undefined>(object: string, options: O, attempt: (options: O) => Promise<T>): Promise<T> {
    const signal = eitherSignal(options?.signal, this.#ports.signal);
    const bound = signal === options?.signal ? options : { ...options, signal };
    const started = this.#now();
    this.#budget.earn();
    let mismatches = 0;
    for (let retries = 0; ; retries++) {
      stopIfAborted(signal, object);
      try {
        return await attempt(bound);
      } catch (error) {
        if (!isSealiftError(error) || !error.retryable) {
          throw error;
        }
        mismatches = error.code === 'checksum-mismatch' ? mismatches + 1 : 0;
        const pauseMs = this.#pause(error, retries);
        if (mismatches >= this.#policy.checksumAttempts || (retries > 0 && this.#now() - started + pauseMs > this.#policy.totalMs)) {
          throw error;
        }
        stopIfAborted(signal, object);
        this.#ports.onRetry?.(error, pauseMs);
        options?.onRetry?.(error);
        await this.#sleep(pauseMs, signal);
      }
    }
  }

  #pause(failure: SealiftError, retries: number): number {
    const { baseMs, capMs, retryAfterCapMs } = this.#policy;
    const ceiling = this.#budget.spend() ? Math.min(capMs, baseMs * 2 ** retries) : capMs;
    const asked = Math.min(retryAfterCapMs, failure.retryAfterMs ?? 0);
    return Math.max(asked, this.#random() * ceiling);
  }
}

function stopIfAborted(signal: AbortSignal | undefined, object: string): void {
  if (signal?.aborted === true) {
    throw new StoreError('interrupted', `${object}: the request was aborted`, { object });
  }
}
