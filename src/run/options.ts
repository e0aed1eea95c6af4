import type { Cause } from '../errors.js';
import type { MasterKey } from '../keys/master-key.js';
import type { EnvelopeFamily } from '../keys/wrapper.js';
import type { StorageClass } from '../store/store.js';
import type { EventListener, SummaryEvent } from './events.js';
import type { FirstTouch } from './first-touch.js';
import type { ThreadPool } from './threads/thread-pool.js';

/** A bucket, a prefix in it, and how to reach it. */
export interface StoreTarget {
  readonly bucket: string;
  /** Without leading or trailing slash; empty for the whole bucket. */
  readonly prefix: string;
  /** Region id such as `cn-hangzhou`; signs requests, so it matters for custom endpoints too. */
  readonly region: string;
  /** URL or host of a custom endpoint; plain http is refused unless it is a loopback address. @default made from the region */
  readonly endpoint?: string;
  /** Use the endpoint inside Alibaba Cloud. @default false */
  readonly internal?: boolean;
  /** PEM text of certificate authorities that are trusted besides Node's own, for a custom endpoint. */
  readonly caCertificates?: string;
  /**
   * HTTP proxy that connects to the endpoint, whatever that is: `http://[user:password@]host[:port]`, port 80 unless it is given. The
   * environment is never looked at. KMS, and what fetches credentials, are asked directly. @default none
   */
  readonly proxy?: string;
}

/** An access key, or a temporary one with its token. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Of temporary credentials. */
  readonly securityToken?: string;
  /** When they expire, if that is known: milliseconds since the epoch. They are renewed some time before. */
  readonly expiresAtMs?: number;
}

/**
 * Gives one consistent set of credentials per request. `refused` is the set that the server has just called expired: a
 * provider that can renew answers with another set, and the request is repeated once; one that cannot returns the same.
 *
 * When it throws or rejects and no set holds any more, the operation ends with SealiftError `credentials-missing` (exit code 5);
 * a SealiftError is passed on as it is. Its message is repeated in events, results and manifests, so it must not carry secrets.
 */
export type CredentialsProvider = (refused?: Credentials) => Promise<Credentials>;

/** Undefined fields take the default of `limits.ts`. Where the system tells its limit of open files, threads and requests are no more than fit. */
export interface Tuning {
  /**
   * Worker threads, at most: one starts at once, the others when there is more than that one has done by then.
   *
   * @default available parallelism; of these, the last one pushes small files only where threads wait, or in a long run
   */
  readonly threads?: number;
  /** Requests in flight per thread. @default 64 */
  readonly concurrency?: number;
  /** Bytes per part, rounded up to a multiple of 16. @default 8 MiB */
  readonly partBytes?: number;
  /** Budget in bytes for all buffers of the run. @default 256 MiB */
  readonly memoryBytes?: number;
  /**
   * Bytes of object bodies per second, sent and received, of all threads of the run together: 16 KiB or more. An abort ends what
   * waits for it; that is left for the next session.
   *
   * @default no limit
   */
  readonly bandwidthBytesPerSecond?: number;
  /** @internal What decides whether a piece of a large file is kept in memory. @default a measurement */
  readonly firstTouch?: FirstTouch;
}

/** What push and pull have in common; verify takes what does not concern a manifest of its own. */
export interface TransferOptions {
  readonly target: StoreTarget;
  /** For OSS and KMS alike: a fixed set, or a function that is asked by one thread for all of them, and may renew. */
  readonly credentials: Credentials | CredentialsProvider;
  /** Master keys, RSA or KMS: the first seals, all of them open. A push with RSA needs only a public key. */
  readonly keys: readonly MasterKey[];
  readonly tuning?: Tuning;
  /** Threads that outlive the run; their number counts, not that of `tuning`. @default threads of its own */
  readonly pool?: ThreadPool;
  /** Manifest file. @default a new file in the first of `manifestDirectories` */
  readonly manifest?: string;
  /** Where runs of the same identity are looked for; new manifests go into the first. */
  readonly manifestDirectories: readonly string[];
  /** Start afresh instead of continuing the run of the same identity. @default false */
  readonly newRun?: boolean;
  /** Take over a lock of another host or of a process that cannot be checked. @default false */
  readonly breakLock?: boolean;
  /** Globs on paths below the root; a file is taken when it matches one. @default everything */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Leave out files of fewer bytes; of objects, the length in the listing counts, which is that of the plaintext. @default 0 */
  readonly minBytes?: number;
  /** Leave out files of more bytes. @default any size */
  readonly maxBytes?: number;
  /** Plan only: nothing is sent or written. A push plans without a look at the bucket or at contents. @default false */
  readonly dryRun?: boolean;
  /** Recorded in the manifest so that `resume` can repeat them; no secrets. */
  readonly recordedOptions?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Stop intake and let what is in flight finish, then close the manifest. */
  readonly signal?: AbortSignal;
  readonly onEvent?: EventListener;
}

/** What to do about an object that no manifest knows: replace older states of our own, skip, replace everything, refuse. */
export type IfExists = 'changed' | 'skip' | 'overwrite' | 'fail';

/** What {@link push} is told. */
export interface PushOptions extends TransferOptions {
  /** Directory to move. */
  readonly source: string;
  /**
   * Push these alone: paths below the source, text or bytes; a directory means everything in it. What is listed and not there
   * fails (`vanished`). `include` and `exclude` hold as well. Taken once, at the start.
   *
   * @default everything
   */
  readonly files?: Iterable<string | Uint8Array>;
  /**
   * Name of a file, such as `.sealiftignore`, whose lines leave out what is in its directory and below, as those of `.gitignore` do. It
   * is pushed itself. A directory fails (`unreadable`) whose file cannot be read.
   *
   * @default none
   */
  readonly ignoreFile?: string;
  /** Leave out files that had changed before, by the modification time that the walk sees. @default any time */
  readonly modifiedSince?: Date;
  /** Leave out files that have changed then or later. @default any time */
  readonly modifiedBefore?: Date;
  /** @default 'oss-crypto' */
  readonly envelope?: EnvelopeFamily;
  /** What to do about an object that no manifest knows. @default 'changed' */
  readonly ifExists?: IfExists;
  /** Read unchanged files again and compare instead of trusting size and times, which takes a key that opens. @default false */
  readonly checksum?: boolean;
  /** Of what is sent; objects that are there, and uploads that have begun, keep theirs. @default that of the bucket */
  readonly storageClass?: StorageClass;
  /** @default 'record' */
  readonly symlinks?: 'follow' | 'skip' | 'record';
  /**
   * File with a secret of this machine, made (0600) when it is missing, under which the data keys of large files are kept in
   * the manifest: so that with a public key alone an interrupted upload goes on where it was.
   */
  readonly resumeSecret?: string;
  /** Directories and files that are never uploaded, absolute: the local store among them. */
  readonly ownPaths?: readonly string[];
}

/** What {@link pull} is told. */
export interface PullOptions extends TransferOptions {
  /** Directory to fill; made when it is missing. */
  readonly destination: string;
  /**
   * Manifest of the push, for where `manifest` names that of the pull. @default `manifest` if it is that of a push, else the newest
   * one of a push to the same prefix in `manifestDirectories`
   */
  readonly pushManifest?: string;
  /** Replace existing files. @default false */
  readonly overwrite?: boolean;
  /** Names that differ in case or Unicode form only: refuse, give distinct names, or trust the file system. @default 'fail' */
  readonly onCollision?: 'fail' | 'rename' | 'keep';
  /** Accept an object whose authenticated name is not its key. @default false */
  readonly allowRenamed?: boolean;
  /** Read objects of other SDKs, which carry nothing that could authenticate them. @default false */
  readonly allowUnauthenticated?: boolean;
  /** Read again what an earlier run has pulled and compare. @default false */
  readonly checksum?: boolean;
  /** Restore set-uid, set-gid and sticky bits too. @default false */
  readonly preserveSpecialBits?: boolean;
  /** Leave blocks of zeros out of the files, so that sparse ones come back as small as they were. @default false */
  readonly preserveSparse?: boolean;
}

/** What {@link verify} is told. */
export interface VerifyOptions extends Omit<TransferOptions, 'manifestDirectories' | 'newRun' | 'breakLock' | 'dryRun' | 'recordedOptions'> {
  /** Manifest of the push to the same prefix, which is read and not locked; a copy of the bucket may be verified with it. @default none */
  readonly manifest?: string;
  /** Local directory to compare with, byte for byte; of a single object, also the file. */
  readonly against?: string;
  /**
   * Fetch no body: objects are judged by their authenticated headers and the checksums that the server gives, and `against` seals
   * the local files again to compare. Finds whatever a server that tells the truth about its bodies would show. @default false
   */
  readonly headersOnly?: boolean;
  /** File to write the signed-off record to, JSON. */
  readonly report?: string;
  readonly allowRenamed?: boolean;
  readonly allowUnauthenticated?: boolean;
  /** Where manifests are kept: with `against`, those in them are not missing in the bucket. @default none */
  readonly manifestDirectories?: readonly string[];
  /** As those of a push: they are not missing in the bucket. */
  readonly ownPaths?: readonly string[];
}

/** What {@link rewrap} is told. Of `keys` the first takes over, for which its public half is enough; all of them open. */
export interface RewrapOptions extends Omit<TransferOptions, 'manifest' | 'manifestDirectories' | 'newRun' | 'breakLock' | 'recordedOptions'> {
  /** Accept an object whose authenticated name is not its key. @default false */
  readonly allowRenamed?: boolean;
}

/** A file that is not done, and why. */
export interface FileFailure extends Cause {
  readonly path: string;
}

/** What a run did; `scanned = done + skipped + failed` always holds. */
export interface RunResult extends Omit<SummaryEvent, 'event'> {
  readonly run: string;
  readonly manifest?: string;
  /** Every failed file up to 1,000; the manifest has all. */
  readonly failures: readonly FileFailure[];
  /** Whether every file of the run is accounted for as done or skipped. */
  readonly complete: boolean;
}
