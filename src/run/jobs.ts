/**
 * What travels between the coordinator and its workers: plain data only. Errors cross as `Failure` values, because a
 * thrown error loses its class, name and code between threads.
 */
import type { KeyObject } from 'node:crypto';
import type { Failure } from '../errors.js';
import type { Metadata, UploadedPart } from '../store/store.js';
import type { SkipReason } from './events.js';
import type { Region } from './threads/arena.js';
import type { EncodedPath, FileStat, ObjectKey } from './types.js';

/**
 * Whether an object under the key may be replaced: `yes` where a manifest proves it ours, `if-ours` where an earlier
 * attempt may have written it (its metadata decides, where it may be read), `no` where no manifest knows the key.
 */
export type Replace = 'yes' | 'if-ours' | 'no';

/** One small file: sealed in memory and sent in one PUT. */
export interface PushItem {
  readonly id: number;
  readonly path: EncodedPath;
  readonly key: ObjectKey;
  readonly stat: FileStat;
  readonly replace: Replace;
}

/** What the server holds now, as far as a manifest must know it. */
export interface StoredFacts {
  readonly etag: string;
  /** Decimal; empty where the server sent none. */
  readonly crc64: string;
  /** Lower-case hex; empty for an object of another SDK. */
  readonly commitment: string;
  readonly versionId?: string;
}

export interface DoneOutcome {
  readonly state: 'done';
  readonly id: number;
  readonly stored: StoredFacts;
  /** The local file as it was read or written. */
  readonly stat: FileStat;
  /** An existing object was replaced that no manifest knew. */
  readonly replaced?: boolean;
  /** Sent over what an earlier attempt may have left, which could not be looked at. */
  readonly restarted?: boolean;
  /** The object carried nothing that could authenticate it, and the caller accepted that. */
  readonly unauthenticated?: boolean;
}

/** The object opened and nothing was written: it was discarded, or it is what the local file is. */
export interface VerifiedOutcome {
  readonly state: 'verified';
  readonly id: number;
  readonly stored: StoredFacts;
  readonly bytes: number;
  readonly unauthenticated?: boolean;
}

/** Data key and start block of the object are wrapped by another master key, or would be in a plan. */
export interface RewrappedOutcome {
  readonly state: 'rewrapped';
  readonly id: number;
  /** Of the body, which stayed where it is. */
  readonly bytes: number;
}

export type SkippedOutcome =
  | { readonly state: 'skipped'; readonly id: number; readonly reason: Exclude<SkipReason, 'unchanged'> }
  /** The object is what the local file is; `stored` lets the manifest remember that. */
  | { readonly state: 'skipped'; readonly id: number; readonly reason: 'unchanged'; readonly stat: FileStat; readonly stored: StoredFacts };

export interface FailedOutcome {
  readonly state: 'failed';
  readonly id: number;
  readonly failure: Failure;
}

/** The file outgrew its room while it waited: it must be planned again. */
export interface GrownOutcome {
  readonly state: 'grown';
  readonly id: number;
  readonly stat: FileStat;
}

/** The object is larger than the listing said: it must be planned again. */
export interface LargerOutcome {
  readonly state: 'larger';
  readonly id: number;
  readonly sizeBytes: number;
}

export type Outcome = DoneOutcome | VerifiedOutcome | RewrappedOutcome | SkippedOutcome | FailedOutcome | GrownOutcome | LargerOutcome;

/** One object that fits in memory: opened, verified, then written, compared or discarded. */
export interface PullItem {
  readonly id: number;
  /** Where it lands below the destination, collisions resolved. */
  readonly path: EncodedPath;
  readonly key: ObjectKey;
  /** The same for an object of another SDK, whose key is not decoded; absent where it is the same. */
  readonly foreignPath?: EncodedPath;
  readonly sizeBytes: number;
  /** Whether a file that stands there may be replaced: `if-ours` when it looks like what an interrupted attempt wrote. */
  readonly overwrite: Replace;
  /** A manifest says that this object was sealed, so it is never read unauthenticated. */
  readonly mustBeSealed: boolean;
}

/** One object whose keys go under another master key, whatever its size. */
export interface RewrapItem {
  readonly id: number;
  readonly path: EncodedPath;
  readonly key: ObjectKey;
  /** As listed. */
  readonly sizeBytes: number;
}

/** The data key of a large file, on its way between threads of one process. Never serialised. */
export interface SealKeys {
  readonly dataKey: KeyObject;
  readonly start: Uint8Array;
}

/** A run of bytes of a large file; `index` from 0. */
export interface Piece {
  readonly index: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Where plaintext is read from: a source file that must not have changed, or an open temporary file. */
export type PieceSource =
  | { readonly kind: 'path'; readonly path: EncodedPath; readonly stat: FileStat }
  | { readonly kind: 'descriptor'; readonly fd: number };

/** What pass 1 learns of a piece; the GHASH state is secret and stays in process memory. */
export interface PieceProof {
  readonly index: number;
  readonly bytes: number;
  readonly digest: Uint8Array;
  readonly ghash: Uint8Array;
  /** Of the ciphertext, where all of it is in the region of the job. */
  readonly crc64?: bigint | undefined;
}

/** Asks a worker for the keys of one large file, because workers share wrapped start blocks among their objects. */
export interface IssueJob {
  readonly kind: 'issue';
}

export interface IssuedKeys {
  readonly keys: SealKeys;
  readonly wrappedKey: string;
  readonly wrappedStart: string;
}

/** Leaves the ciphertext in a region as long as the piece; a shorter one is overwritten again and again. */
export interface ScanJob {
  readonly kind: 'scan';
  readonly keys: SealKeys;
  readonly source: PieceSource;
  readonly piece: Piece;
  readonly region: Region;
}

export interface SendJob {
  readonly kind: 'send';
  readonly keys: SealKeys;
  /** Where it is read from again, unless pass 1 has left it in the region: then what pass 1 saw there. */
  readonly from: PieceSource | { readonly kind: 'held'; readonly crc64: bigint };
  readonly piece: Piece;
  readonly region: Region;
  readonly key: ObjectKey;
  readonly uploadId: string;
  /** The digest of pass 1: no byte leaves unless it is met. */
  readonly digest: Uint8Array;
  readonly metadata?: Metadata;
  /** What the server says it holds already: nothing is sent when the MD5 of the piece equals it. */
  readonly presentEtag?: string;
}

export interface SentPart {
  readonly part: UploadedPart;
  readonly crc64: bigint;
  /** False when the server held the part already. */
  readonly sent: boolean;
}

export interface FetchJob {
  readonly kind: 'fetch';
  readonly keys: SealKeys;
  readonly key: ObjectKey;
  readonly etag: string;
  readonly piece: Piece;
  readonly region: Region;
  /** Descriptor of the temporary file, and whose turn it is to write there; absent when the plaintext is only verified. */
  readonly into?: { readonly fd: number; readonly turn: SharedArrayBuffer };
  /** Local file to compare the plaintext with. */
  readonly against?: EncodedPath;
  /** Whether proofs are wanted: objects of other SDKs have nothing to prove. */
  readonly sealed: boolean;
}

export interface PushJob {
  readonly kind: 'push';
  readonly files: readonly PushItem[];
  /** Of each file, for its content. */
  readonly regions: readonly Region[];
}

export interface PullJob {
  readonly kind: 'pull';
  readonly objects: readonly PullItem[];
  readonly regions: readonly Region[];
}

export interface RewrapJob {
  readonly kind: 'rewrap';
  readonly objects: readonly RewrapItem[];
}

/** Many small pieces of work at once, each with an outcome. */
export type BatchJob = PushJob | PullJob | RewrapJob;

export type Job = BatchJob | IssueJob | ScanJob | SendJob | FetchJob;

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** What each kind of job comes back with. */
export interface Results {
  readonly push: readonly Outcome[];
  readonly pull: readonly Outcome[];
  readonly rewrap: readonly Outcome[];
  readonly issue: Result<IssuedKeys>;
  readonly scan: Result<PieceProof>;
  readonly send: Result<SentPart>;
  readonly fetch: Result<PieceProof>;
}

export type ResultOf<J extends Job> = Results[J['kind']];

/** What a thread answers to a job of a run that it has not been told of: it has not begun the job. */
export const UNKNOWN_SESSION = 'unknown session';

/** What a worker says besides the outcomes of its jobs. */
export interface WorkerNotice {
  readonly session: string;
  readonly notice: string;
}
