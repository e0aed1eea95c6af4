import { readFileSync } from 'node:fs';
import type { Metadata } from '../../src/store/store.js';

/** An object as a server received it; see README.md. */
export interface VectorObject {
  readonly size: number;
  readonly metadata: Metadata;
  readonly ciphertext: string;
  readonly ciphertextCrc64: string;
  readonly plaintextSha256: string;
  readonly cekHex: string;
  readonly ivHex: string;
  readonly startDecimal?: string;
  readonly kmsBlobs?: Readonly<Record<string, string>>;
  readonly parts?: readonly number[];
}

export interface GcmObject extends VectorObject {
  readonly gcmTag: string;
}

export interface SealiftObject extends VectorObject {
  readonly envelope: 'oss-crypto' | 'client-side-encryption';
  readonly name: string;
  readonly aad: string;
  readonly kmacHex: string;
  readonly kcHex: string;
  readonly part0DigestHex: string;
}

export const FOREIGN_FAMILIES = [
  'python-legacy-rsa', 'python-legacy-kms', 'python-new-rsa', 'python-new-localrsa', 'python-new-kms', 'counter-carry',
] as const;

/** Reads a JSON file below test/vectors of the package, which `tsc` does not copy. */
export function readVectors(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../test/vectors/${path}`, import.meta.url), 'utf8'));
}

export function loadObjects(family: (typeof FOREIGN_FAMILIES)[number]): readonly VectorObject[] {
  return (readVectors(`${family}.json`) as { readonly objects: readonly VectorObject[] }).objects;
}

export function loadGcmObjects(): readonly GcmObject[] {
  return (readVectors('gcm-read-as-ctr.json') as { readonly objects: readonly GcmObject[] }).objects;
}

export function loadSealiftObjects(): readonly SealiftObject[] {
  return (readVectors('sealift-v1.json') as { readonly objects: readonly SealiftObject[] }).objects;
}

export interface WycheproofGroup<T> {
  readonly keySize: number;
  readonly ivSize: number;
  readonly tagSize: number;
  readonly tests: readonly (T & WycheproofCase)[];
}

export interface WycheproofCase {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

interface WycheproofFiles {
  readonly 'aes_gcm_test.json': AeadCase;
  readonly 'hkdf_sha256_test.json': HkdfCase;
  readonly 'hmac_sha256_test.json': HmacCase;
}

export function loadWycheproof<F extends keyof WycheproofFiles>(file: F): readonly WycheproofGroup<WycheproofFiles[F]>[] {
  return (readVectors(`wycheproof/${file}`) as { readonly testGroups: readonly WycheproofGroup<WycheproofFiles[F]>[] }).testGroups;
}

/** All values in hex. */
export interface AeadCase {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
}

export interface HkdfCase {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
}

export interface HmacCase {
  readonly key: string;
  readonly msg: string;
  readonly tag: string;
}

/** Of every vector file: byte i of n is 7 i + 13 (i >> 8) + n, modulo 256. */
export function vectorPlaintext(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i += 1) {
    bytes[i] = 7 * i + 13 * (i >> 8) + size;
  }
  return bytes;
}

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
