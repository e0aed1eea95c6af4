import type { MasterKey } from '../keys/master-key.js';
import type { EnvelopeFamily } from '../keys/wrapper.js';
import type { SharedBandwidth } from '../store/bandwidth.js';
import type { OssConfig } from '../store/oss.js';
import type { StorageClass } from '../store/store.js';
import type { Job } from './jobs.js';
import type { IfExists } from './options.js';

/** What a worker thread is told of a run: plain data and KeyObjects. */
export interface WorkerContext {
  readonly store: OssConfig;
  /** The first seals, all of them open. */
  readonly keys: readonly MasterKey[];
  readonly family: EnvelopeFamily;
  /** Absolute local root, raw bytes: source of a push, destination of a pull, other side of a comparison. */
  readonly root: Uint8Array;
  /** Requests in flight per thread. */
  readonly concurrency: number;
  /** Workers of the run. */
  readonly threads: number;
  /** Name of the broadcast channel on which the threads of the run share credentials and start blocks. */
  readonly channel: string;
  readonly push?: PushMode;
  readonly pull?: PullMode;
  readonly rewrap?: RewrapMode;
}

export interface PushMode {
  readonly ifExists: IfExists;
  readonly followSymlinks: boolean;
  readonly checksum: boolean;
  readonly storageClass?: StorageClass | undefined;
}

export interface PullMode {
  /** `write` pulls, `discard` verifies, `compare` verifies against the files below the root. */
  readonly sink: 'write' | 'discard' | 'compare';
  readonly allowRenamed: boolean;
  readonly allowUnauthenticated: boolean;
  readonly preserveSpecialBits: boolean;
  /** Blocks of zeros become holes. */
  readonly preserveSparse?: boolean;
  /** No body is fetched: headers authenticate, and local files are sealed again to compare. Not for `write`. */
  readonly headersOnly?: boolean;
}

export interface RewrapMode {
  readonly allowRenamed: boolean;
  /** Everything but the request that changes the object. */
  readonly dryRun: boolean;
}

/** What a thread is told of a run when it meets the first of its jobs. */
export interface SessionStart extends WorkerContext {
  /** Of the arena: the regions of jobs lie in it. */
  readonly memory: SharedArrayBuffer;
  /** Where the run is limited. */
  readonly bandwidth?: SharedBandwidth | undefined;
}

/** A job on its way to a thread. Runs go by the names of their channels. */
export interface Task {
  readonly session: string;
  readonly job: Job;
  /** With every job until the first answer; then only for a thread that has answered that it does not know the run. */
  readonly start?: SessionStart;
}
