import picomatch from 'picomatch';
import { SealiftError } from '../errors.js';
import type { EncodedPath } from '../run/types.js';
import { decodePath } from './path-encoding.js';

/** Which paths of a tree are wanted. */
export interface Selection {
  /** By its own name: an excluded directory is excluded with everything in it, and a walk that prunes it asks no further. */
  excludes(path: EncodedPath): boolean;
  includes(path: EncodedPath): boolean;
  /** Whether a walk would take it: it is included, and neither it nor a directory above it is excluded. */
  takes(path: EncodedPath): boolean;
  /** Whether something below this directory could be included: false saves descending. */
  mayInclude(directory: EncodedPath): boolean;
}

/**
 * Compiles globs as fast-glob understands them (micromatch), matched against whole paths below the root: `*.log` is meant
 * for the root alone, `**` + `/*.log` for every directory. Names match as text; dotfiles and newlines are ordinary. An include
 * that starts with `!` excludes.
 *
 * @throws SealiftError `usage` for a glob that is empty or no glob.
 */
export function compileSelection(include: readonly string[], exclude: readonly string[]): Selection {
  const wanted = include.filter((glob) => !isNegated(glob)).map(tidy);
  const unwanted = [...include.filter(isNegated).map((glob) => glob.slice(1)), ...exclude.map(refuseNegation)].map(tidy);
  const isWanted = wanted.length === 0 ? () => true : compile(wanted);
  const isUnwanted = unwanted.length === 0 ? () => false : compile(unwanted);
  const isInUnwanted = unwanted.length === 0 ? () => false : belowAny(isUnwanted);
  const bases = wanted.map(baseOf);
  return {
    excludes: (path) => isUnwanted(path),
    includes: (path) => isWanted(path),
    takes: (path) => isWanted(path) && !isUnwanted(path) && !isInUnwanted(path),
    mayInclude: (directory) => bases.length === 0 || bases.some((base) => onOneLine(base, textOf(directory))),
  };
}

function compile(globs: readonly string[]): (path: EncodedPath) => boolean {
  const matchers = globs.map(compileOne);
  return (path) => {
    const text = textOf(path);
    return matchers.some((matches) => matches(text));
  };
}

/** Whether a directory above a path matches. The latest answer is kept: listings are sorted, so the next path is often beside it. */
function belowAny(matches: (path: EncodedPath) => boolean): (path: EncodedPath) => boolean {
  let latest = '';
  let answer = false;
  return (path) => {
    const directory = directoryOf(path);
    if (directory !== latest) {
      answer = ancestry(directory).some(matches);
      latest = directory;
    }
    return answer;
  };
}

/** A directory and those above it, but not the root. */
function ancestry(directory: string): EncodedPath[] {
  const directories: EncodedPath[] = [];
  for (let path = directory; path !== ''; path = directoryOf(path)) {
    directories.push(path as EncodedPath);
  }
  return directories;
}

/** Empty for what lies in the root. */
function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function compileOne(glob: string): (text: string) => boolean {
  try {
    // Without the flag `s`, `**` does not cross a newline in a name.
    return picomatch(glob, { dot: true, flags: 's', nonegate: true, debug: true });
  } catch (error) {
    throw badGlob(glob, 'it cannot be understood', error);
  }
}

/** As globs see it: bytes that are not UTF-8 are replacement characters. */
export function textOf(path: EncodedPath): string {
  return path.includes('%') ? decodePath(path).toString('utf8') : path;
}

/** The directory above the first wildcard; empty for the root. */
function baseOf(glob: string): string {
  const { base } = picomatch.scan(glob);
  return base.includes('\\') ? '' : base;
}

function onOneLine(base: string, directory: string): boolean {
  return base === '' || base === directory || base.startsWith(`${directory}/`) || directory.startsWith(`${base}/`);
}

function isNegated(glob: string): boolean {
  return glob.startsWith('!') && !glob.startsWith('!(');
}

/** `/a/`, `./a` and `a/` all mean the entry `a` of the root. */
function tidy(glob: string): string {
  const tidied = glob.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '');
  if (tidied === '') {
    throw badGlob(glob, 'it is empty');
  }
  return tidied;
}

function refuseNegation(glob: string): string {
  if (isNegated(glob)) {
    throw badGlob(glob, 'an exclude cannot be negated: use --include');
  }
  return glob;
}

function badGlob(glob: string, why: string, cause?: unknown): SealiftError {
  return new SealiftError('usage', `the glob "${glob}" is not usable: ${why}`, {
    object: glob,
    remedy: 'globs match paths below the directory, for example "**/*.log" or "cache/**"',
    cause,
  });
}
