import type { SkipReason, SkipReasons } from '../run/events.js';
import type { EncodedPath } from '../run/types.js';
import type { EntryState, IndexEntry } from './file-index.js';
import type { CloseRecord, FailedRecord, OpenRecord, SessionRecord } from './record.js';
import { openView, type ManifestView } from './view.js';

const STATES: readonly EntryState[] = ['started', 'sealed', 'done', 'failed', 'skipped', 'directory', 'abandoned', 'fetching'];

/** A file that failed, with its last error. */
export interface RecordedFailure extends Pick<FailedRecord, 'code' | 'message' | 'remedy' | 'retryable'> {
  readonly path: EncodedPath;
}

/** A file that was begun and is not done. */
export interface UnfinishedFile {
  readonly path: EncodedPath;
  readonly direction: 'up' | 'down';
  readonly sizeBytes: number;
  /** Of the upload, where one was begun. */
  readonly uploadId?: string;
  /** Parts confirmed by the server, or ranges on the disk. */
  readonly pieces: number;
}

/** What a manifest says of its run. */
export interface RunSummary {
  readonly file: string;
  readonly head: OpenRecord;
  /** Files by what their last record says. */
  readonly counts: Readonly<Record<EntryState, number>>;
  /** Of what is skipped, empty directories included. */
  readonly skipReasons: SkipReasons;
  /** Files that were begun and not finished: started, sealed, abandoned, fetching. */
  readonly left: number;
  /** Plaintext bytes of the files that are done. */
  readonly bytes: number;
  /** The last error of every file that failed and was not done since. */
  readonly failures: readonly RecordedFailure[];
  /** Large files under way. */
  readonly unfinished: readonly UnfinishedFile[];
  /** The latest session, with the options it was given: what `resume` repeats. */
  readonly lastSession: SessionRecord | undefined;
  /** How the latest session ended; undefined while one is at work or when it was interrupted. */
  readonly lastClose: CloseRecord | undefined;
  /** Whether the latest session found everything done or skipped. */
  readonly complete: boolean;
}

/**
 * What of a run is done, failed, skipped and left. Takes no lock and changes nothing, so it may be asked of a run at work.
 *
 * @throws SealiftError `manifest-missing` or `manifest-corrupt`.
 */
export async function summarize(file: string): Promise<RunSummary> {
  const view = await openView(file);
  try {
    return summaryOf(view);
  } finally {
    await view.release();
  }
}

function summaryOf(view: ManifestView): RunSummary {
  const counts = Object.fromEntries(STATES.map((state) => [state, view.count(state)])) as Record<EntryState, number>;
  const { lastClose, lastSession } = view;
  const failures: RecordedFailure[] = [];
  const skipReasons: Partial<Record<SkipReason, number>> = {};
  let bytes = 0;
  for (const entry of view.entries()) {
    bytes += entry.state === 'done' ? view.sizeBytes(entry) : 0;
    failures.push(...failureOf(view, entry));
    const reason = skipReasonOf(view, entry);
    if (reason !== undefined) {
      skipReasons[reason] = (skipReasons[reason] ?? 0) + 1;
    }
  }
  return {
    file: view.file,
    head: view.head,
    counts,
    skipReasons,
    left: counts.started + counts.sealed + counts.abandoned + counts.fetching,
    bytes,
    failures,
    unfinished: unfinishedOf(view),
    lastSession,
    lastClose,
    complete: lastClose?.complete ?? false,
  };
}

function failureOf(view: ManifestView, entry: IndexEntry): readonly RecordedFailure[] {
  const record = entry.state === 'failed' ? view.read(entry) : undefined;
  if (record?.type !== 'failed') {
    return [];
  }
  const { code, message, remedy, retryable } = record;
  return [{ path: view.path(entry.id), code, message, retryable, ...(remedy === undefined ? {} : { remedy }) }];
}

function skipReasonOf(view: ManifestView, entry: IndexEntry): SkipReason | undefined {
  if (entry.state === 'directory') {
    return 'empty-directory';
  }
  const record = entry.state === 'skipped' ? view.read(entry) : undefined;
  return record?.type === 'skipped' ? (record.reason as SkipReason) : undefined;
}

function unfinishedOf(view: ManifestView): readonly UnfinishedFile[] {
  const up = [...view.pendingUploads].map(([id, { sealed, uploadId, parts }]): UnfinishedFile => ({
    path: view.path(id), direction: 'up', sizeBytes: sealed.size, pieces: parts.size, ...(uploadId === undefined ? {} : { uploadId }),
  }));
  const down = [...view.pendingFetches].map(([id, { fetching, ranges }]): UnfinishedFile => ({
    path: view.path(id), direction: 'down', sizeBytes: fetching.size, pieces: ranges.size,
  }));
  return [...up, ...down];
}
