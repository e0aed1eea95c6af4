import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { SealiftError } from '../../errors.js';
import { encodePath } from '../../files/names.js';
import { sourceRoot } from '../../files/source-root.js';
import type { WalkOptions } from '../../files/walk.js';
import type { EncodedPath } from '../types.js';

/** What the bucket is compared with. */
export type Against =
  /** Walked as a push would. */
  | { readonly kind: 'directory'; readonly walked: Omit<WalkOptions, 'signal'> }
  /** For the one object that bears the prefix as its name. `noObject` is for a prefix that none bears. */
  | { readonly kind: 'file'; readonly path: EncodedPath; readonly noObject: SealiftError };

export interface LocalSide {
  /** Directory of the files, as the system has it. */
  readonly root: Buffer;
  /** The one file in it that was named; undefined for all of them. */
  readonly file: EncodedPath | undefined;
}

/** @throws SealiftError `source-missing` for what is neither a directory nor a file, or cannot be reached. */
export function localSide(name: string): LocalSide {
  if (!isFile(name)) {
    return { root: sourceRoot(name, 'compare with'), file: undefined };
  }
  const path = resolve(name);
  return { root: sourceRoot(dirname(path), 'compare with'), file: encodePath(Buffer.from(basename(path))) };
}

/** Why a name cannot be looked at, whoever opens it as a directory says. */
function isFile(name: string): boolean {
  try {
    return statSync(name).isFile();
  } catch {
    return false;
  }
}

export function noObjectFor(file: string, place: string): SealiftError {
  return new SealiftError('usage', `${file} is one file, and ${place} is no object`, {
    object: file, remedy: 'name the object, or compare with the directory that was pushed',
  });
}

export function noManifestFor(file: string): SealiftError {
  return new SealiftError('usage', `${file} is one file, and a manifest tells of many`, {
    object: file, remedy: 'leave --manifest out, or verify what was pushed, against its directory, and pick the file with --include',
  });
}
