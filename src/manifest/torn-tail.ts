import { createReadStream, createWriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { syncDirectoryOf } from '../files/sync.js';
import { errnoOf, writeError } from './files.js';

/**
 * Copies what stands behind the last good line to `FILE.torn-N`, then cuts it off, both on the disk when this resolves.
 * Returns the warning for the user; undefined when there is nothing behind it.
 */
export async function cutTornTail(handle: FileHandle, file: string, goodBytes: number): Promise<string | undefined> {
  const { size } = await handle.stat();
  if (size === goodBytes) {
    return undefined;
  }
  try {
    const aside = await copyAside(file, goodBytes, 1);
    await handle.truncate(goodBytes);
    await handle.sync();
    return `the manifest ${file} ended in an unfinished line of ${size - goodBytes} bytes, as after a crash; it was moved to ${aside}`;
  } catch (error) {
    throw writeError(file, 'ends in an unfinished line, which cannot be moved aside', error);
  }
}

async function copyAside(file: string, start: number, number: number): Promise<string> {
  const aside = `${file}.torn-${number}`;
  try {
    await pipeline(createReadStream(file, { start }), createWriteStream(aside, { flags: 'wx', mode: 0o600, flush: true }));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      return copyAside(file, start, number + 1);
    }
    throw error;
  }
  await syncDirectoryOf(aside);
  return aside;
}
