import { SealiftError } from '../errors.js';
import type { EncodedPath } from '../run/types.js';
import { encodePath } from './path-encoding.js';

/** What a list says about one directory: where its lines about what lies below it are. */
export interface Listed {
  /** Whether the directory is on the list itself, or lies in one that is. */
  readonly isWhole: boolean;
  readonly from: number;
  readonly to: number;
  /** Where names begin in these lines. */
  readonly at: number;
}

/** What a list says about one name in a directory. */
export interface ListedName extends Omit<Listed, 'isWhole'> {
  /** Whether it is on the list itself, not only something below it. */
  readonly isListed: boolean;
}

/** Between names. Sorts before every byte that a name may have, so that what is in a directory follows it. */
const SEPARATOR = '\0';
const SLASH = 0x2f;
const PLAIN = /^[^\0]+$/;
/** A segment that is empty, `.` or `..`. */
const UNEVEN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * The paths that a walk keeps to, each once, in the order in which it meets them. Memory: a path's bytes and about 30 more,
 * some 90 MB for a million paths of 60 bytes.
 */
export class ListedPaths {
  /** Latin1, one code unit per byte. */
  readonly #lines: readonly string[];

  /**
   * @param files - paths below the root, text or bytes; a directory means everything in it. `./`, doubled slashes and those at the
   * end do not matter.
   * @throws SealiftError `usage` for a path that is empty or absolute, or that has a segment `..` or a NUL.
   */
  constructor(files: Iterable<string | Uint8Array>) {
    const lines: string[] = [];
    for (const file of files) {
      lines.push(lineOf(file));
    }
    this.#lines = lines.sort().filter((line, index) => line !== lines[index - 1]);
  }

  /** About the root. */
  get root(): Listed {
    const isWhole = this.#lines[0] === '';
    return { isWhole, from: isWhole ? 1 : 0, to: this.#lines.length, at: 0 };
  }

  /** The names in a directory that lines begin with, in byte order. */
  namesIn({ from, to, at }: Listed): ReadonlyMap<string, ListedName> {
    const names = new Map<string, ListedName>();
    for (let index = from; index < to; ) {
      const line = this.#lines[index] ?? '';
      const end = line.indexOf(SEPARATOR, at);
      const isListed = end === -1;
      const name = isListed ? line.slice(at) : line.slice(at, end);
      const below = isListed ? index + 1 : index;
      index = this.#endOf(`${line.slice(0, at)}${name}${SEPARATOR}`, below, to);
      names.set(name, { isListed, from: below, to: index, at: at + name.length + 1 });
    }
    return names;
  }

  /** Everything listed below a name. */
  *below({ from, to }: Pick<ListedName, 'from' | 'to'>): Generator<EncodedPath> {
    for (let index = from; index < to; index += 1) {
      yield encodePath(Buffer.from((this.#lines[index] ?? '').replaceAll(SEPARATOR, '/'), 'latin1'));
    }
  }

  /** Of the lines that begin alike: halving, for there may be none of them or a million. */
  #endOf(beginning: string, from: number, to: number): number {
    const begins = (index: number): boolean => this.#lines[index]?.startsWith(beginning) === true;
    let [low, high] = [from, from < to && begins(from) ? to : from];
    while (low < high) {
      const middle = (low + high) >>> 1;
      [low, high] = begins(middle) ? [middle + 1, high] : [low, middle];
    }
    return low;
  }
}

function lineOf(file: string | Uint8Array): string {
  const bytes = typeof file === 'string' ? Buffer.from(file) : Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const raw = bytes.toString('latin1');
  if (PLAIN.test(raw) && !UNEVEN.test(raw)) {
    // Not by replacing in the text, which makes it a rope, dear to compare and to keep.
    return Buffer.from(bytes.map((byte) => (byte === SLASH ? 0 : byte))).toString('latin1');
  }
  const names = raw.split('/').filter((name) => name !== '' && name !== '.');
  if (raw === '' || raw.startsWith('/') || raw.includes(SEPARATOR) || names.includes('..')) {
    const name = encodePath(bytes);
    throw new SealiftError('usage', `the list of files has ${name === '' ? 'an empty path' : name}, which is no path below the directory`, {
      object: name,
      remedy: 'list paths relative to the directory that is pushed, without .. in them',
    });
  }
  return names.join(SEPARATOR);
}
