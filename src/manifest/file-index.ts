import type { EncodedPath, FileStat } from '../run/types.js';
import { digestPath, PathTable, type PathDigest } from './path-table.js';

/** `started` is 0, the state of a fresh row. */
const LATER_STATES = ['sealed', 'done', 'failed', 'skipped', 'directory', 'abandoned', 'fetching'] as const;

/** What the last record about a file says. */
export type EntryState = 'started' | (typeof LATER_STATES)[number];

export interface IndexEntry {
  readonly id: number;
  readonly state: EntryState;
  /** Of the record that gave it this state: bytes from the start of the manifest. */
  readonly offset: number;
  /** Whether an attempt of this run may have written the object under this key; not reset by later failures. */
  readonly attempted: boolean;
}

/** What a record says besides the state; what is left out stays as it was. */
export interface Change {
  readonly offset: number;
  readonly attempted?: boolean;
  /** {@link FileIndex.mayHoldOurs}; done files need not say it. */
  readonly mayHoldOurs?: boolean;
}

/** The last time that a file was done. */
export interface LastDone {
  /** Of its record: bytes from the start of the manifest. */
  readonly offset: number;
  /** Whether an attempt was begun since, which may have left another object. */
  readonly attemptedSince: boolean;
}

/** The part of a file's stat that decides whether it is unchanged. `dev` is left out: it may differ after a reboot. */
export type StatKey = Pick<FileStat, 'sizeBytes' | 'mtimeNs' | 'ctimeNs' | 'ino'>;

const PAGE_BITS = 14;
const PAGE_ROWS = 1 << PAGE_BITS;
const DIGEST = 0;
const SIZE = 16;
const MTIME = 24;
const CTIME = 32;
const INO = 40;
const OFFSET = 48;
const MENTION = 56;
const STATE = 64;
const ROW_BYTES = 65;
const STATE_BITS = 0x0f;
const ATTEMPTED = 0x80;
/** Was done and is not now. No stat is needed then, and the offset of the record that said so stands in place of the size. */
const WAS_DONE = 0x40;
const ATTEMPTED_SINCE = 0x20;
const MAY_HOLD_OURS = 0x10;

/**
 * Every file of a run in 65 bytes, plus 5.3 to 10.7 for finding it by path: 74 bytes per file at 1,000,000 files (measured),
 * and never more than 76 (one page of 1 MiB apart). A row holds the 128-bit digest of the path, the stat of a finished file whole
 * (exact, and cheaper to compare than a digest of it), where its last record and the mention of its path stand in the
 * manifest, and its state; of a file that is no longer done, also where it last was. Pages are never copied, so growing costs no second copy.
 */
export class FileIndex {
  readonly #pages: DataView[] = [];
  /** By number of state. */
  readonly #counts = new DataView(new ArrayBuffer((LATER_STATES.length + 1) * 8));
  readonly #table = new PathTable({
    matches: (id, digest) => this.#hasDigest(id, digest),
    digestOf: (id) => this.#digestOf(id),
  });
  #size = 0;

  /** Number of files; ids run from 0 to one less. */
  get size(): number {
    return this.#size;
  }

  count(state: EntryState): number {
    return this.#counts.getFloat64(numberOf(state) * 8);
  }

  find(path: EncodedPath): IndexEntry | undefined {
    const id = this.#table.find(digestPath(path));
    return id === undefined ? undefined : this.entry(id);
  }

  /** @throws RangeError when there is no such id. */
  entry(id: number): IndexEntry {
    const { page, row } = this.#row(id);
    const state = page.getUint8(row + STATE);
    return { id, state: stateNamed(state & STATE_BITS), offset: page.getFloat64(row + OFFSET), attempted: (state & ATTEMPTED) !== 0 };
  }

  /** Gives the path the next id; undefined when it has one already. `mentionOffset` is that of the line that names it. */
  add(path: EncodedPath, mentionOffset: number): number | undefined {
    const digest = digestPath(path);
    if (this.#table.find(digest) !== undefined) {
      return undefined;
    }
    const id = this.#size;
    this.#size += 1;
    if (id % PAGE_ROWS === 0) {
      this.#pages.push(new DataView(new ArrayBuffer(PAGE_ROWS * ROW_BYTES)));
    }
    const { page, row } = this.#row(id);
    digest.forEach((word, index) => page.setUint32(row + DIGEST + index * 4, word));
    page.setFloat64(row + MENTION, mentionOffset);
    this.#table.add(digest, id);
    this.#bump(0, 1);
    return id;
  }

  set(id: number, state: EntryState, change: Change): void {
    const { page, row } = this.#row(id);
    const before = page.getUint8(row + STATE);
    const attempted = change.attempted ?? (before & ATTEMPTED) !== 0;
    this.#bump(before & STATE_BITS, -1);
    this.#bump(numberOf(state), 1);
    if ((before & STATE_BITS) === DONE && state !== 'done') {
      page.setFloat64(row + SIZE, page.getFloat64(row + OFFSET));
    }
    const mayHoldOurs = change.mayHoldOurs ?? (state === 'done' || (before & MAY_HOLD_OURS) !== 0);
    page.setUint8(row + STATE, numberOf(state) | (attempted ? ATTEMPTED : 0) | (mayHoldOurs ? MAY_HOLD_OURS : 0) | (state === 'done' ? 0 : traceOfDone(before, change.attempted)));
    page.setFloat64(row + OFFSET, change.offset);
  }

  setStat(id: number, stat: StatKey): void {
    const { page, row } = this.#row(id);
    page.setFloat64(row + SIZE, stat.sizeBytes);
    page.setBigInt64(row + MTIME, stat.mtimeNs);
    page.setBigInt64(row + CTIME, stat.ctimeNs);
    page.setBigUint64(row + INO, stat.ino);
  }

  /** Whether the file is done and size, mtime, ctime and inode are what they were then. */
  isUnchanged(entry: Pick<IndexEntry, 'id'>, stat: StatKey): boolean {
    const { page, row } = this.#row(entry.id);
    return (
      this.entry(entry.id).state === 'done' &&
      page.getFloat64(row + SIZE) === stat.sizeBytes &&
      page.getBigInt64(row + MTIME) === inRow(stat.mtimeNs) &&
      page.getBigInt64(row + CTIME) === inRow(stat.ctimeNs) &&
      page.getBigUint64(row + INO) === stat.ino
    );
  }

  /** Undefined for a file that never was done. */
  lastDone(id: number): LastDone | undefined {
    const { page, row } = this.#row(id);
    const state = page.getUint8(row + STATE);
    if ((state & STATE_BITS) === DONE) {
      return { offset: page.getFloat64(row + OFFSET), attemptedSince: false };
    }
    return (state & WAS_DONE) === 0 ? undefined : { offset: page.getFloat64(row + SIZE), attemptedSince: (state & ATTEMPTED_SINCE) !== 0 };
  }

  /**
   * Whether the file was done, or an attempt of it ended unseen, and nobody else's object was found under its key since. Stricter
   * than `attempted`: something was there that is of this run.
   */
  mayHoldOurs(id: number): boolean {
    const { page, row } = this.#row(id);
    return (page.getUint8(row + STATE) & MAY_HOLD_OURS) !== 0;
  }

  /** Plaintext bytes of a done file. */
  sizeBytes(id: number): number {
    const { page, row } = this.#row(id);
    return page.getFloat64(row + SIZE);
  }

  /** Offset of the line that names the file's path. */
  mentionOffset(id: number): number {
    const { page, row } = this.#row(id);
    return page.getFloat64(row + MENTION);
  }

  #row(id: number): { page: DataView; row: number } {
    const page = this.#pages[id >>> PAGE_BITS];
    if (page === undefined || id >= this.#size) {
      throw new RangeError(`the manifest has no file number ${id}`);
    }
    return { page, row: (id % PAGE_ROWS) * ROW_BYTES };
  }

  #hasDigest(id: number, digest: PathDigest): boolean {
    const { page, row } = this.#row(id);
    return (
      page.getUint32(row + DIGEST) === digest[0] && page.getUint32(row + DIGEST + 4) === digest[1] &&
      page.getUint32(row + DIGEST + 8) === digest[2] && page.getUint32(row + DIGEST + 12) === digest[3]
    );
  }

  #digestOf(id: number): PathDigest {
    const { page, row } = this.#row(id);
    const word = (index: number): number => page.getUint32(row + DIGEST + index * 4);
    return [word(0), word(1), word(2), word(3)];
  }

  #bump(stateNumber: number, by: number): void {
    this.#counts.setFloat64(stateNumber * 8, this.#counts.getFloat64(stateNumber * 8) + by);
  }
}

/** What a row holds of a time: beyond 1678 to 2262 its lower 64 bits, so that times 584 years apart look alike. */
function inRow(timeNs: bigint): bigint {
  return BigInt.asIntN(64, timeNs);
}

function numberOf(state: EntryState): number {
  return (LATER_STATES as readonly EntryState[]).indexOf(state) + 1;
}

const DONE = numberOf('done');

/** What a file that is not done keeps of the time when it was. */
function traceOfDone(before: number, attempted: boolean | undefined): number {
  if ((before & STATE_BITS) !== DONE && (before & WAS_DONE) === 0) {
    return 0;
  }
  return WAS_DONE | (attempted === true ? ATTEMPTED_SINCE : before & ATTEMPTED_SINCE);
}

function stateNamed(number: number): EntryState {
  return LATER_STATES[number - 1] ?? 'started';
}
