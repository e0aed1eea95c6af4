import type { BigIntStats } from 'node:fs';
import type { FileStat } from '../run/types.js';

const MODE_BITS = 0o7777n;
const NS_PER_US = 1000n;

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

/** As much of a time in nanoseconds as a file can be given: Node takes a double of seconds, and libuv cuts that to microseconds. */
export function wholeMicroseconds(timeNs: bigint): bigint {
  return timeNs / NS_PER_US;
}

/**
 * Whether a file has the time that an object, or the record of it, tells. To the microsecond, as a pull restores it: two states of
 * one size that were written within one are taken for the same. What was seen of a file before is compared by {@link isUnchanged}.
 */
export function isSameTime(toldNs: bigint | undefined, fileNs: bigint): boolean {
  return toldNs !== undefined && wholeMicroseconds(toldNs) === wholeMicroseconds(fileNs);
}
