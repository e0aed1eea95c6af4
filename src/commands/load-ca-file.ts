import { readFile } from 'node:fs/promises';
import { SealiftError } from '../errors.js';
import { errnoOf } from '../files/errno.js';
import type { Settings } from '../settings.js';

/** The certificates of `--ca-file`, if it is given. Fails with `config-invalid` where the file cannot be read or holds none. */
export async function loadCaFile(settings: Settings): Promise<string | undefined> {
  const file = settings['ca-file'];
  if (file === undefined) {
    return undefined;
  }
  const { certificatesIn } = await import('../store/ca-certificates.js');
  return certificatesIn(await textOf(file), file).join('\n');
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new SealiftError('config-invalid', `the CA file ${file} cannot be read: ${errnoOf(cause) ?? 'unknown error'}`, { object: file, remedy: 'Check the path given with --ca-file.', cause });
  }
}
