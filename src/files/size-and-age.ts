import { SealiftError } from '../errors.js';
import type { FileStat } from '../run/types.js';

/** Which sizes are wanted; both bounds belong to them. */
export interface Sizes {
  /** @default 0 */
  readonly minBytes?: number | undefined;
  /** @default any */
  readonly maxBytes?: number | undefined;
}

/** Which files are wanted, by size and by when their content last changed. The same time for both splits a tree in two. */
export interface SizesAndTimes extends Sizes {
  /** Changed then or later. @default any time */
  readonly modifiedSince?: Date | undefined;
  /** Changed before. @default any time */
  readonly modifiedBefore?: Date | undefined;
}

const NS_PER_MS = 1_000_000n;

/** @throws SealiftError `usage` for bounds that are no whole bytes, or that no size meets. */
export function sizeFilter({ minBytes = 0, maxBytes = Number.MAX_SAFE_INTEGER }: Sizes): (sizeBytes: number) => boolean {
  for (const bytes of [minBytes, maxBytes]) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw unusable(`a size of ${bytes} bytes is none`, 'give whole bytes from 0');
    }
  }
  if (minBytes > maxBytes) {
    throw unusable(`no file has ${minBytes} bytes or more and ${maxBytes} or less`, 'give a --min-size that is not larger than --max-size');
  }
  return (sizeBytes) => minBytes <= sizeBytes && sizeBytes <= maxBytes;
}

/** @throws SealiftError `usage` as {@link sizeFilter}, and for times that are none, or that no file meets. */
export function fileFilter(wanted: SizesAndTimes): (file: Pick<FileStat, 'sizeBytes' | 'mtimeNs'>) => boolean {
  const { modifiedSince, modifiedBefore } = wanted;
  const takesSize = sizeFilter(wanted);
  const [from, before] = [nanoseconds(modifiedSince), nanoseconds(modifiedBefore)];
  if (from !== undefined && before !== undefined && from >= before) {
    throw unusable(`no file has changed at ${modifiedSince?.toISOString()} or later and before ${modifiedBefore?.toISOString()}`, 'give a --modified-since that lies before --modified-before');
  }
  return ({ sizeBytes, mtimeNs }) => takesSize(sizeBytes) && (from === undefined || from <= mtimeNs) && (before === undefined || mtimeNs < before);
}

function nanoseconds(time: Date | undefined): bigint | undefined {
  if (time === undefined) {
    return undefined;
  }
  if (Number.isNaN(time.getTime())) {
    throw unusable('a time that files are to be modified since or before is no time', 'give a valid Date');
  }
  return BigInt(time.getTime()) * NS_PER_MS;
}

function unusable(what: string, remedy: string): SealiftError {
  return new SealiftError('usage', what, { remedy });
}
