import { lstatSync, readlinkSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { SealiftError, toFailure } from '../errors.js';
import type { EncodedPath, FailedEntry, FileStat, SkippedEntry, WalkEntry } from '../run/types.js';
import { isGone, readFailure } from './errno.js';
import type { IgnoreRules } from './ignore-rules.js';
import type { Listed } from './listed-paths.js';
import { joinRaw, type OwnPaths } from './own-paths.js';
import { encodeName, encodePath } from './path-encoding.js';
import type { Selection } from './selection.js';
import { fileStatOf } from './stat.js';
import { isTemporaryName } from './temporary.js';

export type SymlinkMode = 'record' | 'skip' | 'follow';

/** A directory to descend into. Raw paths are latin1 text, one code unit per byte. */
export interface Directory {
  readonly kind: 'directory';
  /** Empty for the root. */
  readonly path: EncodedPath | '';
  /** Absolute, as it was reached. */
  readonly raw: string;
  /** Absolute and free of links. */
  readonly real: string;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly parent: Directory | undefined;
  /** What ignore files say, its own among them; undefined where none is asked for. */
  readonly rules?: IgnoreRules | undefined;
  /** Set where a walk keeps to a list. */
  readonly listed?: Listed;
}

export interface EntryRules {
  readonly selection: Selection;
  /** Of a file that the selection includes: a link that is followed is what it leads to. */
  readonly takesFile: (file: FileStat) => boolean;
  readonly own: OwnPaths;
  readonly symlinks: SymlinkMode;
}

/** One name of a directory, on its way to becoming an entry. */
interface Place {
  readonly directory: Directory;
  readonly path: EncodedPath;
  readonly raw: string;
  readonly real: string;
}

/** Tells what a name in a directory is, with one `lstat`; never throws for what it finds there. */
export class EntryReader {
  readonly #rules: EntryRules;

  constructor(rules: EntryRules) {
    this.#rules = rules;
  }

  read(directory: Directory, name: string): WalkEntry | Directory {
    const path = pathBelow(directory, name);
    const place = { directory, path, raw: joinRaw(directory.raw, name), real: joinRaw(directory.real, name) };
    if (isTemporaryName(name) || this.#rules.own.has(directory.real, name)) {
      return skipped(path, 'own-file');
    }
    if (this.#rules.selection.excludes(path)) {
      return skipped(path, 'excluded');
    }
    try {
      return this.#look(place);
    } catch (error) {
      return failed(path, readFailure(error, path));
    }
  }

  #look(place: Place): WalkEntry | Directory {
    const stats = lstatSync(bytesOf(place.raw), { bigint: true });
    return stats.isSymbolicLink() ? this.#symlink(place) : this.#classify(place, stats);
  }

  #classify(place: Place, stats: BigIntStats): WalkEntry | Directory {
    const { path } = place;
    const { selection, takesFile } = this.#rules;
    if (place.directory.rules?.leavesOut(path, stats.isDirectory()) === true) {
      return skipped(path, 'excluded');
    }
    if (stats.isDirectory()) {
      return selection.mayInclude(path) ? this.#directory(place, stats) : skipped(path, 'excluded');
    }
    if (!selection.includes(path)) {
      return skipped(path, 'excluded');
    }
    if (!stats.isFile()) {
      return skipped(path, 'special');
    }
    const file = fileStatOf(stats);
    return takesFile(file) ? { kind: 'file', path, ...file, links: Number(stats.nlink) } : skipped(path, 'excluded');
  }

  #directory(place: Place, stats: BigIntStats): SkippedEntry | Directory {
    const { path, raw, real, directory: parent } = place;
    const directory: Directory = { kind: 'directory', path, raw, real, dev: stats.dev, ino: stats.ino, parent, rules: parent.rules?.below(path) };
    return this.#rules.symlinks === 'follow' && isLoop(directory) ? skipped(path, 'symlink') : directory;
  }

  #symlink(place: Place): WalkEntry | Directory {
    const { symlinks, selection } = this.#rules;
    if (symlinks === 'follow') {
      return this.#follow(place);
    }
    if (!selection.includes(place.path) || place.directory.rules?.leavesOut(place.path, false) === true) {
      return skipped(place.path, 'excluded');
    }
    return symlinks === 'skip' ? skipped(place.path, 'symlink') : { ...skipped(place.path, 'symlink'), target: targetOf(place) };
  }

  #follow(place: Place): WalkEntry | Directory {
    const stats = statTarget(place);
    const real = realpathSync.native(bytesOf(place.raw), { encoding: 'buffer' }).toString('latin1');
    if (this.#rules.own.covers(real)) {
      return skipped(place.path, 'own-file');
    }
    const entry = this.#classify({ ...place, real }, stats);
    return entry.kind === 'skipped' && entry.reason === 'symlink' ? { ...entry, target: targetOf(place) } : entry;
  }
}

/** Raw paths as file system calls take them. */
export function bytesOf(raw: string): Buffer {
  return Buffer.from(raw, 'latin1');
}

export function failed(path: EncodedPath, error: unknown): FailedEntry {
  return { kind: 'failed', path, failure: toFailure(error) };
}

function skipped(path: EncodedPath, reason: SkippedEntry['reason']): SkippedEntry {
  return { kind: 'skipped', path, reason };
}

function pathBelow(directory: Directory, name: string): EncodedPath {
  const encoded = encodeName(name);
  return directory.path === '' ? encoded : (`${directory.path}/${encoded}` as EncodedPath);
}

function targetOf(place: Place): string {
  return encodePath(readlinkSync(bytesOf(place.raw), { encoding: 'buffer' }));
}

/** Only links lead back to a directory that is being walked, so only then the ancestors need to be compared. */
function isLoop(directory: Directory): boolean {
  for (let ancestor = directory.parent; ancestor !== undefined; ancestor = ancestor.parent) {
    if (ancestor.ino === directory.ino && ancestor.dev === directory.dev) {
      return true;
    }
  }
  return false;
}

function statTarget(place: Place): BigIntStats {
  try {
    return statSync(bytesOf(place.raw), { bigint: true });
  } catch (error) {
    throw isGone(error) ? brokenLink(place) : error;
  }
}

function brokenLink(place: Place): SealiftError {
  return new SealiftError('unreadable', `the symbolic link ${place.path} points to nothing: ${targetOf(place)}`, {
    object: place.path,
    remedy: 'restore its target, exclude it, or use --symlinks record',
  });
}
