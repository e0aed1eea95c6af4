import { StartBlock } from '../../crypto/start-block.js';
import type { Failure } from '../../errors.js';
import type { StartSource } from '../../keys/start-cache.js';
import type { Bandwidth } from '../../store/bandwidth.js';
import type { Credentials, CredentialsProvider } from '../options.js';

/** What the threads of one run share, as one of them sees it. */
export interface ThreadCommons extends StartSource {
  /** Asked before every request. */
  readonly credentials: CredentialsProvider;
  /** The part of the run's KMS calls that this thread may make: above 0, 1 at most. */
  readonly kmsShare: number;
  /** Of the run, where it is limited. */
  readonly bandwidth?: Bandwidth | undefined;
  close(): void;
}

/** A start block between threads. */
export interface PlainStart {
  readonly bytes: Uint8Array;
  /** Whether it was spelled the one way that a sealed object may use. */
  readonly isCanonical: boolean;
}

/** From a worker to the coordinator. `id` numbers the requests of one thread. */
export type ToHub = { readonly to: 'hub'; readonly from: number; readonly id: number } & (
  | { readonly asks: 'credentials'; readonly refused?: Credentials }
  | { readonly asks: 'start'; readonly name: string }
  /** What came of `unwrap-for-all`: null when it failed. */
  | { readonly asks: 'nothing'; readonly start: PlainStart | null }
);

/** From the coordinator to the worker that asked, by its thread id. */
export type ToWorker = { readonly to: number; readonly id: number } & (
  | { readonly says: 'credentials'; readonly credentials: Credentials }
  | { readonly says: 'failure'; readonly failure: Failure }
  | { readonly says: 'start'; readonly start: PlainStart }
  /** Nobody knows it. After `unwrap-for-all` the others wait for the result. */
  | { readonly says: 'unwrap' | 'unwrap-for-all' }
);

/** To every worker: credentials that the server has refused. */
export interface Distrust {
  readonly to: 'all';
  readonly refused: Credentials;
}

/** To every worker: whoever waits for the bandwidth is to give up. */
export interface Stop {
  readonly to: 'stop';
}

/** To every worker: the run is over, and nothing of it may stay open or known. */
export interface End {
  readonly to: 'end';
}

export type ThreadMessage = ToHub | ToWorker | Distrust | Stop | End;

export function startToPlain({ bytes, isCanonical }: StartBlock): PlainStart {
  return { bytes, isCanonical };
}

export function startFromPlain({ bytes, isCanonical }: PlainStart): StartBlock {
  const start = StartBlock.fromBytes(Buffer.from(bytes));
  return isCanonical ? start : StartBlock.fromDecimal(start.toDecimal().replace(/^0+(?=.)/, ''));
}
