import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { DIRECT_BLOCK_BYTES, DIRECT_FROM_BYTES } from '../limits.js';

/** Writes all of `data` at a position, in bytes from the start. Errors are those of the system. */
export function writeFully(fd: number, data: Uint8Array, position: number): void {
  const direct = data.length < DIRECT_FROM_BYTES ? 0 : writeDirectly(fd, data, position);
  for (let written = direct; written < data.length; ) {
    written += writeSync(fd, data, written, data.length - written, position + written);
  }
}

/**
 * Writes as much of `data` as may go straight to the disk, and returns how many bytes that were: none where the system, the
 * file system, or the place of the data in memory or file does not allow it (open(2), O_DIRECT). The rest is for an ordinary
 * write, which meets the same error if there is one. Content that is written once, synced and not read back would only drive
 * better pages out of the cache, and copying it into new ones costs more than all else that a pull does.
 */
export function writeDirectly(fd: number, data: Uint8Array, position: number): number {
  const bytes = position % DIRECT_BLOCK_BYTES === 0 ? data.length - (data.length % DIRECT_BLOCK_BYTES) : 0;
  const direct = bytes === 0 ? undefined : reopenDirect(fd);
  if (direct === undefined) {
    return 0;
  }
  try {
    return writeSync(direct, data, 0, bytes, position);
  } catch {
    // EINVAL for the most part: the memory is not aligned as this disk wants it.
    return 0;
  } finally {
    closeSync(direct);
  }
}

/** Another descriptor of an open file. What it is made by is there on Linux only, and so is the flag. */
function reopenDirect(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_DIRECT);
  } catch {
    return undefined;
  }
}
