import { hash } from 'node:crypto';
import { MAX_NAME_BYTES } from '../limits.js';
import type { EncodedPath } from '../run/types.js';
import { decodePath, encodePath } from './path-encoding.js';

/** Which differences between names a file system does not see. */
export interface NameFolding {
  /** `A` and `a` are one name. */
  readonly case: boolean;
  /** `é` as one code point and as two are one name. */
  readonly unicode: boolean;
}

/** What macOS does by default; Windows folds case alone. A pull that goes by it is safe on every machine. */
export const FOLD_ALL: NameFolding = { case: true, unicode: true };

/** Latin1 characters, that is bytes, of the digest that stands for a name: 96 bits make false alarms a theory. */
const DIGEST_LENGTH = 12;
const TAG_DIGITS = 16;

/**
 * Equal for two paths exactly when one file would serve both. Case is folded by way of upper case, which joins more than
 * file systems do (`ß` and `ss`): a false alarm is reported, a missed one would lose a file.
 */
export function collisionKey(path: EncodedPath, folding: NameFolding = FOLD_ALL): string {
  const composed = folding.unicode ? path.normalize('NFC') : path;
  const folded = folding.case ? composed.toLowerCase().toUpperCase().toLowerCase() : composed;
  return folding.unicode ? folded.normalize('NFC') : folded;
}

/**
 * Finds the paths of a batch that would share a file, in two passes: all are {@link add}ed first, then each can be asked
 * about. Keeps about 100 bytes per path and per directory, whatever the length of the names.
 */
export class CollisionFinder {
  readonly #folding: NameFolding;
  readonly #files = new Set<string>();
  readonly #shared = new Set<string>();
  readonly #directories = new Set<string>();
  #lastDirectory = '';

  constructor(folding: NameFolding = FOLD_ALL) {
    this.#folding = folding;
  }

  /** Adds one object; the same path twice is a collision too: two keys can stand for it. */
  add(path: EncodedPath): void {
    const key = collisionKey(path, this.#folding);
    const digest = digestOf(key);
    if (this.#files.has(digest)) {
      this.#shared.add(digest);
    }
    this.#files.add(digest);
    this.#addDirectories(key);
  }

  /** Whether any two added paths want the same file, or one needs a directory where another is a file. */
  get hasCollisions(): boolean {
    return this.#shared.size > 0 || [...this.#directories].some((digest) => this.#files.has(digest));
  }

  /** Whether another added path wants the same file, or needs a directory where this one is a file. */
  collides(path: EncodedPath): boolean {
    const digest = digestOf(collisionKey(path, this.#folding));
    return this.#shared.has(digest) || this.#directories.has(digest);
  }

  /**
   * The name under which a colliding path is written instead: {@link renamedPath} that nothing in this batch takes. All
   * members of a collision are renamed, so that the result depends neither on their order nor on which were pulled before.
   */
  rename(path: EncodedPath): EncodedPath {
    return renamedPath(path, (candidate) => {
      const digest = digestOf(collisionKey(candidate, this.#folding));
      return this.#files.has(digest) || this.#directories.has(digest);
    });
  }

  #addDirectories(key: string): void {
    const end = key.lastIndexOf('/');
    const directory = end < 0 ? '' : key.slice(0, end);
    if (directory === this.#lastDirectory) {
      return;
    }
    this.#lastDirectory = directory;
    for (let at = directory.length; at > 0; at = directory.lastIndexOf('/', at - 1)) {
      this.#directories.add(digestOf(directory.slice(0, at)));
    }
  }
}

/**
 * Another name in the same directory: `stem~<16 hex digits of the path's hash>.extension`, cut to 255 bytes. The same path
 * gets the same name on every machine; `isTaken` decides whether the next candidate is tried.
 */
export function renamedPath(path: EncodedPath, isTaken: (candidate: EncodedPath) => boolean): EncodedPath {
  const cut = path.lastIndexOf('/') + 1;
  const { stem, extension } = splitName(decodePath(path.slice(cut) as EncodedPath));
  for (let salt = 0; ; salt += 1) {
    const tag = `~${hash('sha256', `${salt}/${path}`, 'hex').slice(0, TAG_DIGITS)}`;
    const kept = cutText(stem, MAX_NAME_BYTES - tag.length - extension.length);
    const candidate = (path.slice(0, cut) + encodePath(Buffer.concat([kept, Buffer.from(tag), extension]))) as EncodedPath;
    if (!isTaken(candidate)) {
      return candidate;
    }
  }
}

/** Longer "extensions" are rather sentences with a dot in them. */
const MAX_EXTENSION_BYTES = 16;

function splitName(name: Buffer): { stem: Buffer; extension: Buffer } {
  const dot = name.lastIndexOf('.');
  const at = dot > 0 && name.length - dot <= MAX_EXTENSION_BYTES ? dot : name.length;
  return { stem: name.subarray(0, at), extension: name.subarray(at) };
}

/** At most `bytes` bytes, never ending inside a UTF-8 sequence. */
function cutText(text: Buffer, bytes: number): Buffer {
  let end = Math.min(text.length, bytes);
  while (end > 0 && end < text.length && ((text[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return text.subarray(0, end);
}

function digestOf(text: string): string {
  return hash('sha256', text, 'binary').slice(0, DIGEST_LENGTH);
}
