import type { WrappedKeys } from '../keys/wrapper.js';
import type { Metadata } from '../store/store.js';

/** What a sealed object remembers of its file. */
export interface Attributes {
  /** Permission bits with set-uid, set-gid and sticky: 0 … 0o7777. */
  readonly mode?: number;
  /** Nanoseconds since 1970; negative before. */
  readonly mtimeNs?: bigint;
}

/** The sealift-* headers: everything that authenticates an object. */
export interface Authentication {
  /** The object key at sealing time. */
  readonly name: string;
  /** The same, percent-encoded: the header value, and what the AAD contains. */
  readonly encodedName: string;
  /** The header value, or an empty string where there is no such header. See parseAttributes. */
  readonly attributes: string;
  /** 16 bytes. */
  readonly tag: Buffer;
  /** 16 bytes. */
  readonly mac: Buffer;
  /** 32 bytes in lower-case hex. */
  readonly commitment: string;
}

/** All metadata that opens an object, parsed; nothing of it is unwrapped or believed yet. */
export interface Envelope extends WrappedKeys {
  /** What the header says; the official writer of `oss-crypto` says GCM and writes CTR. */
  readonly cekAlgorithm: string;
  /** Of the object as stored, which is the length of the plaintext. */
  readonly lengthBytes: number;
  /** Only of multipart objects under `client-side-encryption`. */
  readonly multipart?: Multipart;
  /** Undefined for a foreign object, which cannot be authenticated. */
  readonly authentication: Authentication | undefined;
}

/** How an object was cut. */
export interface Multipart {
  readonly dataSizeBytes: number;
  readonly partSizeBytes: number;
}

/** What a writer puts into headers; a parsed Envelope of a sealed object is one. */
export interface EnvelopeInput extends Omit<Envelope, 'cekAlgorithm' | 'authentication'> {
  readonly authentication: Omit<Authentication, 'name'>;
  /** Base64 MD5 of the plaintext: a leak (CVE-2022-2582), so only where a caller insists. */
  readonly contentMd5?: string;
  /** The user's own: lower-case `x-oss-meta-…` names that are not ours, printable ASCII values. */
  readonly userMetadata?: Metadata;
}
