import { readdirSync, statSync, type Dirent } from 'node:fs';
import fastGlob from 'fast-glob';
import { SealiftError } from '../errors.js';
import type { FileStat } from '../run/types.js';
import { bytesOf, type Directory } from './entry.js';
import { fileStatOf, isUnchanged } from './stat.js';

/** The names of one directory as latin1 text, one code unit per byte, in byte order. */
export interface Listing {
  readonly names: readonly string[];
  /** Set when the two readings of the directory did not agree, twice in a row. */
  readonly doubt: SealiftError | undefined;
}

/** The two ways in which a directory is read; both return latin1 names. */
export interface DirectoryReaders {
  readonly census: (raw: Buffer) => string[];
  readonly glob: (raw: Buffer) => readonly string[];
}

/**
 * Reads a directory twice, by fast-glob and as a bare census, and compares. fast-glob may drop a name, or a whole
 * directory, without an error; the census cannot. When they differ, or the directory changed meanwhile, both are repeated
 * once; if they differ again the names of both are returned, together with the doubt.
 *
 * @throws whatever the file system throws, and SealiftError `vanished` when another directory stands there by now.
 */
export function listDirectory(directory: Directory, readers: DirectoryReaders = { census, glob }): Listing {
  const first = readTwice(directory, readers);
  const reading = first.agree && first.unchanged ? first : readTwice(directory, readers);
  if (reading.agree) {
    return { names: reading.census.sort(), doubt: undefined };
  }
  return { names: [...new Set([...reading.census, ...reading.found])].sort(), doubt: incomplete(directory) };
}

interface Reading {
  readonly census: string[];
  readonly found: readonly string[];
  readonly agree: boolean;
  readonly unchanged: boolean;
}

function readTwice(directory: Directory, readers: DirectoryReaders): Reading {
  const raw = bytesOf(directory.raw);
  const before = statDirectory(directory, raw);
  const census = readers.census(raw);
  const found = readers.glob(raw);
  const unchanged = isUnchanged(before, statDirectory(directory, raw));
  return { census, found, agree: sameNames(census, found), unchanged };
}

function census(raw: Buffer): string[] {
  return readdirSync(raw, { encoding: 'latin1' });
}

/**
 * One level at a time: fast-glob's own recursion has no back-pressure. It reads names as latin1 too, because as UTF-8 a name
 * that is none would come back mangled. `**` alone would miss names with a newline; `stats` would lose the directory when
 * one file vanishes.
 */
function glob(raw: Buffer): string[] {
  const readHarmless = (): unknown => readdirSync(raw, { encoding: 'latin1', withFileTypes: true }).map(disarm);
  const options: fastGlob.Options = {
    cwd: '/', deep: 1, dot: true, onlyFiles: false, stats: false, followSymbolicLinks: false, unique: true,
    fs: { readdirSync: readHarmless as typeof readdirSync },
  };
  return fastGlob.sync('**/*', options).map(rearm);
}

/** A name that is a newline matches no pattern, and `.\x` is taken for `x`: fast-glob must not see such characters. */
const HARMFUL = /[\n\r\\%]/g;

function disarm(entry: Dirent): Dirent {
  entry.name = entry.name.replace(HARMFUL, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return entry;
}

function rearm(name: string): string {
  return name.includes('%') ? name.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))) : name;
}

function statDirectory(directory: Directory, raw: Buffer): FileStat {
  const stat = fileStatOf(statSync(raw, { bigint: true }));
  if (stat.ino !== directory.ino || stat.dev !== directory.dev) {
    throw new SealiftError('vanished', `${nameOf(directory)} was replaced by another directory during the walk`, { object: nameOf(directory) });
  }
  return stat;
}

function sameNames(census: readonly string[], found: readonly string[]): boolean {
  const names = new Set(found);
  return names.size === found.length && found.length === census.length && census.every((name) => names.has(name));
}

function incomplete(directory: Directory): SealiftError {
  const name = nameOf(directory);
  return new SealiftError('directory-incomplete', `two readings of the directory ${name} gave different names, twice`, {
    object: name,
    remedy: 'stop whatever writes to it, then run the same command again',
  });
}

function nameOf(directory: Directory): string {
  return directory.path === '' ? '.' : directory.path;
}
