/** Are two trees the same, byte for byte, names included? */
import { lstatSync, readFileSync, readdirSync, type Stats } from 'node:fs';

export interface Comparison {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** Names that differ, at most a few; empty when the trees are equal. */
  readonly differences: readonly string[];
}

const SLASH = Buffer.from('/');

/** Compares names as bytes, types, contents, permission bits and modification times of files (to a microsecond). */
export function compareTrees(left: string, right: string): Comparison {
  const [ours, theirs] = [entries(left), entries(right)];
  const names = new Set([...ours.keys(), ...theirs.keys()]);
  const differences = [...names].filter((name) => !isEqual(ours.get(name), theirs.get(name)));
  const files = [...ours.values()].filter(({ stat }) => stat.isFile());
  const bytes = files.reduce((sum, { stat }) => sum + stat.size, 0);
  return { files: files.length, directories: ours.size - files.length, bytes, differences };
}

interface Entry {
  readonly path: Buffer;
  readonly stat: Stats;
}

/** By relative name, as latin-1 text: one character per byte. */
function entries(root: string): Map<string, Entry> {
  const found = new Map<string, Entry>();
  const visit = (directory: Buffer, prefix: string): void => {
    for (const name of readdirSync(directory, { encoding: 'buffer' })) {
      const path = Buffer.concat([directory, SLASH, name]);
      const stat = lstatSync(path);
      const relative = `${prefix}${name.toString('latin1')}`;
      found.set(relative, { path, stat });
      if (stat.isDirectory()) {
        visit(path, `${relative}/`);
      }
    }
  };
  visit(Buffer.from(root), '');
  return found;
}

function isEqual(left: Entry | undefined, right: Entry | undefined): boolean {
  if (left === undefined || right === undefined) {
    return false;
  }
  if (left.stat.isDirectory() || right.stat.isDirectory()) {
    return left.stat.isDirectory() && right.stat.isDirectory();
  }
  const sameTimes = Math.abs(left.stat.mtimeMs - right.stat.mtimeMs) < 0.002;
  return sameTimes && left.stat.mode === right.stat.mode && left.stat.size === right.stat.size && readFileSync(left.path).equals(readFileSync(right.path));
}
