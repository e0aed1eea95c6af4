import { statSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { SealiftError } from '../errors.js';
import { WALK_ENTRIES_PER_TURN } from '../limits.js';
import type { EncodedPath, WalkEntry } from '../run/types.js';
import { bytesOf, EntryReader, failed, type Directory, type SymlinkMode } from './entry.js';
import { readFailure, withDescriptors, type Wait } from './errno.js';
import { readIgnoreFile } from './ignore-file.js';
import type { IgnoreRules } from './ignore-rules.js';
import type { ListedName, ListedPaths } from './listed-paths.js';
import { resolveOwnPaths, type OwnPaths } from './own-paths.js';
import { compileSelection, type Selection } from './selection.js';
import { fileFilter, type SizesAndTimes } from './size-and-age.js';
import { sourceRoot } from './source-root.js';
import { listDirectory, type Listing } from './walk-listing.js';

export interface WalkOptions {
  /** Directory to walk; a link to one is fine. */
  readonly root: string;
  /** Globs on paths below the root. @default everything */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Files that are not of these sizes and times are `excluded`. @default every file */
  readonly wanted?: SizesAndTimes;
  /** Name of a file that says, in each directory that has it, what is `excluded` there and below, as `.gitignore` does. @default none */
  readonly ignoreFile?: string | undefined;
  /** Nothing else is looked at. @default everything */
  readonly files?: ListedPaths;
  readonly symlinks: SymlinkMode;
  /** Absolute paths of Sealift's own files and directories. */
  readonly ownPaths: readonly string[];
  readonly signal?: AbortSignal;
  /** How to wait for a free file descriptor. @default a timer */
  readonly wait?: Wait;
}

/** A directory that is being worked through. */
interface Frame {
  readonly directory: Directory;
  readonly names: readonly string[];
  /** What a list says about names in it; undefined where none says anything. */
  readonly listed: ReadonlyMap<string, ListedName> | undefined;
  next: number;
}

/** How the root is called in an entry that concerns the root itself. */
const ROOT = '.' as EncodedPath;

/**
 * Everything below a directory, depth first, in byte order of the names within each directory. Nothing is left out in
 * silence: what cannot be read, vanishes or does not add up is an entry of kind `failed`, what is not wanted one of kind
 * `skipped`. A directory that is excluded, ours or unreadable is one entry and not descended.
 *
 * With `files`, only what they name is met, and directories on the way to it are not listed; what is not there, or not to be
 * reached, is an entry of kind `failed`.
 *
 * Lazy: a directory is listed when the consumer gets there, a file looked at right before it is handed out. Memory is
 * bounded by the names in the directories from the root to the current one.
 *
 * @throws SealiftError `source-missing` when the root is no directory, `unreadable` when it cannot be listed, `usage` for a
 * bad glob or a root inside Sealift's own data, `interrupted` when the signal aborts.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<WalkEntry, void, undefined> {
  const descent = new Descent(options);
  const remark = await descent.start();
  if (remark !== undefined) {
    yield remark;
  }
  for (let seen = 1; ; seen += 1) {
    if (seen % WALK_ENTRIES_PER_TURN === 0) {
      await setImmediate();
    }
    throwIfAborted(options.signal);
    const entry = descent.next();
    if (entry === undefined) {
      return;
    }
    const reported = entry.kind === 'directory' ? await descent.enter(entry) : entry;
    if (reported !== undefined) {
      yield reported;
    }
  }
}

class Descent {
  readonly #rootName: string;
  readonly #own: OwnPaths;
  readonly #selection: Selection;
  readonly #reader: EntryReader;
  readonly #wait: Wait;
  readonly #frames: Frame[] = [];
  readonly #ignoreFile: string | undefined;
  readonly #list: ListedPaths | undefined;
  /** What is listed below something that was not entered. */
  #unreached: Iterator<WalkEntry> | undefined;

  constructor(options: WalkOptions) {
    this.#rootName = options.root;
    this.#own = resolveOwnPaths(options.ownPaths);
    this.#selection = compileSelection(options.include ?? [], options.exclude ?? []);
    this.#reader = new EntryReader({ selection: this.#selection, takesFile: fileFilter(options.wanted ?? {}), own: this.#own, symlinks: options.symlinks });
    this.#ignoreFile = options.ignoreFile;
    this.#list = options.files;
    this.#wait = options.wait ?? ((ms) => setTimeout(ms));
  }

  /** Opens the root; what it returns is to be reported. */
  async start(): Promise<WalkEntry | undefined> {
    const root = { ...openRoot(this.#rootName, this.#own), rules: await this.#noRules() };
    try {
      const { doubt } = await this.#push(this.#list === undefined ? root : { ...root, listed: this.#list.root });
      return doubt === undefined ? undefined : failed(ROOT, doubt);
    } catch (error) {
      throw readFailure(error, this.#rootName);
    }
  }

  /** The next thing in the directory that is open; undefined at the end of the tree. */
  next(): WalkEntry | Directory | undefined {
    const unreached = this.#unreached?.next();
    if (unreached !== undefined && unreached.done !== true) {
      return unreached.value;
    }
    this.#unreached = undefined;
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const name = frame.names[frame.next];
      if (name !== undefined) {
        frame.next += 1;
        const entry = this.#reader.read(frame.directory, name);
        const listed = frame.listed?.get(name);
        return listed === undefined ? entry : this.#meet(entry, listed, frame.directory);
      }
      this.#frames.pop();
    }
    return undefined;
  }

  /** Something on the list, or on the way to what is. */
  #meet(entry: WalkEntry | Directory, listed: ListedName, { listed: above }: Directory): WalkEntry | Directory | undefined {
    const isWhole = above?.isWhole === true || listed.isListed;
    if (entry.kind === 'directory') {
      return { ...entry, listed: { ...listed, isWhole } };
    }
    if (entry.kind === 'skipped' && entry.reason !== 'symlink' && entry.reason !== 'special') {
      return entry;
    }
    this.#unreached = this.#list && unreachedBelow(entry, this.#list.below(listed));
    // Only names that are listed themselves, or that the directory has, are told of; of others, what is listed below them.
    return listed.isListed || (isWhole && !isNotThere(entry)) ? orNotThere(entry) : this.next();
  }

  /** Opens a directory; what it returns is to be reported: that it is empty, or not to be read, or not to be trusted. */
  async enter(directory: Directory): Promise<WalkEntry | undefined> {
    const path = directory.path as EncodedPath;
    try {
      const { names, doubt } = await this.#push(directory);
      if (doubt !== undefined) {
        return failed(path, doubt);
      }
      return names.length === 0 ? this.#emptyDirectory(path) : undefined;
    } catch (error) {
      return failed(path, readFailure(error, path));
    }
  }

  /** The package is loaded only where there are rules to be followed. */
  async #noRules(): Promise<IgnoreRules | undefined> {
    if (this.#ignoreFile === undefined) {
      return undefined;
    }
    const { IgnoreRules } = await import('./ignore-rules.js');
    return new IgnoreRules();
  }

  /** With the rules of the file in it. */
  async #ruled(directory: Directory): Promise<Directory> {
    const { path, rules } = directory;
    const name = this.#ignoreFile;
    const text = name === undefined ? undefined : await withDescriptors(() => readIgnoreFile(directory, name), this.#wait);
    return text === undefined ? directory : { ...directory, rules: rules?.and(path, text) };
  }

  #emptyDirectory(path: EncodedPath): WalkEntry {
    return this.#selection.includes(path) ? { kind: 'empty-directory', path } : { kind: 'skipped', path, reason: 'excluded' };
  }

  async #push(found: Directory): Promise<Listing> {
    const directory = await this.#ruled(found);
    const listed = directory.listed && this.#list?.namesIn(directory.listed);
    if (listed === undefined || directory.listed?.isWhole === true) {
      const listing = await withDescriptors(() => listDirectory(directory), this.#wait);
      const names = listed === undefined || listed.size === 0 ? listing.names : [...new Set([...listing.names, ...listed.keys()])].sort();
      this.#frames.push({ directory, names, listed, next: 0 });
      return { ...listing, names };
    }
    const names = [...listed.keys()];
    this.#frames.push({ directory, names, listed, next: 0 });
    return { names, doubt: undefined };
  }
}

/** Of what is on a list, it is no disappearance that it is not there. */
function orNotThere(entry: WalkEntry): WalkEntry {
  return isNotThere(entry) ? failed(entry.path, notThere(entry.path)) : entry;
}

function isNotThere(entry: WalkEntry): boolean {
  return entry.kind === 'failed' && entry.failure.code === 'vanished';
}

function notThere(path: EncodedPath): SealiftError {
  return new SealiftError('vanished', `${path} is listed and not there`, { object: path, remedy: 'put it back, or take it off the list of files' });
}

/** Failures for everything listed below what is no directory, or was not entered. */
function* unreachedBelow(entry: WalkEntry, paths: Iterable<EncodedPath>): Generator<WalkEntry> {
  for (const path of paths) {
    yield entry.kind === 'failed' && !isNotThere(entry) ? { ...entry, path } : failed(path, whyUnreached(path, entry));
  }
}

function whyUnreached(path: EncodedPath, { kind, path: above }: WalkEntry): SealiftError {
  return kind !== 'skipped' ? notThere(path) : new SealiftError('vanished', `${path} is listed, and ${above} on the way to it is a link that is not followed, or no directory`, {
    object: path, remedy: 'list it by its own path, or use --symlinks follow',
  });
}

function openRoot(name: string, own: OwnPaths): Directory {
  const real = sourceRoot(name).toString('latin1');
  const { dev, ino } = statSync(bytesOf(real), { bigint: true });
  if (own.covers(real)) {
    throw new SealiftError('usage', `${name} lies inside Sealift's own data, which is never pushed`, {
      object: name,
      remedy: 'name another directory, or keep the local store elsewhere with --local-data',
    });
  }
  return { kind: 'directory', path: '', raw: real, real, dev, ino, parent: undefined };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new SealiftError('interrupted', 'the walk was interrupted');
  }
}
