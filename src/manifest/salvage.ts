import type { EncodedPath } from '../run/types.js';
import { ChainCheck } from './chain.js';
import { parseLine } from './line.js';
import type { RawLine } from './raw-lines.js';
import type { ManifestLine, ManifestRecord } from './record.js';
import { ManifestState } from './state.js';

/** A line that a repair leaves out. */
export interface DroppedLine {
  /** From 1, in the damaged file. */
  readonly line: number;
  readonly reason: string;
  /** What the line claims to be, where it can still be read. */
  readonly type?: string;
  /** The file it speaks of, where that is known. */
  readonly path?: EncodedPath;
}

/** A multipart upload whose resumption was given up; what the server holds of it costs storage until it is removed. */
export interface GivenUp {
  readonly path: EncodedPath;
  readonly uploadId?: string;
}
