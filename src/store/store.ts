import type { Readable } from 'node:stream';
import type { SealiftError } from '../errors.js';

/** User metadata and nothing else: full lower-case header names (`x-oss-meta-…`) to ASCII values. */
export type Metadata = Readonly<Record<string, string>>;

export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Told before the same request is sent again: an answer may have been lost, and with it what the request did. */
  readonly onRetry?: (failure: SealiftError) => void;
}

/** What OSS charges for keeping an object, for how long at least, and whether it must be restored before it is read. */
export type StorageClass = 'Standard' | 'IA' | 'Archive' | 'ColdArchive' | 'DeepColdArchive';

export interface PutOptions extends RequestOptions {
  readonly metadata: Metadata;
  /** CRC-64/XZ of the body: compared with the server's; of the whole body, decimal semantics. */
  readonly crc64: bigint;
  /** Refuse to replace an existing object: fails with code `exists`. @default false */
  readonly forbidOverwrite?: boolean;
  /** @default that of the bucket */
  readonly storageClass?: StorageClass | undefined;
}

export interface StoredObject {
  /** ETag without quotes, as the server spells it. */
  readonly etag: string;
  /** CRC-64/XZ of the object as the server computed it; undefined where the server sends none. */
  readonly crc64: bigint | undefined;
  readonly versionId?: string;
}

export interface ObjectHead extends StoredObject {
  readonly sizeBytes: number;
  readonly metadata: Metadata;
  /** RFC 1123 date of the last change. */
  readonly lastModified: string | undefined;
  /** As the server names it. */
  readonly storageClass: string | undefined;
  /** Headers besides user metadata that a copy in place has to repeat, or OSS would reset them: those that the answer has. */
  readonly kept: Readonly<Record<string, string>>;
}

export interface ReplaceOptions extends RequestOptions {
  readonly metadata: Metadata;
  /** What the object is now: it must be the same still, and keeps its body and these headers. */
  readonly head: Pick<ObjectHead, 'etag' | 'crc64' | 'kept'>;
}

/** A half-open range of bytes: `start` included, `end` excluded. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface GetOptions extends RequestOptions {
  readonly range?: ByteRange;
  /** Only if the object still has this ETag: fails with code `replaced` (HTTP 412) otherwise. */
  readonly ifMatch?: string;
}

export interface ObjectBody extends ObjectHead {
  /** Size of the whole object, also for a range: taken from Content-Range. */
  readonly sizeBytes: number;
  /** Bytes that `body` will deliver; a shorter body errors, it never just ends. */
  readonly contentBytes: number;
  /** Must be read to its end or destroyed. Errors are StoreErrors. */
  readonly body: Readable;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  /** Undefined on the last page. */
  readonly nextToken: string | undefined;
}

export interface UploadedPart {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
  /** ISO 8601. */
  readonly initiated: string;
}

export interface PartOptions extends RequestOptions {
  readonly crc64: bigint;
  /** Headers repeated on every part; only the `client-side-encryption` envelope needs them. */
  readonly metadata?: Metadata;
}

export interface CompleteOptions extends RequestOptions {
  /** CRC-64/XZ of the whole object, joined from its parts: compared with the server's. Undefined when some part's is unknown. */
  readonly crc64?: bigint;
  readonly forbidOverwrite?: boolean;
}

/**
 * One bucket, as narrow as sealing needs it. Most readers want `push` and `pull` instead.
 *
 * Every method throws a StoreError whose `retryable` says whether sending the same request again may help; only the
 * adapter knows that, so decorators ask and never guess. An aborted signal rejects with code `interrupted` and nothing
 * is sent afterwards. Bodies are never copied, changed or kept beyond the call. Keys are passed as they are: no leading
 * slash is removed, no normalisation takes place.
 */
export interface ObjectStore {
  /** Writes one object. Resolves only after a 2xx whose checksum equals `crc64` (or whose ETag equals the body's MD5). */
  put(key: string, body: Uint8Array, options: PutOptions): Promise<StoredObject>;
  /** Code `not-found` when there is no such object. */
  head(key: string, options?: RequestOptions): Promise<ObjectHead>;
  get(key: string, options?: GetOptions): Promise<ObjectBody>;
  /**
   * All user metadata of an object, replaced in place; its body stays where it is. Only if it still has this ETag: code
   * `replaced` (HTTP 412) otherwise. An access list of its own, which no head tells, goes back to that of the bucket.
   */
  replaceMetadata(key: string, change: ReplaceOptions): Promise<StoredObject>;
  delete(key: string, options?: RequestOptions): Promise<void>;
  /** One page of at most 1,000 keys that start with `prefix`, in byte order of UTF-8. */
  list(prefix: string, token?: string, options?: RequestOptions): Promise<ListPage>;

  initiateUpload(key: string, options: Omit<PutOptions, 'crc64'>): Promise<string>;
  /** `number` from 1. */
  uploadPart(upload: { key: string; uploadId: string; number: number }, body: Uint8Array, options: PartOptions): Promise<UploadedPart>;
  /** All parts the server holds, all pages. Code `not-found` when the upload is unknown. */
  listParts(key: string, uploadId: string, options?: RequestOptions): Promise<UploadedPart[]>;
  completeUpload(upload: { key: string; uploadId: string }, parts: readonly UploadedPart[], options?: CompleteOptions): Promise<StoredObject>;
  /** An unknown upload is no error. */
  abortUpload(key: string, uploadId: string, options?: RequestOptions): Promise<void>;
  listUploads(prefix: string, options?: RequestOptions): Promise<PendingUpload[]>;
  /** Frees sockets. */
  close(): Promise<void>;
}
