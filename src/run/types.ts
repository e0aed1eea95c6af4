/** The vocabulary that the rooms share: plain data that survives structured clone. */
import type { Failure } from '../errors.js';

declare const brand: unique symbol;

/**
 * A path below the root of a run, byte-exact: UTF-8 text with `/` between segments, no leading or trailing slash, in
 * which `%`, bytes below 0x20, 0x7F, `\` and bytes that are not valid UTF-8 stand as `%XX` (upper-case hex).
 */
export type EncodedPath = string & { readonly [brand]: 'EncodedPath' };

/** The name of an object in its bucket: `prefix/` + EncodedPath, or the EncodedPath alone. */
export type ObjectKey = string & { readonly [brand]: 'ObjectKey' };

/** What `lstat` says about a file, as far as "unchanged" is concerned. */
export interface FileStat {
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  /** Permission bits with set-uid, set-gid and sticky: 0 … 0o7777. */
  readonly mode: number;
}

/** A regular file seen by the walk. */
export interface SourceFile extends FileStat {
  readonly kind: 'file';
  readonly path: EncodedPath;
  /** Number of hard links. */
  readonly links: number;
}

/** A directory without entries, recorded so that a pull can restore it. */
export interface EmptyDirectory {
  readonly kind: 'empty-directory';
  readonly path: EncodedPath;
}

/** Something that is counted and recorded but holds no file data. */
export interface SkippedEntry {
  readonly kind: 'skipped';
  readonly path: EncodedPath;
  readonly reason: 'symlink' | 'special' | 'excluded' | 'own-file';
  /** Of a symlink: its target, percent-encoded like a path. */
  readonly target?: string;
}

/** Something the walk could not read: it counts as failed, never as absent. */
export interface FailedEntry {
  readonly kind: 'failed';
  readonly path: EncodedPath;
  readonly failure: Failure;
}

export type WalkEntry = SourceFile | EmptyDirectory | SkippedEntry | FailedEntry;
