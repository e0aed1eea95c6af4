import { commit, buildAad } from '../crypto/commitment.js';
import type { DataKey } from '../crypto/data-key.js';
import type { StartBlock } from '../crypto/start-block.js';
import { encodeAttributes, encodeName } from '../envelope/authentication.js';
import { encodeEnvelope, type Attributes } from '../envelope/envelope.js';
import type { EnvelopeFamily, WrapAlgorithm } from '../keys/wrapper.js';
import type { Metadata } from '../store/store.js';

/** What is frozen before the first byte is sealed: a change to any of it means a fresh data key. */
export interface SealingFacts {
  readonly encodedName: string;
  readonly attributes: string;
  readonly lengthBytes: number;
  readonly aad: Buffer;
}

/** @param plain - size of the plaintext, and what the object shall remember of its file. */
export function sealingFacts(key: string, plain: Attributes & { readonly sizeBytes: number }): SealingFacts {
  const encodedName = encodeName(key);
  const attributes = encodeAttributes(plain);
  return { encodedName, attributes, lengthBytes: plain.sizeBytes, aad: buildAad(encodedName, plain.sizeBytes, attributes) };
}

export interface SealedKeys {
  readonly family: EnvelopeFamily;
  readonly wrapAlgorithm: WrapAlgorithm;
  readonly dataKey: DataKey;
  readonly startBlock: StartBlock;
  readonly wrappedKey: string;
  readonly wrappedStart: string;
  /** Of the master key; written only where somebody asked for it. */
  readonly materialDescription?: Readonly<Record<string, string>> | undefined;
}

/** What a caller may put beside the envelope; nothing authenticates it. */
export interface Additions {
  /** Base64. */
  readonly contentMd5?: string;
  readonly userMetadata?: Metadata;
}

export interface SealedHeaders {
  readonly metadata: Metadata;
  /** Lower-case hex. */
  readonly commitment: string;
}

/** All headers of a sealed object; they are resent verbatim, never made twice. */
export function sealedHeaders(
  facts: SealingFacts, keys: SealedKeys, proof: { readonly tag: Buffer; readonly mac: Buffer }, more: Additions & { readonly multipartBytes?: number | undefined } = {},
): SealedHeaders {
  const commitment = commit(keys.dataKey, keys.startBlock, facts.aad, proof);
  const { multipartBytes, ...additions } = more;
  const { family, wrapAlgorithm, wrappedKey, wrappedStart } = keys;
  const metadata = encodeEnvelope({
    family, wrapAlgorithm, wrappedKey, wrappedStart, materialDescription: keys.materialDescription, lengthBytes: facts.lengthBytes,
    authentication: { encodedName: facts.encodedName, attributes: facts.attributes, ...proof, commitment },
    ...additions,
    ...(multipartBytes === undefined ? {} : { multipart: { dataSizeBytes: facts.lengthBytes, partSizeBytes: multipartBytes } }),
  });
  return { metadata, commitment };
}
