import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { SealiftError } from '../errors.js';
import { describeErrno } from '../files/errno.js';
import { STANDARD_INPUT } from '../settings.js';
import { splitAt } from './split-at.js';

const NEWLINE = 0x0a;

/**
 * The paths of a list, byte by byte as they stand there, without empty ones.
 *
 * @param file - absolute, or `-` for standard input.
 * @param isNul - whether NUL ends a path, and not a newline.
 * @throws SealiftError `usage` when it cannot be read.
 */
export async function readList(file: string, isNul: boolean): Promise<Iterable<Uint8Array>> {
  try {
    const list = file === STANDARD_INPUT ? await buffer(process.stdin) : await readFile(file);
    return pathsIn(list, isNul ? 0 : NEWLINE);
  } catch (error) {
    throw new SealiftError('usage', `cannot read the list of files ${file}: ${describeErrno(error)}`, { object: file, remedy: 'check --files-from', cause: error });
  }
}

function* pathsIn(list: Buffer, separator: number): Generator<Uint8Array> {
  for (const path of splitAt(list, separator)) {
    if (path.length > 0) {
      yield path;
    }
  }
}
