import type { BigIntStats } from 'node:fs';
import type { FileStat } from '../run/types.js';

const MODE_BITS = 0o7777n;

export function fileStatOf(stats: BigIntStats): FileStat {
  const { mtimeNs, ctimeNs, ino, dev } = stats;
  return { sizeBytes: Number(stats.size), mtimeNs, ctimeNs, ino, dev, mode: Number(stats.mode & MODE_BITS) };
}

/** Whether nothing says that the content changed: size, mtime, ctime and inode. The device number changes with a remount. */
export function isUnchanged(before: FileStat, after: FileStat): boolean {
  return (
    before.sizeBytes === after.sizeBytes &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs &&
    before.ino === after.ino
  );
}
