import { createPrivateKey, type JsonWebKeyInput } from 'node:crypto';
import type { EnvelopeFamily } from '../../src/keys/wrapper.js';
import { rsaKey, type RsaKey } from '../../src/keys/rsa.js';
import type { Metadata } from '../../src/store/store.js';
import { readVectors } from '../vectors/load.js';

/** One object as a released version sealed it. Files of this kind are never rewritten. */
export interface GoldenObject {
  readonly key: string;
  readonly family: EnvelopeFamily;
  readonly metadata: Metadata;
  /** Base64. */
  readonly body: string;
  readonly plaintextBytes: number;
  readonly plaintextSha256: string;
  readonly mode: string;
  readonly mtimeNs: string;
}

export interface GoldenFile {
  readonly format: string;
  readonly note: string;
  readonly objects: readonly GoldenObject[];
}

export const GOLDEN_DIRECTORY = new URL('../../../test/golden/', import.meta.url);

/** The RSA-2048 pair of test/vectors, which protects nothing. */
export function goldenKey(): RsaKey {
  const { rsaPrivateKeyJwk } = readVectors('keys.json') as { readonly rsaPrivateKeyJwk: JsonWebKeyInput['key'] };
  return rsaKey(createPrivateKey({ key: rsaPrivateKeyJwk, format: 'jwk' }));
}
