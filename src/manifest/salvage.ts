import type { EncodedPath } from '../run/types.js';
import { ChainCheck } from './chain.js';
import { parseLine } from './line.js';
import type { RawLine } from './raw-lines.js';
import type { AbandonedRecord, ManifestLine, ManifestRecord } from './record.js';
import { ManifestState } from './state.js';

/** Dropped lines described one by one; the rest are only counted. */
const MAX_DESCRIBED = 100;

/** A line that a repair leaves out. */
export interface DroppedLine {
  /** From 1, in the damaged file. */
  readonly line: number;
  readonly reason: string;
  /** What the line claims to be, where it can still be read. */
  readonly type?: string;
}

/** A large file whose transfer starts again, because records about it may be among those lost. */
export interface GivenUp {
  readonly id: number;
  /** The multipart upload that stays behind on the server. */
  readonly uploadId?: string;
}

type Fate = { readonly record: ManifestRecord } | { readonly reason: string };

/**
 * Decides, line by line, what of a damaged manifest can be kept.
 *
 * Every intact line is, unless it depends on a lost one: ids are given anew, so that a file whose introduction was lost is
 * forgotten, and is then looked at or sent again under a fresh key. Whatever was under way when a line was lost is
 * abandoned, since that line may have ended it: no data key comes back to life through a repair.
 */
export class Salvage {
  readonly state = new ManifestState();
  readonly described: DroppedLine[] = [];
  readonly givenUp: GivenUp[] = [];
  dropped = 0;
  readonly #chain = new ChainCheck();
  /** New ids by old ones; a file that is not kept has none. */
  readonly #ids: number[] = [];
  #line = 0;
  #lastSeq = 0;
  /** Whether numbers began to count anew: two files were joined, and the rest is the other's. */
  #foreign = false;

  /** The records to write in the place of this line. */
  take(raw: RawLine): readonly ManifestRecord[] {
    this.#line += 1;
    const isIntact = this.#chain.classify(raw) !== 'damaged';
    const line = isIntact ? parseLine(raw.text) : undefined;
    if (line === undefined) {
      this.#drop(isIntact ? 'no record that this version knows' : 'damaged');
      return this.#abandonAll();
    }
    const fate = this.#fateOf(line);
    if ('reason' in fate) {
      this.#drop(fate.reason, line.type);
      return [];
    }
    this.state.apply(fate.record, 0);
    return [fate.record];
  }

  #fateOf(line: ManifestLine): Fate {
    this.#foreign ||= line.seq <= this.#lastSeq;
    this.#lastSeq = line.seq;
    if (this.#foreign) {
      return { reason: 'part of another manifest' };
    }
    if ((line.type === 'open') !== (this.state.head === undefined) || !this.#areNew(pathsIn(line))) {
      return { reason: 'contradicts the lines before it' };
    }
    return this.#adapt(line);
  }

  #adapt(line: ManifestLine): Fate {
    const record = withoutPlace(line);
    switch (record.type) {
      case 'open':
      case 'session':
        return { record };
      case 'close':
        return this.dropped === 0 ? { record } : { reason: 'it counts files whose records are lost' };
      case 'started':
        return { record: { ...record, first: this.#introduce(record.first, record.paths) } };
      case 'restarted':
        return this.#restart(record.ids);
      default:
        return this.#renumber(record);
    }
  }

  #restart(ids: readonly number[]): Fate {
    const kept = ids.flatMap((id) => this.#ids[id] ?? []);
    return kept.length === 0 ? { reason: 'the introduction of its files is lost' } : { record: { type: 'restarted', ids: kept } };
  }

  #renumber(record: Extract<ManifestRecord, { readonly id: number }>): Fate {
    if (pathsIn(record).length > 0) {
      return { record: { ...record, id: this.#introduce(record.id, pathsIn(record)) } };
    }
    const id = this.#ids[record.id];
    if (id === undefined) {
      return { reason: 'the introduction of its file is lost' };
    }
    const isOrphan = ((record.type === 'upload' || record.type === 'part') && !this.state.uploads.has(id)) || (record.type === 'range' && !this.state.fetches.has(id));
    return isOrphan ? { reason: 'the beginning of its transfer is lost' } : { record: { ...record, id } };
  }

  #areNew(paths: readonly EncodedPath[]): boolean {
    return new Set(paths).size === paths.length && paths.every((path) => this.state.index.find(path) === undefined);
  }

  #introduce(oldFirst: number, paths: readonly EncodedPath[]): number {
    const first = this.state.index.size;
    paths.forEach((_, index) => (this.#ids[oldFirst + index] = first + index));
    return first;
  }

  #abandonAll(): readonly ManifestRecord[] {
    const uploads = [...this.state.uploads].map(([id, { uploadId }]) => ({ id, ...(uploadId === undefined ? {} : { uploadId }) }));
    const fetches = [...this.state.fetches.keys()].map((id) => ({ id }));
    const all: readonly GivenUp[] = [...uploads, ...fetches];
    const records = all.map((given): AbandonedRecord => ({ type: 'abandoned', code: 'manifest-corrupt', ...given }));
    records.forEach((record) => this.state.apply(record, 0));
    this.givenUp.push(...all);
    return records;
  }

  #drop(reason: string, type?: string): void {
    this.dropped += 1;
    if (this.described.length < MAX_DESCRIBED) {
      this.described.push({ line: this.#line, reason, ...(type === undefined ? {} : { type }) });
    }
  }
}

/** The paths that a record introduces. */
function pathsIn(record: ManifestRecord): readonly EncodedPath[] {
  if (record.type === 'started') {
    return record.paths;
  }
  return 'path' in record && record.path !== undefined ? [record.path] : [];
}

/** Without number and chain, which the new file gives anew. */
function withoutPlace(line: ManifestLine): ManifestRecord {
  const members = Object.entries(line).filter(([name]) => name !== 'seq' && name !== 'chain');
  return Object.fromEntries(members) as ManifestRecord;
}
