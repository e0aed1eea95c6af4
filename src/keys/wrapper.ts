import type { DataKey } from '../crypto/data-key.js';
import type { StartBlock } from '../crypto/start-block.js';

/** The two sets of headers that an object can be sealed with. */
export type EnvelopeFamily = 'oss-crypto' | 'client-side-encryption';

/** The value of the wrap-alg header; each belongs to one family. */
export type WrapAlgorithm =
  | 'rsa'
  | 'kms'
  | 'RSA/NONE/PKCS1Padding'
  | 'RSA/NONE/OAEPWithSHA-1AndMGF1Padding'
  | 'KMS/ALICLOUD';

/** A fresh data key together with the header value that carries it. */
export interface IssuedKey {
  readonly dataKey: DataKey;
  readonly wrappedKey: string;
}

/** The part of an envelope that a master key opens, as it stands in the headers. */
export interface WrappedKeys {
  readonly family: EnvelopeFamily;
  readonly wrapAlgorithm: WrapAlgorithm;
  readonly wrappedKey: string;
  readonly wrappedStart: string;
  /** Of the master key, parsed; undefined when the header is absent. */
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
}

/** What one object is opened with. The data key is the caller's, who wipes it. */
export interface UnwrappedKeys {
  readonly dataKey: DataKey;
  readonly startBlock: StartBlock;
  /**
   * Which key holds both wrapped values: the fingerprint of an RSA key, or `kms:<KeyId>:<KeyVersionId>` as KMS itself names
   * them in its answers to Decrypt. Undefined where nobody says, and where they are not under the same.
   */
  readonly under?: string;
}

/**
 * One master key on the writing side, for one envelope family. A public key is enough.
 *
 * Throws MasterKeyError or KmsError; never a message that carries key bytes.
 */
export interface KeyWrapper {
  readonly wrapAlgorithm: WrapAlgorithm;
  /** Public identity of the master key: recorded in manifests, compared on resume. */
  readonly fingerprint: string;
  /** Whether keys of `issueDataKey` can be recovered by this process after a restart (private key or KMS Decrypt at hand). */
  readonly canUnwrap: boolean;
  /** A data key that no call has returned before: each call makes a new one. Nobody waits for it after an abort. */
  issueDataKey(signal?: AbortSignal): Promise<IssuedKey>;
  /** The header value that carries the start block. Nobody waits for it after an abort. */
  wrapStart(start: StartBlock, signal?: AbortSignal): Promise<string>;
}

/** A start block under a master key, and which key that is, as in {@link UnwrappedKeys.under}. */
export interface RewrappedStart {
  readonly wrapped: string;
  readonly under: string;
}

/**
 * One master key that takes over objects of the `oss-crypto` family from another; a public key is enough.
 *
 * Throws MasterKeyError or KmsError; never a message that carries key bytes.
 */
export interface KeyRewrapper {
  readonly wrapAlgorithm: WrapAlgorithm;
  /**
   * Of one start block, whoever asks: objects that share it share the answer. One operation or call, however many ask, which
   * goes on while one of them is not aborted.
   */
  wrapStart(start: StartBlock, signal?: AbortSignal): Promise<RewrappedStart>;
  /** The header value that carries the data key, which stays the caller's. Nobody waits for it after an abort. */
  wrapKey(dataKey: DataKey, signal?: AbortSignal): Promise<string>;
}

/**
 * One master key on the reading side.
 *
 * `null` means "not mine" (another algorithm, another description, or the padding says another key); throwing is for
 * "this is mine, and it is broken" or for a master key that cannot be asked (KMS out of reach). With PKCS#1 v1.5 there
 * is no such thing as bad padding: pseudo-random bytes come back instead and the commitment decides.
 */
export interface KeyUnwrapper {
  /** Safe to print: kind, bits, fingerprint or key id. */
  readonly description: string;
  /** What this kind of key may open at all. */
  readonly wrapAlgorithms: readonly WrapAlgorithm[];
  /** What `matdesc` calls this key; undefined when nobody said. */
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
  /** Null for what is not this key's. Nobody waits for the answer after an abort. */
  unwrap(keys: WrappedKeys, signal?: AbortSignal): Promise<UnwrappedKeys | null>;
}
