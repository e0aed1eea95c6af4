import type { Cause, ErrorCode } from '../errors.js';

/** The numbers a run works with, after every default has been applied; printed by `--dry-run`. */
export interface Effective {
  /** At most. */
  readonly threads: number;
  /** Of these, that start as soon as one has enough to do: all that were asked for. */
  readonly threadsAtOnce: number;
  /** Requests in flight per thread. */
  readonly concurrency: number;
  readonly partBytes: number;
  /** Budget of all buffers. */
  readonly memoryBytes: number;
  /** Of object bodies, on all threads together; absent for no limit. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** A file above this many bytes travels in parts. */
  readonly singlePutBytes: number;
  readonly envelope: string;
  readonly endpoint: string;
  /** Host and port of the HTTP proxy on the way there, where there is one. */
  readonly proxy?: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Fingerprints of the master keys; the first one seals. */
  readonly masterKeys: readonly string[];
}

/** Files of a run; `scanned = done + skipped + failed` once it has ended. */
export interface Counters {
  readonly scanned: number;
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
  /** Plaintext bytes of the files that are done in this session. */
  readonly bytes: number;
}

/** Always the first event. */
export interface StartEvent {
  readonly event: 'start';
  readonly run: string;
  /** Path of the manifest; absent in a dry run and where a command keeps none. */
  readonly manifest?: string;
  readonly effective: Effective;
}

/** A few times per second. */
export interface ProgressEvent extends Counters {
  readonly event: 'progress';
  /** Plaintext bytes of everything scanned so far. */
  readonly scannedBytes: number;
  /** Plaintext bytes moved so far, parts of unfinished files included; of a rewrap, those of the objects that are done. */
  readonly movedBytes: number;
  /** Whether the walk or listing is still going on, so that totals are lower bounds. */
  readonly scanning: boolean;
}

/** What became of a file; `planned` in a dry run only. */
export type FileState = 'done' | 'skipped' | 'failed' | 'planned';

/** One per file that is settled. */
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

/** Why a file was left out; none of these is a failure. */
export type SkipReason =
  | 'unchanged' | 'exists' | 'symlink' | 'special' | 'excluded' | 'own-file' | 'empty-directory' | 'same-key';

/** How many were skipped for which reason. */
export type SkipReasons = Readonly<Partial<Record<SkipReason, number>>>;

/** Something a person should know that is no failure: an unauthenticated read, a replaced object, a recovered manifest. */
export interface NoticeEvent {
  readonly event: 'notice';
  readonly level: 'info' | 'warning';
  readonly message: string;
}

/** Always the last event. */
export interface SummaryEvent extends Counters {
  readonly event: 'summary';
  readonly exitCode: number;
  /** What ended the run before its end; absent where everything that there was to do has been tried. */
  readonly error?: Cause;
  /**
   * Files that were sent again from the beginning: large ones although parts of them had arrived, small ones that may have arrived
   * where the credentials may not look; absent for none.
   */
  readonly restarted?: number;
  /** `skipped` in all; absent for none. */
  readonly skipReasons?: SkipReasons;
}

/** Everything that a run tells while it is under way. */
export type RunEvent = StartEvent | ProgressEvent | FileEvent | NoticeEvent | SummaryEvent;

/**
 * Called on the coordinator's thread, in order; must not block. One that throws ends the run in good order: what is under way
 * may finish, the manifest is closed, the listener is not called again, and the run rejects with what it threw.
 */
export type EventListener = (event: RunEvent) => void;
