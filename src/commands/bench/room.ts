/** Whether a bench has room for what it makes, before it makes it. */
import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { SealiftError } from '../../errors.js';
import { formatBytes } from '../../report/format.js';
import type { TargetChoice } from './request.js';

export interface Need {
  /** Of the files that are moved. */
  readonly bytes: number;
  /** They are made in the scratch directory first; those of a directory of the user's are there. */
  readonly isMade: boolean;
  /** Everything is moved twice. */
  readonly isWarm: boolean;
  readonly target: TargetChoice['kind'];
}

/** Of what is free: the rest is for processes, manifests and directories. */
const USABLE = 0.9;

/** @throws SealiftError `usage` with what is missing and what to do about it */
export function checkRoom({ bytes, isMade, isWarm, target }: Need, scratch: string): void {
  const moved = bytes * (isWarm ? 2 : 1);
  // The trees that are pulled, the data, and the objects of the embedded cloud.
  const onDisk = moved + (isMade ? bytes : 0) + (target === 'local' ? moved : 0);
  const { bavail, bsize } = statfsSync(scratch);
  if (onDisk > bavail * bsize * USABLE) {
    throw new SealiftError('usage', `the bench needs ${formatBytes(onDisk)} below ${scratch}, where ${formatBytes(bavail * bsize)} are free`, {
      object: scratch, remedy: 'Set TMPDIR to a directory with more room, or measure less: --files, --size, --profile.',
    });
  }
  if (moved > freemem() * USABLE) {
    throw new SealiftError('usage', `the sink keeps ${formatBytes(moved)} in memory, and ${formatBytes(freemem())} are free`, {
      object: '--target', remedy: 'Measure less: --files, --size, --profile.',
    });
  }
}
