import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from './errno.js';

/** Makes a created, renamed or removed name survive a loss of power. Rejects with the error of the system. */
export async function syncDirectoryOf(file: string): Promise<void> {
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The same where the directory may be read. Where it may only be written to, nobody can bring its names to the disk. */
export async function syncNameOf(file: string): Promise<void> {
  try {
    await syncDirectoryOf(file);
  } catch (error) {
    if (!UNREADABLE.has(errnoOf(error))) {
      throw error;
    }
  }
}

const UNREADABLE: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM']);

/**
 * Makes a directory, and those above it that are missing; their names survive a loss of power. Rejects with the error of the
 * system.
 *
 * @param mode - of each that is made. @default 0o777, less the umask
 */
export async function makeDirectories(directory: string, mode = 0o777): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode });
  if (first === undefined) {
    return;
  }
  const highest = resolve(first);
  for (let made = resolve(directory); made.length >= highest.length; made = dirname(made)) {
    await syncNameOf(made);
  }
}
