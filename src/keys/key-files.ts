import { generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { MasterKeyError } from '../errors.js';
import type { RSA_KEY_BITS } from '../limits.js';
import { encryptPrivateKey } from './encrypted-pkcs8.js';
import { holdsSecret, parseKey } from './key-formats.js';
import { assertPrivate, readKeyFile, writeNewFiles } from './key-storage.js';
import type { Passphrase } from './passphrase.js';
import { rsaKey } from './rsa.js';
import type { RsaKey } from './rsa.js';

/** What the Python SDK's LocalRsaProvider appends to its prefix, which is empty by default. */
export const SDK_PUBLIC = '.public_key.pem';
export const SDK_PRIVATE = '.private_key.pem';

/** What a key file needs to be read. */
export interface LoadOptions {
  /** Of an encrypted PEM or a PKCS#12 file. */
  readonly passphrase?: Passphrase | undefined;
  /** What `matdesc` calls this key. */
  readonly materialDescription?: Readonly<Record<string, string>>;
}

/**
 * Reads an RSA master key.
 *
 * Formats: PKCS#1 and PKCS#8 (PEM or DER, encrypted or not), PKCS#12, and public keys as SPKI, PKCS#1 or X.509
 * certificate. `path` may also be what the Python SDK uses: a prefix such as `~/.oss-local-rsa/mykey`, or a directory that
 * holds exactly one pair. Without a private half the key can only seal.
 *
 * Rejects with MasterKeyError: `key-file-invalid` (missing, not a key, not RSA, under 2,048 bits), `key-file-unsafe`
 * (a private key that other users may touch), `passphrase-wrong` (needed and not given, or it does not fit).
 */
export async function loadRsaKey(path: string, options: LoadOptions = {}): Promise<RsaKey> {
  const file = await locate(path);
  const content = await readKeyFile(file);
  if (holdsSecret(content.bytes)) {
    assertPrivate(file, content);
  }
  const key = await parseKey(content.bytes, { path: file, passphrase: options.passphrase });
  return named(file, key, options);
}

/** How a key file is protected. */
export interface SaveOptions {
  /** Encrypts the private half: PKCS#8, PBES2 with PBKDF2-HMAC-SHA-256 (600,000 rounds) and AES-256-CBC. */
  readonly passphrase?: Passphrase | undefined;
}

/** How a key pair is made. */
export interface CreateOptions extends SaveOptions {
  readonly bits: (typeof RSA_KEY_BITS)[number];
}

/** Makes a key pair and writes it like {@link saveRsaKey}. */
export async function createRsaKey(path: string, options: CreateOptions): Promise<RsaKey> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: options.bits, publicExponent: 0x10001 });
  const key = rsaKey(pair.privateKey);
  await saveRsaKey(path, key, options);
  return key;
}

/**
 * Writes `path` (the private half as PKCS#8 PEM, mode 0600; left out when there is none) and `path.pub` (SPKI PEM, 0644).
 * Never overwrites: rejects with code `exists`, and then neither file is there.
 */
export async function saveRsaKey(path: string, key: RsaKey, options: SaveOptions = {}): Promise<void> {
  const publicFile = { path: `${path}.pub`, text: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(), mode: 0o644 };
  if (key.privateKey === undefined) {
    await writeNewFiles([publicFile]);
    return;
  }
  const text = await privatePem(key.privateKey, options.passphrase);
  await writeNewFiles([{ path, text, mode: 0o600 }, publicFile]);
}

async function privatePem(key: KeyObject, passphrase: Passphrase | undefined): Promise<string> {
  return passphrase === undefined ? key.export({ type: 'pkcs8', format: 'pem' }).toString() : encryptPrivateKey(key, passphrase);
}

function named(file: string, key: KeyObject, options: LoadOptions): RsaKey {
  try {
    return rsaKey(key, options.materialDescription);
  } catch (error) {
    if (!(error instanceof MasterKeyError)) {
      throw error;
    }
    const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
    throw new MasterKeyError(error.code, `${file}: ${error.message}`, { object: file, ...remedy });
  }
}

/** The file meant by `path`: itself, the only pair of a directory, or the files of a prefix; private halves first. */
async function locate(path: string): Promise<string> {
  const kind = await kindOf(path);
  if (kind === 'directory') {
    return onlyPair(path);
  }
  if (kind === 'file') {
    return path;
  }
  for (const candidate of [path + SDK_PRIVATE, path + SDK_PUBLIC]) {
    if ((await kindOf(candidate)) === 'file') {
      return candidate;
    }
  }
  return path;
}

async function onlyPair(directory: string): Promise<string> {
  const names = await readdir(directory);
  const prefixes = new Set(names.flatMap((name) => [SDK_PRIVATE, SDK_PUBLIC].filter((end) => name.endsWith(end)).map((end) => name.slice(0, -end.length))));
  const [prefix] = prefixes;
  if (prefixes.size !== 1 || prefix === undefined) {
    const found = prefixes.size === 0 ? `no "*${SDK_PRIVATE}"` : `${prefixes.size} key pairs`;
    throw new MasterKeyError('key-file-invalid', `${directory} holds ${found}`, { object: directory, remedy: 'Name one key: the path up to its prefix.' });
  }
  const wanted = names.includes(prefix + SDK_PRIVATE) ? SDK_PRIVATE : SDK_PUBLIC;
  return join(directory, prefix + wanted);
}

/** A pipe counts as a file: `--key <(command)` works. */
async function kindOf(path: string): Promise<'file' | 'directory' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch {
    return 'none';
  }
}
