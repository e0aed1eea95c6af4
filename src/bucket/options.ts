import type { Readable } from 'node:stream';
import type { Attributes } from '../envelope/envelope.js';
import type { EnvelopeFamily } from '../keys/wrapper.js';
import type { Credentials } from '../run/options.js';
import type { CredentialsProvider } from '../store/credentials.js';
import type { ByteRange, StorageClass } from '../store/store.js';
import type { CryptoProvider } from './provider.js';

/** A bucket, who asks, and with which master keys. */
export interface CryptoBucketOptions {
  readonly bucket: string;
  /** URL or host; plain http for loopback addresses only. @default made from the region */
  readonly endpoint?: string;
  /** Region id: signs every request. @default read from an endpoint of Alibaba Cloud; `cn-hangzhou` for a loopback address */
  readonly region?: string;
  /** Use the endpoint inside Alibaba Cloud. @default false */
  readonly internal?: boolean;
  /** PEM text of certificate authorities that are trusted besides Node's own, for a custom endpoint. */
  readonly caCertificates?: string;
  /**
   * HTTP proxy that connects to the endpoint, whatever that is: `http://[user:password@]host[:port]`, port 80 unless it is given. The
   * environment is never looked at. KMS, and what fetches credentials, are asked directly. @default none
   */
  readonly proxy?: string;
  /** A fixed set, or a function that is asked before every request and may renew. */
  readonly credentials: Credentials | CredentialsProvider;
  /** Master keys: the first one seals, all of them open. */
  readonly cryptoProvider: CryptoProvider | readonly CryptoProvider[];
  /** Headers of what is written; both are read. @default 'oss-crypto' */
  readonly envelope?: EnvelopeFamily;
  /** Read objects of other SDKs, which carry nothing that could authenticate them. @default false */
  readonly allowUnauthenticated?: boolean;
  /** Accept an object whose authenticated name is not its key. @default false */
  readonly allowRenamed?: boolean;
  /** Bytes per part of a large object, 100 KiB to 1 GiB. @default 8 MiB */
  readonly partBytes?: number;
  /** Budget in bytes for the buffers of all operations under way, 8 MiB or more. @default 256 MiB */
  readonly memoryBytes?: number;
  /** Requests in flight, 1 to 1,024. @default 64 */
  readonly concurrency?: number;
  /**
   * Where content that does not fit in memory waits, as ciphertext in files without a name. Needs room for the objects that
   * are under way; where the system's is kept in memory, name a disk. @default the system's
   */
  readonly temporaryDirectory?: string;
}

/** Bytes, text (stored as UTF-8), or a stream of either: a Readable, a web stream, any async iterable. */
export type ObjectContent = Uint8Array | string | AsyncIterable<Uint8Array | string>;

/** Told after every part: before the operation settles, and of a range, which is fetched while it is read, before its stream ends. */
export interface ObjectProgress {
  /** Plaintext bytes that the server has confirmed, or that have arrived. */
  readonly movedBytes: number;
  readonly totalBytes: number;
}

/** What every operation takes. */
export interface OperationOptions {
  /** Rejects with StoreError `interrupted`; nothing is sent afterwards, and an upload that was begun is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** How an object is written. */
export interface PutObjectOptions extends OperationOptions {
  /** Your own: names of `a–z 0–9 -` without `x-oss-meta-`, printable ASCII values. In the open, and not authenticated. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Base64 MD5 of the plaintext. Checked, and written in the open: a digest of the plaintext is a leak. @default none */
  readonly contentMd5?: string;
  /** Refuse to replace an existing object: StoreError `exists`. @default false */
  readonly forbidOverwrite?: boolean;
  /** @default that of the bucket */
  readonly storageClass?: StorageClass;
  /** Called while bytes move. */
  readonly onProgress?: ((progress: ObjectProgress) => void) | undefined;
}

/** What the server made of an object. */
export interface PutObjectResult {
  readonly etag: string;
  /** Of the plaintext, which is the size of the object too. */
  readonly sizeBytes: number;
  readonly versionId?: string;
}

/** What of an object is read. */
export interface GetObjectOptions extends OperationOptions {
  /** Bytes of the plaintext, `end` excluded. Needs `unverifiedRange`. @default everything */
  readonly range?: ByteRange;
  /** Accept that the bytes of a range cannot be authenticated. @default false */
  readonly unverifiedRange?: boolean;
  /** Called while bytes move. */
  readonly onProgress?: ((progress: ObjectProgress) => void) | undefined;
}

/** How the file is written. */
export interface GetObjectToFileOptions extends OperationOptions {
  /** Replace an existing file. @default true */
  readonly overwrite?: boolean;
  /** Called while bytes move. */
  readonly onProgress?: ((progress: ObjectProgress) => void) | undefined;
}

/** What the metadata of an object says. */
export interface ObjectInformation {
  readonly name: string;
  /** Of the plaintext, which is the size of the object too. */
  readonly sizeBytes: number;
  readonly etag: string;
  /** RFC 1123 date of the last change. */
  readonly lastModified: string | undefined;
  /** The writer's own, names without `x-oss-meta-`. Not authenticated. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What is known of an object whose content was opened. */
export interface SavedObject extends ObjectInformation {
  /** Mode and modification time, of an object that was made from a file. Authenticated with the content. */
  readonly attributes: Attributes;
  /** False for an object of another SDK: it may have been changed, or opened with the wrong key. */
  readonly sealed: boolean;
  /** True when tag, mac, name, length and attributes were verified before this was returned; false for a range and for an object of another SDK. */
  readonly authenticated: boolean;
}

/** Its content is handed out once, whatever its size: as a stream, or in memory, where nothing of it is kept for a second call. */
export interface OpenedObject extends SavedObject {
  /** Of the content: of the range, or of the whole. */
  readonly contentBytes: number;
  /** To be read once or destroyed, or its temporary file stays open. */
  readonly content: Readable;
  /** The content in memory, whatever its size. Rejects with TypeError when it was read, or begun to be, or destroyed. */
  buffer(): Promise<Buffer>;
  /** The content as UTF-8. Rejects like {@link OpenedObject.buffer}. */
  text(): Promise<string>;
}

export interface HeadObjectResult extends ObjectInformation {
  /** The headers it is sealed with; undefined for a plain object. */
  readonly envelope: EnvelopeFamily | undefined;
  /** Whether it carries what authenticates it. Nothing was verified yet. */
  readonly sealed: boolean;
}

/** An entry of a listing; nothing about it is verified. */
export interface ListedObjectInformation {
  readonly name: string;
  /** Of the plaintext, which is the size of the object too. */
  readonly sizeBytes: number;
  readonly etag: string;
}
