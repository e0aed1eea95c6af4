import { isSameTime } from '../../files/stat.js';
import type { SkipReason } from '../events.js';
import type { Replace } from '../jobs.js';
import type { FileStat } from '../types.js';

/** What is known about an object before it is asked for, and about the file that stands in its place. */
export interface PullFacts {
  /** ETag in the listing. */
  readonly etag: string;
  /** The local file, if there is one. */
  readonly local: FileStat | undefined;
  /** What the pull's own manifest remembers. */
  readonly pulled: PulledBefore | undefined;
  /** Size and mtime of the pushed file, where a push manifest knows this very object. */
  readonly pushed: { readonly etag: string; readonly sizeBytes: number; readonly mtimeNs: bigint } | undefined;
}

export interface PulledBefore {
  readonly isDone: boolean;
  readonly attempted: boolean;
  /** Whether the local file is as this run left it. */
  readonly unchanged: boolean;
  /** Of the object that was pulled; undefined while nothing was. */
  readonly etag: string | undefined;
}

export type PullPlan =
  | { readonly action: 'skip'; readonly reason: SkipReason }
  | { readonly action: 'refuse' }
  | { readonly action: 'pull'; readonly overwrite: Replace };

/**
 * What a pull does with one object. An existing file is skipped when size, mtime and a manifest agree that it is this
 * object; one that an interrupted attempt of ours wrote may be written again; anything else is only replaced on request.
 */
export function planPull(facts: PullFacts, policy: { readonly overwrite: boolean; readonly checksum: boolean }): PullPlan {
  const { local, pulled } = facts;
  if (local === undefined) {
    return { action: 'pull', overwrite: 'no' };
  }
  if (!policy.checksum && isCurrent(facts, local)) {
    return { action: 'skip', reason: 'unchanged' };
  }
  if (policy.overwrite || (pulled?.isDone === true && pulled.unchanged)) {
    return { action: 'pull', overwrite: 'yes' };
  }
  return pulled?.attempted === true ? { action: 'pull', overwrite: 'if-ours' } : { action: 'refuse' };
}

function isCurrent({ etag, pulled, pushed }: PullFacts, local: FileStat): boolean {
  if (pulled?.isDone === true && pulled.unchanged && pulled.etag === etag) {
    return true;
  }
  return pushed?.etag === etag && pushed.sizeBytes === local.sizeBytes && isSameTime(pushed.mtimeNs, local.mtimeNs);
}
