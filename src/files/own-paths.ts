import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Files and directories of Sealift itself inside a tree that is walked: never uploaded. */
export interface OwnPaths {
  /** Whether `name` in `directory` is ours; `directory` is a real path in latin1, one code unit per byte. */
  has(directory: string, name: string): boolean;
  /** Whether a real path is ours or lies in a directory of ours. */
  covers(real: string): boolean;
}

/**
 * Resolves links on the way to each path, so that it is recognised however the tree is entered. A path need not exist yet:
 * a lock file may be made while the walk is under way.
 *
 * @param paths - absolute.
 */
export function resolveOwnPaths(paths: readonly string[]): OwnPaths {
  const own = new Set<string>();
  const parents = new Map<string, Set<string>>();
  for (const path of paths) {
    for (const real of [realPath(path), joinRaw(realPath(dirname(path)), rawOf(basename(path)))]) {
      own.add(real);
      const names = parents.get(parentOf(real)) ?? new Set();
      parents.set(parentOf(real), names.add(nameOf(real)));
    }
  }
  return {
    has: (directory, name) => parents.get(directory)?.has(name) ?? false,
    covers: (real) => selfAndAncestors(real).some((path) => own.has(path)),
  };
}

/** The real path in latin1; of a path that does not exist, that of its nearest existing ancestor with the rest appended. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path, { encoding: 'buffer' }).toString('latin1');
  } catch {
    const parent = dirname(path);
    return parent === path ? rawOf(path) : joinRaw(realPath(parent), rawOf(basename(path)));
  }
}

/** Joins raw paths; the root directory is the one path that ends with its separator. */
export function joinRaw(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

function rawOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function parentOf(raw: string): string {
  const end = Math.max(raw.lastIndexOf('/'), 0);
  return end === 0 ? '/' : raw.slice(0, end);
}

function nameOf(raw: string): string {
  return raw.slice(raw.lastIndexOf('/') + 1);
}

function selfAndAncestors(raw: string): string[] {
  const paths = [raw];
  for (let path = raw; path !== '/' && path.includes('/'); ) {
    path = parentOf(path);
    paths.push(path);
  }
  return paths;
}
