import { constants } from 'node:fs';
import { rm, type FileHandle } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ErrorCode, Failure } from '../errors.js';
import type { ProcessFacts } from '../files/machine.js';
import { syncDirectoryOf } from '../files/sync.js';
import { MAX_PATHS_PER_LINE } from '../limits.js';
import type { SkipReason } from '../run/events.js';
import type { EncodedPath, FileStat } from '../run/types.js';
import type { IndexEntry } from './file-index.js';
import { openEmpty, openManifest } from './files.js';
import { Journal, type Timer } from './journal.js';
import { refuseMalformed, START } from './line.js';
import { lockManifest, lockNewManifest, type LockOptions, type ManifestLock, type NewLockOptions } from './lock.js';
import type {
  CloseRecord, DirectoryRecord, DoneRecord, FailedRecord, FetchingRecord, ManifestLine, ManifestRecord, OpenRecord, SealedRecord, SessionRecord,
  SkippedRecord,
} from './record.js';
import { ManifestState } from './state.js';
import { cutTornTail } from './torn-tail.js';
import { ManifestView, replayManifest, type Replayed } from './view.js';

const APPEND = constants.O_RDWR | constants.O_APPEND;

export interface ManifestOptions extends LockOptions {
  readonly timer?: Timer;
}

/** What is known of an object that the server has confirmed; empty texts where it told nothing. */
export interface Confirmed {
  readonly etag: string;
  /** Decimal. */
  readonly crc64: string;
  /** Lower-case hex; empty for an object of another SDK. */
  readonly commitment: string;
  readonly versionId?: string;
}

/** Pass 1 of a large file. */
export interface Sealing extends Pick<SealedRecord, 'id' | 'metadata' | 'partBytes' | 'attempt' | 'recoverable' | 'resumeKey'> {
  readonly stat: FileStat;
  /** 16 bytes per part, in order. */
  readonly digests: Uint8Array;
}

type Fields<T extends ManifestRecord> = T extends ManifestRecord ? Omit<T, 'type'> : never;
type Fact = WithoutFile<FailedRecord | SkippedRecord | DirectoryRecord>;

type WithoutFile<T> = T extends ManifestRecord ? Omit<T, 'id' | 'path'> : never;

interface Opened extends Replayed {
  readonly warnings: readonly string[];
  readonly lock: ManifestLock;
  readonly timer: Timer | undefined;
}

/**
 * The durable state of a run: what this process writes, and what it and its predecessors wrote, looked up by path or id.
 * One process at a time holds it.
 *
 * Methods that return nothing hand their record to the kernel at the end of the current turn of the event loop and to
 * the disk within 200 ms; methods that return a promise resolve when the record is on the disk. All of them throw, or
 * reject with, SealiftError `disk-full` or `manifest-write-failed` once anything could not be written; the run must
 * then stop, since nothing it does would be remembered.
 */
export class Manifest extends ManifestView {
  /** What was repaired while loading, one sentence each. */
  readonly warnings: readonly string[];
  /** The process whose lock was taken over: it works on nothing of this run any more. Undefined for none. */
  readonly takenFrom: ProcessFacts | undefined;
  readonly #journal: Journal;
  readonly #lock: ManifestLock;
  #released: Promise<void> | undefined;

  private constructor(file: string, handle: FileHandle, opened: Opened) {
    super(file, handle, opened);
    const { timer, position } = opened;
    this.warnings = opened.warnings;
    this.#lock = opened.lock;
    this.takenFrom = opened.lock.takenFrom;
    this.#journal = new Journal(handle, { name: file, position, ...(timer === undefined ? {} : { timer }) });
  }

  /**
   * Makes the file (0600, and the directories above it) or takes an empty one, takes its lock, and brings the first record
   * to the disk. A failure leaves no file behind, but, without the lock, an empty one, which counts as none, where others may
   * have its name.
   *
   * @throws SealiftError `locked`, `disk-full`, or `manifest-write-failed`, also when there is something in the file.
   */
  static async create(file: string, head: Fields<OpenRecord>, options: ManifestOptions & NewLockOptions = {}): Promise<Manifest> {
    const lock = await lockNewManifest(file, options);
    // Opened again under the lock: until then another process may begin its own manifest here, or remove what it began.
    const handle = await orUndo(openEmpty(file), () => lock.release());
    const record: OpenRecord = { type: 'open', ...head };
    const opened = { state: new ManifestState(), head: record, position: START, warnings: [], lock, timer: options.timer };
    const manifest = new Manifest(file, handle, opened);
    await orUndo(manifest.#begin(record), () => rm(file, { force: true }).finally(() => manifest.release()));
    return manifest;
  }

  async #begin(head: OpenRecord): Promise<void> {
    await this.#durable(head);
    await syncDirectoryOf(this.file);
  }

  /**
   * Takes the lock, cuts off what a crash left unfinished (a warning says so), and reads the rest.
   *
   * @throws SealiftError `manifest-missing`, `locked`, `manifest-corrupt` or `manifest-write-failed`.
   */
  static async load(file: string, options: ManifestOptions = {}): Promise<Manifest> {
    const seen = await openManifest(file, APPEND);
    await seen.close();
    const lock = await lockManifest(file, options);
    // Opened again under the lock: "manifest repair" puts a new file in the place of the old one.
    const handle = await orUndo(openManifest(file, APPEND), () => lock.release());
    const recovered = await orUndo(recover(handle, file), async () => {
      await handle.close();
      await lock.release();
    });
    return new Manifest(file, handle, { ...recovered, lock, timer: options.timer });
  }

  /** A process begins to work on the run. */
  session(session: Fields<SessionRecord>): void {
    this.#record({ type: 'session', ...session });
  }

  /**
   * Says, before the files are dispatched, that objects may appear under their keys, and returns their ids in the order of
   * `paths`. When it returns, the kernel has the record: it survives the death of the process, though not yet, for
   * 200 ms, the loss of power.
   */
  started(paths: readonly EncodedPath[]): readonly number[] {
    const fresh: EncodedPath[] = [];
    const again: number[] = [];
    const ids = paths.map((path) => {
      const entry = this.find(path);
      if (entry === undefined) {
        return this.size + fresh.push(path) - 1;
      }
      if (entry.state !== 'started') {
        again.push(entry.id);
      }
      return entry.id;
    });
    for (let start = 0; start < fresh.length; start += MAX_PATHS_PER_LINE) {
      this.#record({ type: 'started', first: this.size, paths: fresh.slice(start, start + MAX_PATHS_PER_LINE) });
    }
    if (again.length > 0) {
      this.#record({ type: 'restarted', ids: again });
    }
    this.#journal.write();
    return ids;
  }

  /** The object is complete and its checksum confirmed; `stat` is the local file as it was read or written. */
  done(id: number, stat: FileStat, { etag, crc64, commitment, versionId }: Confirmed): void {
    this.#record({
      type: 'done', id, ...statFields(stat), etag, mode: stat.mode,
      ...(crc64 === '' ? {} : { crc64 }),
      ...(commitment === '' ? {} : { commitment }),
      ...(versionId === undefined ? {} : { versionId }),
    });
  }

  /** Must resolve before any byte of the attempt leaves. The file has an id from {@link Manifest.started}. */
  async sealed({ id, stat, digests, ...sealing }: Sealing): Promise<void> {
    const { dev, mode } = stat;
    await this.#durable({
      type: 'sealed', id, ...statFields(stat), dev: String(dev), mode, ...sealing, digests: Buffer.from(digests).toString('base64'),
    });
  }

  /** Must resolve before the first part is sent. */
  async upload(id: number, uploadId: string): Promise<void> {
    await this.#durable({ type: 'upload', id, uploadId });
  }

  /** The server has confirmed a part. Ignored when the upload is finished or given up. */
  part(id: number, { number, etag }: { readonly number: number; readonly etag: string }, crc64: bigint): void {
    if (this.pendingUpload(id) !== undefined) {
      this.#record({ type: 'part', id, number, etag, crc64: String(crc64) });
    }
  }

  /** The attempt is over, up or down; what was pending is forgotten. */
  async abandoned(id: number, code: ErrorCode, uploadId?: string): Promise<void> {
    await this.#durable({ type: 'abandoned', id, code, ...(uploadId === undefined ? {} : { uploadId }) });
  }

  /** A large object begins to arrive in the temporary file of this name, beside its destination. */
  async fetching(fetch: Fields<FetchingRecord>): Promise<void> {
    await this.#durable({ type: 'fetching', ...fetch });
  }

  /** The temporary file holds the range on the disk. Ignored when nothing is being fetched under this id. */
  range(id: number, number: number): void {
    if (this.pendingFetch(id) !== undefined) {
      this.#record({ type: 'range', id, number });
    }
  }

  /** Writes nothing when the manifest says exactly that already. */
  failed(path: EncodedPath, failure: Failure): void {
    const { code, message, remedy, retryable } = failure;
    this.#fact(path, { type: 'failed', code, message, ...(remedy === undefined ? {} : { remedy }), retryable });
  }

  /** Writes nothing when the manifest says exactly that already. A file that is unchanged since it was done is not skipped: it is done. */
  skipped(path: EncodedPath, reason: Exclude<SkipReason, 'unchanged'>, target?: string): void {
    this.#fact(path, { type: 'skipped', reason, ...(target === undefined ? {} : { target }) });
  }

  /** An empty directory. Writes nothing when the manifest says so already. */
  directory(path: EncodedPath): void {
    this.#fact(path, { type: 'directory' });
  }

  /** Everything recorded so far is on the disk when this resolves. */
  async flush(): Promise<void> {
    await this.#journal.flush();
  }

  /** The session ends in good order: records its counters and releases file and lock, these also when the record fails. */
  async close(summary: Fields<CloseRecord>): Promise<void> {
    try {
      await this.#durable({ type: 'close', ...summary });
    } finally {
      await this.release();
    }
  }

  /** Releases file and lock without saying how the session ended; once is enough. Records made so far are on the disk. */
  override release(): Promise<void> {
    this.#released ??= this.#releaseBoth();
    return this.#released;
  }

  async #releaseBoth(): Promise<void> {
    try {
      await this.#journal.close();
    } finally {
      await this.#lock.release();
    }
  }

  protected override lineAt(offset: number): ManifestLine {
    this.#journal.write();
    return super.lineAt(offset);
  }

  #record(record: ManifestRecord): void {
    refuseMalformed(record);
    this.state.apply(record, this.#journal.sizeBytes);
    this.#journal.append(record);
  }

  async #durable(record: ManifestRecord): Promise<void> {
    this.#record(record);
    await this.#journal.flush();
  }

  #fact(path: EncodedPath, fact: Fact): void {
    const entry = this.find(path);
    if (entry === undefined) {
      this.#record({ ...fact, id: this.size, path });
    } else if (entry.state !== fact.type || !this.#says(entry, fact)) {
      this.#record({ ...fact, id: entry.id });
    }
  }

  #says(entry: IndexEntry, fact: Fact): boolean {
    const aside = { id: entry.id, path: undefined, seq: 0, chain: '' };
    return isDeepStrictEqual({ ...this.read(entry), ...aside }, { ...fact, ...aside });
  }
}

async function recover(handle: FileHandle, file: string): Promise<Replayed & { readonly warnings: readonly string[] }> {
  const replayed = await replayManifest(handle, file);
  const warning = await cutTornTail(handle, file, replayed.position.offset);
  return { ...replayed, warnings: warning === undefined ? [] : [warning] };
}

function statFields({ sizeBytes, mtimeNs, ctimeNs, ino }: FileStat): Pick<DoneRecord, 'size' | 'mtimeNs' | 'ctimeNs' | 'ino'> {
  return { size: sizeBytes, mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs), ino: String(ino) };
}

async function orUndo<T>(work: Promise<T>, undo: () => Promise<void>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    await undo();
    throw error;
  }
}
