import { createPrivateKey, generateKeyPairSync, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rsaKey, type RsaKey } from '../../src/keys/rsa.js';
import type { EnvelopeFamily, WrapAlgorithm, WrappedKeys } from '../../src/keys/wrapper.js';

/** An object of the interoperability vectors, as far as keys are concerned. */
export interface VectorObject {
  readonly size: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly cekHex: string;
  readonly ivHex: string;
  readonly kmsBlobs?: Readonly<Record<string, string>>;
}

export interface WycheproofCase {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly msg: string;
  readonly ct: string;
  readonly label?: string;
  readonly comment: string;
  readonly flags: readonly string[];
}

export interface WycheproofGroup {
  readonly privateKeyJwk?: JsonWebKeyInput['key'];
  readonly privateKey: Readonly<Record<string, string>>;
  readonly tests: readonly WycheproofCase[];
}

const vectors = new URL('../../../test/vectors/', import.meta.url);

export function readVector(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, vectors), 'utf8'));
}

export function vectorObjects(name: string): readonly VectorObject[] {
  return (readVector(name) as { objects: VectorObject[] }).objects;
}

export function wycheproofGroups(name: string): readonly WycheproofGroup[] {
  return (readVector(`wycheproof/${name}`) as { testGroups: WycheproofGroup[] }).testGroups;
}

/** The key pair that all interoperability vectors were made with. */
export function vectorKey(): RsaKey {
  const { rsaPrivateKeyJwk } = readVector('keys.json') as { rsaPrivateKeyJwk: JsonWebKeyInput['key'] };
  return rsaKey(createPrivateKey({ key: rsaPrivateKeyJwk, format: 'jwk' }));
}

/** Every field is there in a Wycheproof key, in the order of PKCS#1; as a JWK, because Node reads that. */
export function wycheproofKey(group: WycheproofGroup): KeyObject {
  const field = (name: string): string => Buffer.from((group.privateKey[name] ?? '').replace(/^00/, ''), 'hex').toString('base64url');
  const key = {
    kty: 'RSA', n: field('modulus'), e: field('publicExponent'), d: field('privateExponent'), p: field('prime1'), q: field('prime2'),
    dp: field('exponent1'), dq: field('exponent2'), qi: field('coefficient'),
  };
  return createPrivateKey({ key, format: 'jwk' });
}

/** Small keys are quick to make and as good as large ones for everything but security. */
export function freshKey(materialDescription?: Readonly<Record<string, string>>): RsaKey {
  return rsaKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, materialDescription);
}

export function publicHalf(key: RsaKey): RsaKey {
  return rsaKey(key.publicKey);
}

/** The key fields of a vector's headers, without the envelope parser: the rooms are tested apart. */
export function wrappedKeysOf({ metadata }: VectorObject): WrappedKeys {
  const family: EnvelopeFamily = 'x-oss-meta-oss-crypto-key' in metadata ? 'oss-crypto' : 'client-side-encryption';
  const names = family === 'oss-crypto'
    ? { key: 'oss-crypto-key', start: 'oss-crypto-start', alg: 'oss-wrap-alg', matdesc: 'oss-matdesc' }
    : { key: 'client-side-encryption-key', start: 'client-side-encryption-start', alg: 'client-side-encryption-wrap-alg', matdesc: 'client-side-encryption-matdesc' };
  const value = (name: string): string => metadata[`x-oss-meta-${name}`] ?? '';
  const matdesc = value(names.matdesc);
  return {
    family,
    wrapAlgorithm: value(names.alg) as WrapAlgorithm,
    wrappedKey: value(names.key),
    wrappedStart: value(names.start),
    materialDescription: matdesc === '' ? undefined : (JSON.parse(matdesc) as Record<string, string>),
  };
}
