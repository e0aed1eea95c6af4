import { KeyObject } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MasterKeyError } from '../errors.js';
import { openKeyDirectory } from '../keys/key-directory.js';
import { parseKey } from '../keys/key-formats.js';
import { Passphrase } from '../keys/passphrase.js';
import { rsaKey, rsaUnwrapper, rsaWrapper, type RsaKey } from '../keys/rsa.js';
import type { EnvelopeFamily, KeyUnwrapper, KeyWrapper } from '../keys/wrapper.js';
import type { CryptoProvider } from './provider.js';

/** PEM or DER text of a key (PKCS#1, PKCS#8, SPKI, X.509, PKCS#12), or a key of node:crypto. */
export type KeyMaterial = string | Uint8Array | KeyObject;

/** At most one of `directory`, `keyPair`, and `privateKey`/`publicKey`. */
export interface RsaProviderOptions {
  /** A key directory as the Python SDK keeps it; made with a new RSA-2048 pair when it is empty. @default `~/.oss-local-rsa` */
  readonly directory?: string;
  /** Prefix of the file names in `directory`. @default '' */
  readonly prefix?: string;
  readonly keyPair?: { readonly publicKey?: KeyMaterial; readonly privateKey?: KeyMaterial } | undefined;
  /** Enough to seal. */
  readonly publicKey?: KeyMaterial;
  /** Opens and seals; the public half is derived. */
  readonly privateKey?: KeyMaterial;
  /** Of an encrypted private key; protects a pair that is generated. UTF-8, 1 to 1,024 bytes. */
  readonly passphrase?: string;
  /** Written into every object and used to choose among several keys on reading. @default nothing */
  readonly materialDescription?: Readonly<Record<string, string>>;
}

/**
 * An RSA master key of 2,048 bits or more: from a key directory of the Python SDK, or given as such. Keys are read once,
 * when the first object is sealed or opened.
 */
export class RsaProvider implements CryptoProvider {
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
  readonly #options: RsaProviderOptions;
  #key: Promise<RsaKey> | undefined;

  /** Throws TypeError when more than one place of keys is named, RangeError for a passphrase of an impossible length. */
  constructor(options: RsaProviderOptions = {}) {
    const places = [options.directory, options.keyPair, options.privateKey ?? options.publicKey].filter((place) => place !== undefined);
    if (places.length > 1) {
      throw new TypeError('RsaProvider: give one of directory, keyPair, and privateKey/publicKey');
    }
    this.materialDescription = options.materialDescription;
    this.#options = options;
    passphraseOf(options);
  }

  /** Rejects with MasterKeyError: `key-file-invalid`, `key-file-unsafe`, `passphrase-wrong`. */
  async wrapper(family: EnvelopeFamily): Promise<KeyWrapper> {
    return rsaWrapper(await this.#load(), family);
  }

  /** Undefined without a private key. Rejects like {@link RsaProvider.wrapper}. */
  async unwrapper(): Promise<KeyUnwrapper | undefined> {
    const key = await this.#load();
    return key.privateKey === undefined ? undefined : rsaUnwrapper(key);
  }

  #load(): Promise<RsaKey> {
    this.#key ??= loadKey(this.#options).catch((error: unknown) => {
      // Whoever mends the file need not make a new provider.
      this.#key = undefined;
      throw error;
    });
    return this.#key;
  }
}

async function loadKey(options: RsaProviderOptions): Promise<RsaKey> {
  const { privateKey, publicKey } = options.keyPair ?? options;
  const material = privateKey ?? publicKey;
  if (material === undefined) {
    return await fromDirectory(options);
  }
  const passphrase = passphraseOf(options);
  const key = rsaKey(await toKeyObject(material, passphrase), options.materialDescription);
  if (privateKey !== undefined && publicKey !== undefined) {
    refuseMismatch(key, rsaKey(await toKeyObject(publicKey, passphrase)));
  }
  return key;
}

async function fromDirectory(options: RsaProviderOptions): Promise<RsaKey> {
  const { directory = join(homedir(), '.oss-local-rsa'), prefix = '', materialDescription } = options;
  return await openKeyDirectory(directory, { prefix, passphrase: passphraseOf(options), ...(materialDescription === undefined ? {} : { materialDescription }) });
}

async function toKeyObject(material: KeyMaterial, passphrase: Passphrase | undefined): Promise<KeyObject> {
  if (material instanceof KeyObject) {
    return material;
  }
  const bytes = typeof material === 'string' ? Buffer.from(material) : Buffer.from(material.buffer, material.byteOffset, material.byteLength);
  return await parseKey(bytes, { path: 'the key given to RsaProvider', passphrase });
}

/** Sealing with one key and opening with another would lose every object. */
function refuseMismatch(key: RsaKey, publicKey: RsaKey): void {
  if (key.fingerprint !== publicKey.fingerprint) {
    throw new MasterKeyError('key-file-invalid', 'the public key given to RsaProvider does not belong to the private key', {
      object: publicKey.fingerprint,
      remedy: 'Give the private key alone: its public half is derived.',
    });
  }
}

function passphraseOf({ passphrase }: RsaProviderOptions): Passphrase | undefined {
  return passphrase === undefined ? undefined : new Passphrase(passphrase);
}
