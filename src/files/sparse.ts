import { readSync } from 'node:fs';
import { HOLE_BYTES } from '../limits.js';
import { writeFully } from './write.js';

const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * Writes all of `data` at a position, but leaves blocks of zeros out where the file reads as zeros already, so that they
 * become holes again. It looks before it leaves out: an interrupted attempt may have written there.
 */
export function writeAroundHoles(fd: number, data: Buffer, position: number): void {
  let begun = 0;
  for (let at = 0; at < data.length; at += HOLE_BYTES) {
    const block = data.subarray(at, at + HOLE_BYTES);
    if (isZero(block) && readsAsZero(fd, block.length, position + at)) {
      writeFully(fd, data.subarray(begun, at), position + begun);
      begun = at + block.length;
    }
  }
  writeFully(fd, data.subarray(begun), position + begun);
}

function isZero(block: Buffer): boolean {
  return block.equals(block.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, block.length));
}

function readsAsZero(fd: number, length: number, position: number): boolean {
  const found = Buffer.allocUnsafe(length);
  return readSync(fd, found, 0, length, position) === length && isZero(found);
}
