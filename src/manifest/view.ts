import type { FileHandle } from 'node:fs/promises';
import { SealiftError } from '../errors.js';
import type { EncodedPath } from '../run/types.js';
import type { EntryState, IndexEntry, StatKey } from './file-index.js';
import { openManifest } from './files.js';
import { parseLine, type Position } from './line.js';
import { readLine } from './raw-lines.js';
import type { CloseRecord, DoneRecord, ManifestLine, ManifestRecord, OpenRecord, SessionRecord } from './record.js';
import { corruptManifest, emptyManifest, Replay } from './replay.js';
import { ManifestState, type PendingFetch, type PendingUpload } from './state.js';

/** A manifest read into memory. */
export interface Replayed {
  readonly state: ManifestState;
  readonly head: OpenRecord;
  /** The end of the last good line. */
  readonly position: Position;
}

/**
 * What a manifest says, looked up by path or id. {@link openView} gives one that needs no lock and changes nothing:
 * for `status` and `verify`, also while a run is writing.
 */
export class ManifestView {
  /** Path of the manifest. */
  readonly file: string;
  readonly head: OpenRecord;
  protected readonly state: ManifestState;
  protected readonly handle: FileHandle;

  constructor(file: string, handle: FileHandle, { state, head }: Pick<Replayed, 'state' | 'head'>) {
    this.file = file;
    this.handle = handle;
    this.state = state;
    this.head = head;
  }

  /** Number of files; ids run from 0 to one less. */
  get size(): number {
    return this.state.index.size;
  }

  /** The latest session, with the options it was given. */
  get lastSession(): SessionRecord | undefined {
    return this.state.lastSession;
  }

  /** How the latest session ended; undefined while one is open or when it did not end in good order. */
  get lastClose(): CloseRecord | undefined {
    return this.state.lastClose;
  }

  /** Large files on their way up, by id. */
  get pendingUploads(): ReadonlyMap<number, PendingUpload> {
    return this.state.uploads;
  }

  /** Large objects on their way down, by id. */
  get pendingFetches(): ReadonlyMap<number, PendingFetch> {
    return this.state.fetches;
  }

  find(path: EncodedPath): IndexEntry | undefined {
    return this.state.index.find(path);
  }

  /** @throws RangeError when there is no such id. */
  entry(id: number): IndexEntry {
    return this.state.index.entry(id);
  }

  /** All files in the order of their first mention. */
  *entries(): Generator<IndexEntry> {
    for (let id = 0; id < this.size; id += 1) {
      yield this.entry(id);
    }
  }

  count(state: EntryState): number {
    return this.state.index.count(state);
  }

  /** Whether the file is done and size, mtime, ctime and inode are what they were then. */
  isUnchanged(entry: IndexEntry, stat: StatKey): boolean {
    return this.state.index.isUnchanged(entry, stat);
  }

  /** Plaintext bytes of a done file. */
  sizeBytes(entry: IndexEntry): number {
    return this.state.index.sizeBytes(entry.id);
  }

  pendingUpload(id: number): PendingUpload | undefined {
    return this.state.uploads.get(id);
  }

  pendingFetch(id: number): PendingFetch | undefined {
    return this.state.fetches.get(id);
  }

  /** The record that gave the entry its state, read from the file: about 10 µs. @throws SealiftError `manifest-corrupt` */
  read(entry: IndexEntry): ManifestRecord {
    return this.lineAt(entry.offset);
  }

  /** Whether the file was done at any time, whatever became of it since. */
  wasDone(entry: IndexEntry): boolean {
    return this.state.index.lastDone(entry.id) !== undefined;
  }

  /** Whether an object of this run may stand under the file's key, for all that its records tell. */
  mayHoldOurs(id: number): boolean {
    return this.state.index.mayHoldOurs(id);
  }

  /** The record of the last time that the file was done, read from the file. @throws SealiftError `manifest-corrupt` */
  lastDone(entry: IndexEntry): { readonly record: DoneRecord; readonly attemptedSince: boolean } | undefined {
    const last = this.state.index.lastDone(entry.id);
    if (last === undefined) {
      return undefined;
    }
    const record = this.lineAt(last.offset);
    if (record.type !== 'done') {
      throw changedBehindOurBack(this.file);
    }
    return { record, attemptedSince: last.attemptedSince };
  }

  /** The path of a file, read from the file. @throws SealiftError `manifest-corrupt` */
  path(id: number): EncodedPath {
    const record = this.lineAt(this.state.index.mentionOffset(id));
    const path = record.type === 'started' ? record.paths[id - record.first] : 'path' in record ? record.path : undefined;
    if (path === undefined) {
      throw changedBehindOurBack(this.file);
    }
    return path;
  }

  /** Frees the file descriptor. */
  async release(): Promise<void> {
    await this.handle.close();
  }

  protected lineAt(offset: number): ManifestLine {
    const record = parseLine(readLine(this.handle.fd, offset));
    if (record === undefined) {
      throw changedBehindOurBack(this.file);
    }
    return record;
  }
}

/** @throws SealiftError `manifest-missing` or `manifest-corrupt`. The view must be released. */
export async function openView(file: string): Promise<ManifestView> {
  const handle = await openManifest(file, 'r');
  try {
    return new ManifestView(file, handle, await replayManifest(handle, file));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Reads a whole manifest. An unfinished end is passed over.
 *
 * @throws SealiftError `manifest-corrupt`.
 */
export async function replayManifest(handle: FileHandle, file: string): Promise<Replayed> {
  const state = new ManifestState();
  const replay = new Replay(handle, file);
  for await (const lines of replay.batches()) {
    for (const { record, offset } of lines) {
      applyOrRefuse(state, { record, offset, file });
    }
  }
  const { head } = state;
  if (head === undefined) {
    throw emptyManifest(file);
  }
  return { state, head, position: replay.position };
}

/**
 * The records of a manifest in order, without a lock. An unfinished end is passed over.
 *
 * @throws SealiftError `manifest-missing` or `manifest-corrupt`.
 */
export async function* readManifest(file: string): AsyncGenerator<ManifestRecord> {
  const handle = await openManifest(file, 'r');
  try {
    for await (const lines of new Replay(handle, file).batches()) {
      for (const { record } of lines) {
        yield record;
      }
    }
  } finally {
    await handle.close();
  }
}

function applyOrRefuse(state: ManifestState, { record, offset, file }: { record: ManifestLine; offset: number; file: string }): void {
  try {
    state.apply(record, offset);
  } catch (cause) {
    throw corruptManifest(file, record.seq, cause);
  }
}

function changedBehindOurBack(file: string): SealiftError {
  return new SealiftError('manifest-corrupt', `the manifest ${file} was changed while it was in use`, {
    object: file, remedy: `run "sealift manifest repair ${file}", and let nothing else write to it`,
  });
}
