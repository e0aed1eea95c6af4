import { isUtf8 } from 'node:buffer';
import { SealiftError } from '../errors.js';
import type { EncodedPath } from '../run/types.js';
import { decodePath } from './path-encoding.js';

/** Names that Windows gives to devices in every directory, whatever extension follows. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?$/is;

/**
 * The gate that every path from a bucket passes before a pull touches the disk: it stays below the root.
 *
 * @param platform - of the machine that writes: `process.platform`.
 * @throws SealiftError `path-escape` for an empty segment (so also an absolute path), `.`, `..` and NUL; on `win32` also for
 * `\`, `:`, control characters, a trailing dot or space, device names and names that are not UTF-8.
 * `name-invalid` for text that is no encoded path.
 */
export function guardPath(path: EncodedPath, platform: NodeJS.Platform): void {
  const raw = decodePath(path);
  const text = raw.toString('utf8');
  const reasonOf = platform === 'win32' ? windowsEscape : posixEscape;
  const reason = platform === 'win32' && !isUtf8(raw) ? 'a name that is not UTF-8' : firstReason(text.split('/'), reasonOf);
  if (reason !== undefined) {
    throw new SealiftError('path-escape', `${path} is not written: it contains ${reason}`, {
      object: path,
      remedy: 'if the object is wanted, copy it to a harmless key first',
    });
  }
}

function firstReason(segments: readonly string[], reasonOf: (segment: string) => string | undefined): string | undefined {
  return segments.map(reasonOf).find((reason) => reason !== undefined);
}

function posixEscape(segment: string): string | undefined {
  if (segment === '') {
    return 'an empty segment';
  }
  if (segment === '.' || segment === '..') {
    return `the segment "${segment}"`;
  }
  return segment.includes('\0') ? 'a NUL byte' : undefined;
}

function windowsEscape(segment: string): string | undefined {
  if (/[\\:]/.test(segment)) {
    return '\\ or :';
  }
  if (/[\u0000-\u001f]/.test(segment)) {
    return 'a control character';
  }
  if (DEVICE.test(segment)) {
    return `the device name "${segment}"`;
  }
  return posixEscape(segment) ?? (/[. ]$/.test(segment) ? 'a trailing dot or space' : undefined);
}
