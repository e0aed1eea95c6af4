import { createCipheriv, randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROW_BYTES = 256;
/** Twice, so that a row may begin anywhere. */
const ROW = Buffer.from(Array.from({ length: 2 * ROW_BYTES }, (_, i) => 7 * i));
const SEVENTH = 183;

/**
 * Byte i is 7 i + 13 (i >> 8) + 31 (i >> 16) + seed, modulo 256: never constant, never aligned, and cheap. Each row of 256 bytes
 * is the first one begun elsewhere, since 7 · 183 = 1 modulo 256.
 */
export function content(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  for (let i = 0; i < sizeBytes; i += ROW_BYTES) {
    const start = (SEVENTH * (13 * (i >> 8) + 31 * (i >> 16) + seed)) & 0xff;
    ROW.copy(bytes, i, start, start + ROW_BYTES);
  }
  return bytes;
}

/** Writes files below a directory; keys are relative paths, values contents. Names may be raw bytes in latin1 after `raw:`. */
export function plant(root: string, files: Readonly<Record<string, Buffer | string>>): void {
  for (const [name, data] of Object.entries(files)) {
    const path = name.startsWith('raw:') ? Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name.slice(4), 'latin1')]) : join(root, name);
    if (typeof path === 'string') {
      mkdirSync(dirname(path), { recursive: true });
    }
    writeFileSync(path, data);
  }
}

/** A small hostile tree: nested, empty, unicode, controls, not UTF-8, boundary sizes. */
export function plantHostile(root: string): void {
  plant(root, {
    'plain.txt': 'hello',
    'empty': '',
    '.hidden/.env': 'dot',
    'deep/er/and/deeper/still.bin': content(1000, 3),
    'üñï/日本/файл.txt': 'unicode',
    'new\nline': 'newline',
    'per%cent %41': 'percent',
    'back\\slash': 'backslash',
    ' leading and trailing ': 'spaces',
    'esc\u001b[31m': 'escape',
    'raw:not-\xff\xfe-utf8': 'raw bytes',
    'quote"\'`$(x)': 'shell',
    'sizes/15': content(15), 'sizes/16': content(16), 'sizes/17': content(17),
    'sizes/65535': content(65535), 'sizes/65536': content(65536), 'sizes/65537': content(65537),
  });
  mkdirSync(join(root, 'empty-directory/inner'), { recursive: true });
  chmodSync(join(root, 'plain.txt'), 0o640);
  utimesSync(join(root, 'plain.txt'), 1234567890.123456, 1234567890.654321);
}

/** One line per entry: kind, mode, mtime in µs, size, and the bytes or, of many, a fingerprint that means nothing to another process; equal lines mean equal trees. */
export function describeTree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (directory: Buffer, relative: string): void => {
    const names = readdirSync(directory, { encoding: 'buffer' });
    if (names.length === 0 && relative !== '') {
      found.set(relative, 'empty directory');
    }
    for (const name of names) {
      const path = Buffer.concat([directory, Buffer.from('/'), name]);
      const label = relative + (relative === '' ? '' : '/') + name.toString('latin1');
      const stats = lstatSync(path, { bigint: true });
      if (stats.isDirectory()) {
        visit(path, label);
      } else if (stats.isFile()) {
        found.set(label, `file ${(stats.mode & 0o777n).toString(8)} ${stats.mtimeNs / 1000n} ${stats.size} ${fingerprint(readFileSync(path))}`);
      } else {
        found.set(label, 'other');
      }
    }
  };
  visit(Buffer.from(root), '');
  return found;
}

const FINGERPRINT_KEY = randomBytes(32);

/** Long texts are dear to make and to compare. A GMAC under a key of chance tells bytes apart like a hash, ten times as fast as SHA-256. */
function fingerprint(bytes: Buffer): string {
  return (bytes.length <= 4096 ? bytes : gmac(bytes)).toString('base64');
}

/** One nonce for all: nobody learns these tags, so nobody forges one. */
function gmac(bytes: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', FINGERPRINT_KEY, Buffer.alloc(12)).setAAD(bytes);
  cipher.final();
  return cipher.getAuthTag();
}
