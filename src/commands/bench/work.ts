/** What is moved: a profile or so many files of one size, made of random bytes; or a directory of the user's. */
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SealiftError } from '../../errors.js';
import { GiB, KiB, MiB } from '../../limits.js';
import { formatBytes, formatCount } from '../../report/format.js';
import type { WorkFile } from './job.js';

export interface Work {
  /** For rows: `mixed`, `20,000 × 4 KiB`, or the directory as it was given. */
  readonly name: string;
  readonly directory: string;
  readonly files: readonly WorkFile[];
  readonly bytes: number;
}

export interface Group {
  readonly files: number;
  readonly bytes: number;
}

export const PROFILES: Readonly<Record<string, readonly Group[]>> = {
  small: [{ files: 20_000, bytes: 4 * KiB }],
  medium: [{ files: 500, bytes: MiB }],
  large: [{ files: 3, bytes: GiB }],
  mixed: [{ files: 4000, bytes: 4 * KiB }, { files: 200, bytes: 64 * KiB }, { files: 32, bytes: MiB }, { files: 1, bytes: 96 * MiB }],
};

const FILES_PER_DIRECTORY = 200;
const BLOCK_BYTES = 8 * MiB;

/** A tree below `directory`, which must be empty. Its bytes neither repeat nor compress. */
export function makeWork(name: string, groups: readonly Group[], directory: string): Work {
  const block = randomFillSync(Buffer.allocUnsafeSlow(BLOCK_BYTES));
  const sizes = groups.flatMap(({ files, bytes }) => Array.from({ length: files }, () => bytes));
  const files = sizes.map((bytes, index) => {
    const folder = `directory-${Math.floor(index / FILES_PER_DIRECTORY)}`;
    if (index % FILES_PER_DIRECTORY === 0) {
      mkdirSync(join(directory, folder), { recursive: true });
    }
    const path = `${folder}/file-${index}`;
    fill(join(directory, path), bytes, { block, salt: index });
    return { path, bytes };
  });
  return { name, directory, files, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}

export function nameOf({ files, bytes }: Group): string {
  return `${formatCount(files)} × ${formatBytes(bytes)}`;
}

/** The regular files of a directory that is there already. */
export function workFrom(name: string, directory: string): Work {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => {
    const path = join(entry.parentPath, entry.name).slice(directory.length + 1);
    return { path, bytes: statSync(join(directory, path)).size };
  });
  if (files.length === 0) {
    throw new SealiftError('usage', `--profile: ${directory} holds no files`, { object: '--profile', remedy: 'Name a directory with files, or a profile: small, medium, large, mixed.' });
  }
  return { name, directory, files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function fill(file: string, bytes: number, { block, salt }: { readonly block: Buffer; readonly salt: number }): void {
  const fd = openSync(file, 'wx');
  for (let written = 0; written < bytes; ) {
    block.writeDoubleLE(salt + written / BLOCK_BYTES / 10_000, 0);
    written += writeSync(fd, block, 0, Math.min(block.length, bytes - written));
  }
  closeSync(fd);
}
