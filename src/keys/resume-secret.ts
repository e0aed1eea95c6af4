import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { MasterKeyError, isSealiftError } from '../errors.js';
import { DATA_KEY_BYTES } from '../limits.js';
import { readSecretFile, writeNewFiles } from './key-storage.js';

const CONTENT = /^[0-9a-f]{64}\n?$/;

/**
 * The secret that lets a machine with nothing but a public key go on with its own interrupted uploads. The file holds 64 hex
 * digits; it is made (0600) when it is missing.
 *
 * Rejects with MasterKeyError `key-file-unsafe` when others may read it, `key-file-invalid` when it holds something else.
 */
export async function openResumeSecret(path: string): Promise<KeyObject> {
  await makeIfMissing(path);
  const text = (await readSecretFile(path)).toString('latin1');
  if (!CONTENT.test(text)) {
    throw new MasterKeyError('key-file-invalid', `${path} is no resume secret: it does not hold 64 hex digits`, {
      object: path, remedy: 'name a file that does not exist yet, and it is made',
    });
  }
  return createSecretKey(Buffer.from(text.trimEnd(), 'hex'));
}

async function makeIfMissing(path: string): Promise<void> {
  const content = `${randomBytes(DATA_KEY_BYTES).toString('hex')}\n`;
  try {
    await writeNewFiles([{ path, text: content, mode: 0o600 }]);
  } catch (error) {
    if (!isSealiftError(error) || error.code !== 'exists') {
      throw error;
    }
  }
}
