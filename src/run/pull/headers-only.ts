import { joinCrc64, type Crc64 } from '../../crypto/crc64.js';
import type { DigestedPart } from '../../crypto/ghash.js';
import { AuthenticationError, UnauthenticatedObjectError } from '../../errors.js';
import { openSource } from '../../files/source.js';
import type { ObjectHead } from '../../store/store.js';
import type { Bounds } from '../effective.js';
import type { StoredFacts } from '../jobs.js';
import { cut, scanPieces, type Workshop } from '../large-file.js';
import { differs } from '../local-path.js';
import type { OpenedEnvelope } from '../opening.js';
import { digestsOf } from '../piece-proof.js';
import { isSealedFrom, resealWhole } from '../resealed.js';

/** An object whose body stays where it is, and the local file that it should have been sealed from. */
export interface Unfetched {
  readonly key: string;
  readonly head: ObjectHead;
  readonly opened: OpenedEnvelope;
  /** Absolute, raw bytes; as long as the object. */
  readonly file: Buffer;
}

/** @throws UnauthenticatedObjectError for an object of another SDK, whose headers prove nothing. */
export function refuseUnsealed(key: string, { sealed }: OpenedEnvelope): void {
  if (sealed === undefined) {
    throw new UnauthenticatedObjectError('unauthenticated', `${key} was written by another SDK: its headers prove nothing`, {
      object: key, remedy: 'verify it without --headers-only',
    });
  }
}

/**
 * Seals a local file again under the object's own data key, and compares: mac with mac, and CRC-64 with what the server says of
 * the body that it holds.
 *
 * @param slab - as long as the object
 * @throws SealiftError `differs`, or whatever reading says; AuthenticationError when the server holds another body.
 */
export function compareUnfetched(object: Unfetched, slab: Buffer, crc64: Crc64): void {
  const { key, head, file, opened } = object;
  refuseOtherContent(file, opened, [resealed(file, opened, slab)]);
  refuseOtherBody(key, head, crc64.digestOf(slab));
}

export interface ScanningScene extends Workshop {
  readonly bounds: Pick<Bounds, 'threads' | 'partBytes'>;
}

/** The same for a file that is read in pieces, on all threads. */
export async function compareLargeUnfetched({ key, head, file, opened }: Unfetched, scene: ScanningScene): Promise<void> {
  const source = openSource(file, { followSymlinks: true });
  try {
    const job = { keys: { dataKey: opened.keys.dataKey.keyObject, start: opened.keys.startBlock.bytes }, source: { kind: 'descriptor', fd: source.fd } } as const;
    const proofs = await scanPieces(job, cut(head.sizeBytes, scene.bounds.partBytes), { ...scene, keep: scene.memory });
    source.assertUnchanged();
    refuseOtherContent(file, opened, digestsOf(proofs));
    const crcs = proofs.flatMap(({ bytes, crc64 }) => (crc64 === undefined ? [] : [{ bytes, crc64 }]));
    refuseOtherBody(key, head, joinCrc64(crcs));
  } finally {
    source.close();
  }
}

function resealed(file: Buffer, { keys }: OpenedEnvelope, slab: Buffer): DigestedPart {
  const source = openSource(file, { followSymlinks: true });
  try {
    if (source.stat.sizeBytes !== slab.length) {
      throw differs(file);
    }
    return resealWhole(source, keys, slab);
  } finally {
    source.close();
  }
}

function refuseOtherContent(file: Buffer, opened: OpenedEnvelope, parts: readonly DigestedPart[]): void {
  if (!isSealedFrom(opened, parts)) {
    throw differs(file);
  }
}

function refuseOtherBody(key: string, { crc64 }: ObjectHead, sealed: bigint): void {
  if (crc64 !== undefined && crc64 !== sealed) {
    throw otherBody(key);
  }
}

/** By two CRC-64s, as far as there are both: of what the server holds now, and of what was recorded. */
export function holdsAnother(held: Pick<StoredFacts, 'crc64'>, recorded: Pick<StoredFacts, 'crc64'> | undefined): boolean {
  return held.crc64 !== '' && recorded !== undefined && recorded.crc64 !== '' && held.crc64 !== recorded.crc64;
}

export function otherBody(key: string): AuthenticationError {
  return new AuthenticationError('authentication-failed', `${key}: by its CRC-64 the server holds another body than the one that was sealed`, {
    object: key, remedy: 'restore the object, or push the file again with --new-run, --if-exists overwrite and --include',
  });
}
