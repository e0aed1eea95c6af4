import { SealiftError } from '../errors.js';
import { MAX_OBJECT_KEY_BYTES } from '../limits.js';
import type { EncodedPath, ObjectKey } from '../run/types.js';
import { keyBelow } from './key-below.js';
import { decodeCanonical, encodePath } from './path-encoding.js';

export { collisionKey, CollisionFinder, renamedPath, type NameFolding } from './collisions.js';
export { guardPath } from './guard.js';
export { keyBelow } from './key-below.js';
export { decodePath, encodePath, parsePath } from './path-encoding.js';

/**
 * A prefix without its trailing slashes.
 *
 * @throws SealiftError `destination-invalid` for what cannot begin an object key: a leading `/` or `\`, a lone surrogate,
 * or a segment `.` or `..`, which HTTP clients and servers resolve on their own so that the object would land elsewhere.
 */
export function normalizePrefix(prefix: string): string {
  const trimmed = prefix.replace(/\/+$/, '');
  const dotted = trimmed.split('/').some((segment) => segment === '.' || segment === '..');
  if (/^[/\\]/.test(prefix) || dotted || /\p{Surrogate}/u.test(prefix)) {
    throw new SealiftError('destination-invalid', `not a usable prefix: ${prefix}`, {
      object: prefix,
      remedy: 'a prefix starts with neither / nor \\, and no segment of it is . or ..',
    });
  }
  return trimmed;
}

/**
 * The key of the object that holds a file. `prefix` is normalized.
 *
 * @throws SealiftError `key-too-long` above 1,023 bytes of UTF-8, `name-invalid` for a path that starts with a slash.
 */
export function objectKey(prefix: string, path: EncodedPath): ObjectKey {
  const key = keyBelow(prefix, path);
  if (/^[/\\]/.test(key) || path === '') {
    throw new SealiftError('name-invalid', `${path} cannot be an object key`, { object: path });
  }
  const bytes = Buffer.byteLength(key, 'utf8');
  if (bytes > MAX_OBJECT_KEY_BYTES) {
    throw new SealiftError('key-too-long', `the object key of ${path} has ${bytes} bytes, OSS allows ${MAX_OBJECT_KEY_BYTES}`, {
      object: path,
      remedy: 'shorten the path or the prefix',
    });
  }
  return key as ObjectKey;
}

/**
 * Where a sealed object belongs below the root, or `null` when its key is not under `prefix`. A prefix matches whole
 * segments; a key that equals it is a single object, which goes by its last name part. What follows the prefix is decoded
 * when {@link encodePath} can have written it; otherwise no push made that key, and it is taken literally.
 */
export function pathOfKey(prefix: string, key: string): EncodedPath | null {
  const rest = belowPrefix(prefix, key);
  if (rest === null) {
    return null;
  }
  return decodeCanonical(rest) === undefined ? encodePath(Buffer.from(rest, 'utf8')) : (rest as EncodedPath);
}

/** As {@link pathOfKey} for an object that Sealift did not write: its key is never decoded. */
export function pathOfForeignKey(prefix: string, key: string): EncodedPath | null {
  const rest = belowPrefix(prefix, key);
  return rest === null ? null : encodePath(Buffer.from(rest, 'utf8'));
}

function belowPrefix(prefix: string, key: string): string | null {
  if (prefix === '') {
    return key;
  }
  if (key === prefix) {
    return key.slice(key.lastIndexOf('/') + 1);
  }
  return key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : null;
}
