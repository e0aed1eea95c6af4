import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import { MAX_IGNORE_FILE_BYTES } from '../limits.js';
import { bytesOf, type Directory } from './entry.js';
import { isGone, readFailure } from './errno.js';
import { joinRaw } from './own-paths.js';

/** @throws SealiftError `usage` for what can be no name of a file in a directory. */
export function checkIgnoreFileName(name: string): void {
  if (['', '.', '..'].includes(name) || /[/\0]/.test(name)) {
    throw new SealiftError('usage', `${JSON.stringify(name)} is no name of an ignore file`, {
      object: name, remedy: 'give the name that such a file has in each directory, such as .sealiftignore',
    });
  }
}

/**
 * The text of a directory's ignore file; undefined where there is none. Whatever cannot be understood is an error: what was
 * meant to be left out would be taken.
 *
 * @throws SealiftError `unreadable`, retryable when only file descriptors ran out.
 */
export function readIgnoreFile(directory: Directory, name: string): string | undefined {
  const raw = bytesOf(joinRaw(directory.raw, Buffer.from(name).toString('latin1')));
  const shown = directory.path === '' ? name : `${directory.path}/${name}`;
  try {
    return textOf(read(raw, shown), shown);
  } catch (error) {
    // A link that leads nowhere is there, and was meant to say something.
    if (isGone(error) && lstatSync(raw, { throwIfNoEntry: false }) === undefined) {
      return undefined;
    }
    throw isGone(error) ? unusable(shown, 'it is a link that leads nowhere, or it disappeared just now') : readFailure(error, shown);
  }
}

/** Does not wait for a FIFO. */
function read(raw: Buffer, shown: string): Buffer {
  const fd = openSync(raw, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) {
      throw unusable(shown, 'it is no file');
    }
    if (stats.size > MAX_IGNORE_FILE_BYTES) {
      throw unusable(shown, `it has ${stats.size} bytes, and ${MAX_IGNORE_FILE_BYTES} may be`);
    }
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function textOf(bytes: Buffer, shown: string): string {
  if (bytes.includes(0) || !isUtf8(bytes)) {
    throw unusable(shown, 'it is not plain text in UTF-8');
  }
  return bytes.toString('utf8');
}

function unusable(shown: string, why: string): SealiftError {
  return new SealiftError('unreadable', `the ignore file ${shown} says nothing that can be followed: ${why}`, {
    object: shown, remedy: 'mend it or move it away, or exclude its directory; nothing in there was looked at',
  });
}
