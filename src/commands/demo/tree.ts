/** A small tree as people have them, hostile names included. */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { KiB, MiB } from '../../limits.js';

/** Bytes of the one large file. */
export const LARGE_BYTES = 80 * MiB;

const FOLDERS = ['photos/2024/summer', 'photos/2025', 'documents/taxes/2023', 'documents/letters', 'source/lib/core', 'source/test'] as const;
const FILES_PER_FOLDER = 30;

/** Names that break tools: control characters, line breaks, escapes, look-alikes, and one that is not UTF-8. */
const HOSTILE: readonly (string | Buffer)[] = [
  'line\nbreak.txt', 'tab\tand bell\u0007.txt', 'escape\u001b[31m.txt', 'percent%41%2F.txt', 'back\\slash.txt', ' leading and trailing ', '-rf',
  '.hidden', "quote's \"and\" $(more).txt", 'gpj.\u202eexe', 'ü composed.txt', 'u\u0308 decomposed.txt', '日本語 🛟.txt', 'x'.repeat(200),
  Buffer.from('caf\u00e9 latin-1.txt', 'latin1'),
];

export interface MadeTree {
  readonly files: number;
  readonly bytes: number;
}

/** Fills an existing, empty directory. */
export function makeTree(root: string): MadeTree {
  const sizes = [...ordinaryFiles(root), ...hostileFiles(root), ...emptyThings(root), largeFile(root)];
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function ordinaryFiles(root: string): number[] {
  return FOLDERS.flatMap((folder) => {
    mkdirSync(join(root, folder), { recursive: true });
    return Array.from({ length: FILES_PER_FOLDER }, (_, index) => {
      const path = join(root, folder, `file-${String(index).padStart(2, '0')}.dat`);
      const size = (index * index * 97) % (96 * KiB);
      writeFileSync(path, randomBytes(size));
      utimesSync(path, 1_700_000_000 + index, 1_700_000_000.5 + index * 1000);
      return size;
    });
  });
}

function hostileFiles(root: string): number[] {
  mkdirSync(join(root, 'hostile names'));
  return HOSTILE.flatMap((name) => {
    const content = Buffer.from('the name is the point\n');
    const path = Buffer.concat([Buffer.from(join(root, 'hostile names/')), Buffer.from(name)]);
    try {
      writeFileSync(path, content);
      return [content.length];
    } catch {
      // Some file systems refuse such names, and then nobody can have them there.
      return [];
    }
  });
}

function emptyThings(root: string): number[] {
  mkdirSync(join(root, 'empty directory/inside'), { recursive: true });
  writeFileSync(join(root, 'documents/empty.txt'), '');
  writeFileSync(join(root, 'source/empty.lock'), '', { mode: 0o600 });
  return [0, 0];
}

function largeFile(root: string): number {
  const descriptor = openSync(join(root, 'photos/film.mov'), 'w', 0o640);
  for (let written = 0; written < LARGE_BYTES; written += MiB) {
    writeSync(descriptor, randomBytes(MiB));
  }
  closeSync(descriptor);
  return LARGE_BYTES;
}
