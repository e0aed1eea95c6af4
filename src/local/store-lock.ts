import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { isSealiftError, SealiftError } from '../errors.js';
import { lockManifest, type ManifestLock } from '../manifest/lock.js';

/**
 * Makes this process the only one that serves a data directory, by the means that protect a manifest: the lock of a
 * process that is gone is taken over.
 *
 * @throws SealiftError `locked`
 */
export async function lockStore(dataDirectory: string): Promise<ManifestLock> {
  const file = join(dataDirectory, 'store');
  closeSync(openSync(file, 'a', 0o600));
  try {
    return await lockManifest(file);
  } catch (error) {
    if (!isSealiftError(error) || error.code !== 'locked') {
      throw error;
    }
    throw new SealiftError('locked', error.message.replace(`the manifest ${file}`, `the local store ${dataDirectory}`), {
      object: dataDirectory,
      remedy: `Wait for it to end, choose another --local-data, or start "sealift local" once and give its --endpoint to both. If it is gone with its container or machine, delete ${file}.lock.`,
      cause: error,
    });
  }
}
