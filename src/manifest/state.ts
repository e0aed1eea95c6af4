import type { EncodedPath } from '../run/types.js';
import { FileIndex, type Change, type EntryState } from './file-index.js';
import type {
  CloseRecord, DirectoryRecord, DoneRecord, FailedRecord, FetchingRecord, ManifestRecord, OpenRecord, PartRecord, SealedRecord,
  SessionRecord, SkippedRecord, UploadRecord,
} from './record.js';

/**
 * The code of an attempt that was given up because its upload was gone with all its parts, and nobody was allowed to look at what
 * became of it: an object of this run may stand there.
 */
export const ENDED_UNSEEN = 'access-denied';

/** A large file on its way up that was neither finished nor given up. */
export interface PendingUpload {
  readonly sealed: SealedRecord;
  /** Undefined when no upload was begun, or its id was lost before it was recorded. */
  readonly uploadId: string | undefined;
  /** Confirmed parts by number, from 1. */
  readonly parts: ReadonlyMap<number, Pick<PartRecord, 'etag' | 'crc64'>>;
}

/** A large object on its way down. */
export interface PendingFetch {
  readonly fetching: FetchingRecord;
  /** Numbers, from 0, of the ranges that the temporary file holds. */
  readonly ranges: ReadonlySet<number>;
}

/** A record speaks of a file that was never introduced, or introduces one twice. */
export class InconsistentRecord extends Error {
  static {
    this.prototype.name = 'InconsistentRecord';
  }
}

type FileRecord = Extract<ManifestRecord, { readonly id: number }>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface Upload extends Writable<PendingUpload> {
  readonly parts: Map<number, Pick<PartRecord, 'etag' | 'crc64'>>;
}
interface Fetch extends PendingFetch {
  readonly ranges: Set<number>;
}

/**
 * What the records of a manifest add up to, read back or just written alike. Memory: the index (see there), and the
 * records of large files under way.
 */
export class ManifestState {
  readonly index = new FileIndex();
  readonly #uploads = new Map<number, Upload>();
  readonly #fetches = new Map<number, Fetch>();
  #head: OpenRecord | undefined;
  #lastSession: SessionRecord | undefined;
  #lastClose: CloseRecord | undefined;

  get head(): OpenRecord | undefined {
    return this.#head;
  }

  /** The latest one, at work or ended. */
  get lastSession(): SessionRecord | undefined {
    return this.#lastSession;
  }

  /** Of the latest session; undefined while one is open or when it did not end in good order. */
  get lastClose(): CloseRecord | undefined {
    return this.#lastClose;
  }

  get uploads(): ReadonlyMap<number, PendingUpload> {
    return this.#uploads;
  }

  get fetches(): ReadonlyMap<number, PendingFetch> {
    return this.#fetches;
  }

  /** Adds the record whose line starts at `offset`. @throws InconsistentRecord */
  apply(record: ManifestRecord, offset: number): void {
    if ((record.type === 'open') !== (this.#head === undefined)) {
      throw new InconsistentRecord('the first record, and no other, opens the manifest');
    }
    switch (record.type) {
      case 'open':
        this.#head = record;
        return;
      case 'session':
        this.#lastSession = record;
        this.#lastClose = undefined;
        return;
      case 'close':
        this.#lastClose = record;
        return;
      case 'started':
        this.#introduce(record.first, record.paths, offset);
        record.paths.forEach((_, index) => this.#set(record.first + index, 'started', { offset, attempted: true }));
        return;
      case 'restarted':
        record.ids.forEach((id) => this.#set(id, 'started', { offset, attempted: true }));
        return;
      default:
        this.#applyToFile(record, offset);
    }
  }

  #applyToFile(record: FileRecord, offset: number): void {
    if ('path' in record && record.path !== undefined) {
      this.#introduce(record.id, [record.path], offset);
    }
    switch (record.type) {
      case 'done':
        this.#finish(record, offset);
        return;
      case 'abandoned':
        this.#set(record.id, 'abandoned', { offset, attempted: true, ...(record.code === ENDED_UNSEEN ? { mayHoldOurs: true } : {}) });
        this.#forget(record.id);
        return;
      case 'sealed':
      case 'upload':
      case 'part':
        this.#applyToUpload(record, offset);
        return;
      case 'fetching':
        this.#set(record.id, 'fetching', { offset });
        this.#fetches.set(record.id, { fetching: record, ranges: new Set() });
        return;
      case 'range':
        this.#fetches.get(record.id)?.ranges.add(record.number);
        return;
      default:
        this.#set(record.id, record.type, { offset, ...(notOurs(record) ? { attempted: false, mayHoldOurs: false } : {}) });
    }
  }

  #applyToUpload(record: SealedRecord | UploadRecord | PartRecord, offset: number): void {
    if (record.type === 'sealed') {
      this.#set(record.id, 'sealed', { offset, attempted: true });
      this.#uploads.set(record.id, { sealed: record, uploadId: undefined, parts: new Map() });
      return;
    }
    const upload = this.#uploads.get(record.id);
    if (record.type === 'part') {
      upload?.parts.set(record.number, record);
      return;
    }
    if (upload === undefined) {
      throw new InconsistentRecord(`an upload of file ${record.id}, which is not sealed`);
    }
    upload.uploadId = record.uploadId;
  }

  #finish(record: DoneRecord, offset: number): void {
    const { id, size, mtimeNs, ctimeNs, ino } = record;
    this.#set(id, 'done', { offset, attempted: true });
    this.index.setStat(id, { sizeBytes: size, mtimeNs: BigInt(mtimeNs), ctimeNs: BigInt(ctimeNs), ino: BigInt(ino) });
    this.#forget(id);
  }

  #forget(id: number): void {
    this.#uploads.delete(id);
    this.#fetches.delete(id);
  }

  #introduce(first: number, paths: readonly EncodedPath[], offset: number): void {
    if (first !== this.index.size) {
      throw new InconsistentRecord(`file ${first} is introduced where ${this.index.size} is due`);
    }
    for (const path of paths) {
      if (this.index.add(path, offset) === undefined) {
        throw new InconsistentRecord('a path is introduced twice');
      }
    }
  }

  #set(id: number, state: EntryState, change: Change): void {
    if (id >= this.index.size) {
      throw new InconsistentRecord(`file ${id} was never introduced`);
    }
    this.index.set(id, state, change);
  }
}

/** Somebody else's object stands under the key, so what an earlier attempt may have written is not there. */
function notOurs(record: FailedRecord | SkippedRecord | DirectoryRecord): boolean {
  return (record.type === 'failed' && record.code === 'exists') || (record.type === 'skipped' && record.reason === 'exists');
}
