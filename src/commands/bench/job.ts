/** What the bench asks of a measured process, and what that answers: plain JSON on stdin and stdout. */
import type { Failure } from '../../errors.js';
import type { Credentials, StoreTarget } from '../../run/options.js';
import type { EnvelopeFamily } from '../../keys/wrapper.js';

export type Operation = 'push' | 'pull';

export interface Job {
  /** `floor` is the shortest possible code for the same bytes. */
  readonly program: 'sealift' | 'floor';
  readonly operation: Operation;
  /** Source of a push, destination of a pull; absolute. */
  readonly directory: string;
  /** Of the floor: what there is below the source. */
  readonly files: readonly WorkFile[];
  readonly manifest: string;
  readonly keyFile: string;
  readonly target: StoreTarget;
  readonly credentials: Credentials;
  readonly envelope: EnvelopeFamily;
  /** Where none are named, as many as pay. */
  readonly threads?: number;
  readonly concurrency: number;
  readonly partBytes?: number;
  readonly memoryBytes?: number;
  /** What the round before differs in, which the same threads do first and nobody counts. */
  readonly warmUp?: Pick<Job, 'directory' | 'manifest' | 'target'>;
}

export interface WorkFile {
  readonly path: string;
  readonly bytes: number;
}

/** Of one object or part, from the moment that a thread took it up. */
export interface Latency {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** What a measured process answers instead when it could not do its work. */
export interface Refusal {
  readonly failure: Failure;
}

/** Of one round: of a job with a warm-up, of the second. */
export interface Measure {
  /** By the monotonic clock, which profiles go by. */
  readonly begunUs: number;
  readonly seconds: number;
  /** Of all threads, from the call to its end. */
  readonly cpuSeconds: number;
  /** Share of all cores of the machine that worked meanwhile, for whomever: 0 to 1. */
  readonly machineBusy: number;
  /** Of the whole process. */
  readonly peakRssMiB: number;
  readonly files: number;
  readonly bytes: number;
  readonly latency?: Latency;
  /** Seconds since the start and bytes moved by then. */
  readonly overTime: readonly (readonly [seconds: number, bytes: number])[];
}
