import { constants, createHash, createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { DataKey } from '../crypto/data-key.js';
import { StartBlock } from '../crypto/start-block.js';
import { MasterKeyError } from '../errors.js';
import { BLOCK_BYTES, DATA_KEY_BYTES, MIN_RSA_BITS } from '../limits.js';
import { pkcs1Decrypter } from './pkcs1.js';
import { StartCache } from './start-cache.js';
import type { EnvelopeFamily, KeyRewrapper, KeyUnwrapper, KeyWrapper, RewrappedStart, UnwrappedKeys, WrapAlgorithm, WrappedKeys } from './wrapper.js';

/** An RSA master key: plain data that crosses to worker threads by structured clone. Never log or serialise it. */
export interface RsaKey {
  readonly publicKey: KeyObject;
  /** Absent from a key that can only seal. */
  readonly privateKey?: KeyObject;
  /** Bits of the modulus: 2,048 or more. */
  readonly bits: number;
  /** `SHA256:` and the lower-case hex SHA-256 of the public key as SPKI DER. */
  readonly fingerprint: string;
  /** What `matdesc` calls this key. */
  readonly materialDescription?: Readonly<Record<string, string>>;
}

type MaterialDescription = Readonly<Record<string, string>>;
type RsaAlgorithm = Exclude<WrapAlgorithm, 'kms' | 'KMS/ALICLOUD'>;

const WRITTEN: Readonly<Record<EnvelopeFamily, RsaAlgorithm>> = { 'oss-crypto': 'rsa', 'client-side-encryption': 'RSA/NONE/PKCS1Padding' };
const READ: readonly WrapAlgorithm[] = ['rsa', 'RSA/NONE/PKCS1Padding', 'RSA/NONE/OAEPWithSHA-1AndMGF1Padding'];
const PKCS1 = { padding: constants.RSA_PKCS1_PADDING } as const;

/**
 * Makes a master key from a public or private RSA key; the public half of a private key is derived.
 *
 * Throws MasterKeyError `key-file-invalid` for another kind of key and for less than 2,048 bits.
 */
export function rsaKey(key: KeyObject, materialDescription?: MaterialDescription): RsaKey {
  if (key.asymmetricKeyType !== 'rsa') {
    throw new MasterKeyError('key-file-invalid', `an RSA key is needed, this is ${key.asymmetricKeyType ?? key.type}`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS) {
    throw new MasterKeyError('key-file-invalid', `an RSA key of ${bits} bits is too weak: at least ${MIN_RSA_BITS} are needed`, {
      remedy: 'Make a new one with "sealift keys create".',
    });
  }
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return {
    publicKey,
    ...(key.type === 'private' ? { privateKey: key } : {}),
    bits,
    fingerprint: `SHA256:${createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('hex')}`,
    ...(materialDescription === undefined ? {} : { materialDescription }),
  };
}

/** Seals with the public key. `oss-crypto` is wrapped with OAEP-SHA-1, `client-side-encryption` with PKCS#1 v1.5: their formats say so. */
export function rsaWrapper(key: RsaKey, family: EnvelopeFamily): KeyWrapper {
  const wrapAlgorithm = WRITTEN[family];
  const encrypt = encrypterOf(key, wrapAlgorithm);
  return {
    wrapAlgorithm,
    fingerprint: key.fingerprint,
    canUnwrap: key.privateKey !== undefined,
    issueDataKey: () => {
      const dataKey = DataKey.generate();
      return Promise.resolve({ dataKey, wrappedKey: encrypt(dataKey.bytes) });
    },
    wrapStart: (start) => Promise.resolve(encrypt(startField(start, wrapAlgorithm))),
  };
}

/** Takes over objects of the `oss-crypto` family, with the public key. */
export function rsaRewrapper(key: RsaKey): KeyRewrapper {
  const wrapAlgorithm = WRITTEN['oss-crypto'];
  const encrypt = encrypterOf(key, wrapAlgorithm);
  const starts = new StartCache<RewrappedStart>();
  return {
    wrapAlgorithm,
    wrapStart: (start, signal) => {
      const wrap = (): Promise<RewrappedStart> => Promise.resolve({ wrapped: encrypt(startField(start, wrapAlgorithm)), under: key.fingerprint });
      return starts.get(start.toDecimal(), wrap, signal);
    },
    wrapKey: (dataKey) => Promise.resolve(encrypt(dataKey.bytes)),
  };
}

function encrypterOf({ publicKey }: RsaKey, wrapAlgorithm: RsaAlgorithm): (bytes: Uint8Array) => string {
  // A key alone means OAEP-SHA-1; the same in words costs 2 µs more, in Node 24 even 20.
  const recipient = wrapAlgorithm === 'rsa' ? publicKey : { key: publicKey, ...PKCS1 };
  return (bytes) => publicEncrypt(recipient, bytes).toString('base64');
}

function startField(start: StartBlock, wrapAlgorithm: RsaAlgorithm): Buffer {
  return wrapAlgorithm === 'rsa' ? Buffer.from(start.toDecimal(), 'ascii') : start.bytes;
}

/**
 * Opens with the private key, and remembers start blocks that objects share.
 *
 * Both fields are always opened: which of them failed must show neither in the answer nor in the time it takes.
 * Throws MasterKeyError `master-key-missing` when `key` is only a public key.
 */
export function rsaUnwrapper(key: RsaKey): KeyUnwrapper {
  const open = fieldOpener(key);
  const starts = new StartCache();
  return {
    description: `RSA-${key.bits} ${key.fingerprint}`,
    wrapAlgorithms: READ,
    materialDescription: key.materialDescription,
    unwrap: async (keys) => {
      const algorithm = keys.wrapAlgorithm;
      if (!isRsa(algorithm)) {
        return null;
      }
      const dataKey = open(algorithm, keys.wrappedKey, { name: 'key', bytes: DATA_KEY_BYTES });
      const start = await starts.get(`${algorithm} ${keys.wrappedStart}`, () =>
        Promise.resolve(parseStart(keys, open(algorithm, keys.wrappedStart, { name: 'start', bytes: BLOCK_BYTES }))),
      );
      return combine(dataKey, start, key.fingerprint);
    },
  };
}

type FieldOpener = (algorithm: RsaAlgorithm, wrapped: string, field: { name: string; bytes: number }) => Buffer | null;

function fieldOpener(key: RsaKey): FieldOpener {
  const { privateKey } = key;
  if (privateKey === undefined) {
    throw new MasterKeyError('master-key-missing', `RSA key ${key.fingerprint} is a public key: it can seal but not open`, {
      object: key.fingerprint,
      remedy: 'Give the file with the private key.',
    });
  }
  const decryptPkcs1 = pkcs1Decrypter(privateKey);
  return (algorithm, wrapped, field) => {
    const ciphertext = Buffer.from(wrapped, 'base64');
    return algorithm === 'RSA/NONE/PKCS1Padding' ? decryptPkcs1(ciphertext, field) : decryptOaep(privateKey, ciphertext);
  };
}

/** A key alone means OAEP-SHA-1. Every failure is the same `null`: telling them apart is Manger's attack. */
function decryptOaep(key: KeyObject, ciphertext: Buffer): Buffer | null {
  try {
    return privateDecrypt(key, ciphertext);
  } catch {
    return null;
  }
}

function parseStart(keys: WrappedKeys, opened: Buffer | null): StartBlock | null {
  if (opened === null) {
    return null;
  }
  if (keys.wrapAlgorithm === 'rsa') {
    return parseDecimalStart(opened.toString('latin1'));
  }
  return opened.length === BLOCK_BYTES ? StartBlock.fromBytes(opened) : null;
}

/** A text that is no start must look like a wrong master key, not like an error of its own. */
export function parseDecimalStart(text: string): StartBlock | null {
  try {
    return StartBlock.fromDecimal(text);
  } catch {
    return null;
  }
}

function combine(dataKey: Buffer | null, startBlock: StartBlock | null, under: string): UnwrappedKeys | null {
  if (dataKey?.length === DATA_KEY_BYTES && startBlock !== null) {
    return { dataKey: DataKey.adopt(dataKey), startBlock, under };
  }
  dataKey?.fill(0);
  return null;
}

function isRsa(algorithm: WrapAlgorithm): algorithm is RsaAlgorithm {
  return READ.includes(algorithm);
}
