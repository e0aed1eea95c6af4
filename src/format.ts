/**
 * The sealed object format alone: seal and open a buffer, parse and encode an envelope. For programs that bring a
 * transport of their own. Loads neither an OSS client nor threads, opens no file and no socket.
 *
 * @packageDocumentation
 */
import { sealInPlace } from './crypto/seal.js';
import { encodeAttributes, encodeName, parseAttributes } from './envelope/authentication.js';
import { userMetadataOf, type Attributes } from './envelope/envelope.js';
import { Keyring } from './keys/keyring.js';
import { SharedStart } from './keys/wrapped-start.js';
import type { KeyUnwrapper, KeyWrapper } from './keys/wrapper.js';
import { openBody, openEnvelope, refuseBlockZero } from './run/opening.js';
import { sealedHeaders, sealingFacts } from './run/sealing.js';
import type { Metadata } from './store/store.js';

export { encodeEnvelope, metadataBytes, parseEnvelope, userMetadataOf } from './envelope/envelope.js';
export type { Attributes, Authentication, Envelope, EnvelopeInput, Multipart } from './envelope/envelope.js';
export { rsaKey, rsaUnwrapper, rsaWrapper, type RsaKey } from './keys/rsa.js';
export type { EnvelopeFamily, IssuedKey, KeyUnwrapper, KeyWrapper, UnwrappedKeys, WrapAlgorithm, WrappedKeys } from './keys/wrapper.js';
export { DataKey } from './crypto/data-key.js';
export { StartBlock } from './crypto/start-block.js';
export type { Metadata } from './store/store.js';
export {
  AuthenticationError, EnvelopeError, KmsError, MasterKeyError, SealiftError, StoreError, UnauthenticatedObjectError, isSealiftError,
  type ErrorCode, type ErrorDetails,
} from './errors.js';
export { encodeAttributes, encodeName, parseAttributes };

/** A body and the metadata it has to travel with: full lower-case header names. */
export interface SealedBuffer {
  /** As long as the plaintext. */
  readonly body: Buffer;
  readonly metadata: Metadata;
}

/** How {@link sealBuffer} seals. */
export interface SealOptions extends Attributes {
  /** The object key: authenticated, so the object opens under this name alone. 1 to 1,023 bytes of UTF-8, not starting with `/` or `\`. */
  readonly name: string;
  /** Chooses the envelope too. */
  readonly wrapper: KeyWrapper;
  /** Of the master key. @default not written */
  readonly materialDescription?: Readonly<Record<string, string>>;
  /** Base64 MD5 of the plaintext, written in the open. @default not written */
  readonly contentMd5?: string;
  /** Full lower-case `x-oss-meta-…` names outside our prefixes. Not authenticated. */
  readonly userMetadata?: Metadata;
}

/**
 * Seals bytes under a fresh data key. The input stays as it is.
 *
 * @param plaintext - up to 64 GiB − 32, as far as memory reaches
 * @throws EnvelopeError `usage`, `name-invalid`, `key-too-long` or `metadata-too-large`; RangeError for attributes out of bounds
 */
export async function sealBuffer(plaintext: Uint8Array, options: SealOptions): Promise<SealedBuffer> {
  const { name, wrapper, materialDescription, contentMd5, userMetadata = {}, ...attributes } = options;
  const facts = sealingFacts(name, { ...attributes, sizeBytes: plaintext.length });
  const { issued: { dataKey, wrappedKey }, startBlock, wrappedStart } = await new SharedStart(wrapper).next();
  try {
    const body = Buffer.from(plaintext);
    const proof = sealInPlace(dataKey, startBlock, facts.aad, body);
    const { wrapAlgorithm } = wrapper;
    const family = wrapAlgorithm === 'rsa' || wrapAlgorithm === 'kms' ? 'oss-crypto' : 'client-side-encryption';
    const keys = { family, wrapAlgorithm, dataKey, startBlock, wrappedKey, wrappedStart, materialDescription } as const;
    const { metadata } = sealedHeaders(facts, keys, proof, { userMetadata, ...(contentMd5 === undefined ? {} : { contentMd5 }) });
    return { body, metadata };
  } finally {
    dataKey.wipe();
  }
}

/** How {@link openBuffer} opens. */
export interface OpenOptions {
  /** The key under which the object was found. */
  readonly name: string;
  /** Master keys to try, in order of preference. */
  readonly unwrappers: readonly KeyUnwrapper[];
  /** @default false */
  readonly allowRenamed?: boolean;
  /** Open objects of other SDKs, which carry nothing that could authenticate them. @default false */
  readonly allowUnauthenticated?: boolean;
}

/** A verified object, unless it says otherwise. */
export interface OpenedBuffer {
  readonly content: Buffer;
  /** False only for an object of another SDK. */
  readonly authenticated: boolean;
  /** Authenticated with the content. */
  readonly attributes: Attributes;
  /** The writer's own; never authenticated. */
  readonly userMetadata: Metadata;
}

/**
 * Opens a whole object. The input stays as it is.
 *
 * @throws EnvelopeError `not-sealed` or `envelope-invalid`; AuthenticationError `authentication-failed` or `renamed`;
 * UnauthenticatedObjectError; MasterKeyError `master-key-missing` when no key is of the right kind
 */
export async function openBuffer({ body, metadata }: { readonly body: Uint8Array; readonly metadata: Metadata }, options: OpenOptions): Promise<OpenedBuffer> {
  const { name, unwrappers, allowRenamed = false, allowUnauthenticated = false } = options;
  const policy = { allowRenamed, allowUnauthenticated, mustBeSealed: false };
  const opened = await openEnvelope(name, { metadata, sizeBytes: body.length }, new Keyring(unwrappers), policy);
  try {
    refuseBlockZero(name, opened, body.length);
    const content = Buffer.from(body);
    openBody(name, opened, content);
    const attributes = parseAttributes(opened.sealed?.authentication.attributes ?? '');
    return { content, authenticated: opened.sealed !== undefined, attributes, userMetadata: userMetadataOf(metadata) };
  } finally {
    opened.keys.dataKey.wipe();
  }
}
