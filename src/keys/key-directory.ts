import { generateKeyPair, randomBytes } from 'node:crypto';
import { link, lstat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MasterKeyError, isSealiftError } from '../errors.js';
import { makeDirectories } from '../files/sync.js';
import { SDK_RSA_KEY_BITS } from '../limits.js';
import { encryptPrivateKey } from './encrypted-pkcs8.js';
import { SDK_PRIVATE, SDK_PUBLIC, loadRsaKey, type LoadOptions } from './key-files.js';
import { writeNewFiles } from './key-storage.js';
import type { RsaKey } from './rsa.js';

export interface DirectoryOptions extends LoadOptions {
  /** Prefix of both file names. @default '' */
  readonly prefix?: string;
}

/**
 * The key directory of the Python SDK: reads its pair, or makes one of 2,048 bits on first use, as the SDK does, but
 * private (directory 0700, private half 0600). Without a private half the key can only seal.
 *
 * Processes that come at the same time end up with one pair. Rejects like {@link loadRsaKey}, and with `write-failed` or
 * `disk-full` when there is no room for a new pair.
 */
export async function openKeyDirectory(directory: string, options: DirectoryOptions = {}): Promise<RsaKey> {
  const { prefix = '' } = options;
  const [secret, open] = [join(directory, prefix + SDK_PRIVATE), join(directory, prefix + SDK_PUBLIC)];
  if (await exists(secret)) {
    return await loadRsaKey(secret, options);
  }
  if (await exists(open)) {
    return await loadRsaKey(open, options);
  }
  await generate(directory, { secret, open }, options);
  return await loadRsaKey(secret, options);
}

interface Pair {
  readonly secret: string;
  readonly open: string;
}

/** The private half gets its name by a link, which only one of several processes wins; the public half is that of the winner. */
async function generate(directory: string, names: Pair, { passphrase }: LoadOptions): Promise<void> {
  await makePrivate(directory);
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: SDK_RSA_KEY_BITS, publicExponent: 0x10001 });
  const text = passphrase === undefined ? privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() : await encryptPrivateKey(privateKey, passphrase);
  const temporary = join(directory, `.new-${randomBytes(8).toString('hex')}`);
  await writeNewFiles([{ path: temporary, text, mode: 0o600 }]);
  try {
    await link(temporary, names.secret);
    await writeNewFiles([{ path: names.open, text: publicKey.export({ type: 'spki', format: 'pem' }).toString(), mode: 0o644 }]);
  } catch (error) {
    if (!isTaken(error)) {
      throw error;
    }
  } finally {
    await unlink(temporary);
  }
}

async function makePrivate(directory: string): Promise<void> {
  try {
    await makeDirectories(directory, 0o700);
  } catch (cause) {
    throw new MasterKeyError('key-file-invalid', `the key directory ${directory} cannot be made`, { object: directory, remedy: 'Name a directory that can be written to.', cause });
  }
}

function isTaken(error: unknown): boolean {
  return isSealiftError(error) ? error.code === 'exists' : error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
