import type { ObjectStore, PendingUpload } from '../store/store.js';

export interface UploadCollection {
  readonly store: Pick<ObjectStore, 'listUploads' | 'abortUpload'>;
  /** Whole segments: `a` means `a` and what lies below `a/`. Empty for the whole bucket. */
  readonly prefix: string;
  /** Milliseconds; younger uploads may be under way. */
  readonly olderThanMs: number;
  readonly dryRun: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

export interface FoundUpload extends PendingUpload {
  /** `planned` in a dry run. */
  readonly state: 'aborted' | 'planned' | 'kept';
}

/**
 * Aborts multipart uploads that were begun long ago and never finished: their parts cost storage and show up in no listing
 * of objects. An upload whose age cannot be told is kept.
 */
export async function* collectUploads({ store, prefix, olderThanMs, dryRun, now, signal }: UploadCollection): AsyncGenerator<FoundUpload> {
  const options = signal === undefined ? {} : { signal };
  for (const upload of await store.listUploads(prefix, options)) {
    if (!isBelow(upload.key, prefix)) {
      continue;
    }
    const isOld = now - Date.parse(upload.initiated) >= olderThanMs;
    if (isOld && !dryRun) {
      await store.abortUpload(upload.key, upload.uploadId, options);
    }
    yield { ...upload, state: isOld ? (dryRun ? 'planned' : 'aborted') : 'kept' };
  }
}

function isBelow(key: string, prefix: string): boolean {
  return prefix === '' || key === prefix || key.startsWith(`${prefix}/`);
}
