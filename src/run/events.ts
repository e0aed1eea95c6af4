import type { ErrorCode } from '../errors.js';

/** The numbers a run works with, after every default has been applied; printed by `--dry-run`. */
export interface Effective {
  readonly threads: number;
  /** Requests in flight per thread. */
  readonly concurrency: number;
  readonly partBytes: number;
  /** Budget of all buffers. */
  readonly memoryBytes: number;
  /** A file above this many bytes travels in parts. */
  readonly singlePutBytes: number;
  readonly envelope: string;
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Fingerprints of the master keys; the first one seals. */
  readonly masterKeys: readonly string[];
}

export interface Counters {
  readonly scanned: number;
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
  /** Plaintext bytes of the files that are done in this session. */
  readonly bytes: number;
}

export interface StartEvent {
  readonly event: 'start';
  readonly run: string;
  /** Path of the manifest; absent in a dry run and where a command keeps none. */
  readonly manifest?: string;
  readonly effective: Effective;
}

export interface ProgressEvent extends Counters {
  readonly event: 'progress';
  /** Plaintext bytes of everything scanned so far. */
  readonly scannedBytes: number;
  /** Plaintext bytes moved so far, parts of unfinished files included. */
  readonly movedBytes: number;
  /** Whether the walk or listing is still going on, so that totals are lower bounds. */
  readonly scanning: boolean;
}

export type FileState = 'done' | 'skipped' | 'failed' | 'planned';

export interface FileEvent {
  readonly event: 'file';
  /** Percent-encoded relative path. */
  readonly path: string;
  readonly key: string;
  readonly state: FileState;
  /** Plaintext bytes. */
  readonly bytes?: number;
  /** Of a failure: the error code. Of a skip: the reason. */
  readonly code?: ErrorCode | SkipReason;
  /** Of a failure: one line for a person. */
  readonly message?: string;
}

export type SkipReason =
  | 'unchanged' | 'exists' | 'symlink' | 'special' | 'excluded' | 'own-file' | 'empty-directory' | 'not-sealed';

/** Something a person should know that is no failure: an unauthenticated read, a replaced object, a recovered manifest. */
export interface NoticeEvent {
  readonly event: 'notice';
  readonly level: 'info' | 'warning';
  readonly message: string;
}

export interface SummaryEvent extends Counters {
  readonly event: 'summary';
  readonly exitCode: number;
}

export type RunEvent = StartEvent | ProgressEvent | FileEvent | NoticeEvent | SummaryEvent;

/** Called on the coordinator's thread, in order; must not block. */
export type EventListener = (event: RunEvent) => void;
