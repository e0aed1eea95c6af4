import { verifyCommitment, buildAad } from '../../crypto/commitment.js';
import { joinCrc64 } from '../../crypto/crc64.js';
import { unwrapForResume } from '../../crypto/resume-key.js';
import { parseEnvelope } from '../../envelope/envelope.js';
import { isSealiftError } from '../../errors.js';
import { isUnchanged } from '../../files/stat.js';
import type { SealedRecord } from '../../manifest/record.js';
import type { PendingUpload } from '../../manifest/state.js';
import type { UploadedPart } from '../../store/store.js';
import { lookAt } from '../existing.js';
import type { Outcome, PushItem, SealKeys, SentPart } from '../jobs.js';
import { cut } from '../large-file.js';
import { sourceOf } from '../source-of.js';
import { storedFacts } from '../stored-facts.js';
import type { FileStat } from '../types.js';
import { giveUp, partsIfThere } from './give-up.js';
import type { PushScene } from './push-scene.js';
import type { SealedUpload } from './sealed-upload.js';
import { HeldPieces } from './shelf.js';

export type Recovered =
  /** `isOurs`: the object under the key is an older state of this file, sealed by this run. */
  | { readonly kind: 'none'; readonly isOurs: boolean }
  | { readonly kind: 'done'; readonly outcome: Outcome }
  | { readonly kind: 'resumed'; readonly upload: SealedUpload };

/**
 * What an earlier process left of this file: finished after all, resumable part by part, or to be given up. The same
 * data key is used again only for the same bytes: the file must be unchanged, and every part must meet its digest.
 */
export async function recoverUpload(item: PushItem, scene: PushScene): Promise<Recovered> {
  const pending = scene.manifest.pendingUpload(item.id);
  if (pending === undefined) {
    return { kind: 'none', isOurs: false };
  }
  const stat = sealedStat(pending.sealed);
  const commitment = pending.sealed.metadata['x-oss-meta-sealift-commitment'] ?? '';
  const existing = await lookAt(scene.ports.store, item.key, stat, { commitment, crc64: recordedCrc(pending, stat) });
  const isUnchanged = await unchanged(item, stat, scene);
  if (existing.kind === 'same' && isUnchanged) {
    return { kind: 'done', outcome: { state: 'done', id: item.id, stat, stored: storedFacts(existing.head, commitment) } };
  }
  const upload = isUnchanged ? await resumable(item, pending, stat, scene) : 'it has changed since';
  if (typeof upload === 'string') {
    scene.restarted(item.key, upload);
    await giveUp(scene, { ...item, pending }, 'unstable');
    const isOurs = existing.kind === 'same' || existing.kind === 'broken' || (existing.kind === 'hidden' && scene.manifest.mayHoldOurs(item.id));
    return { kind: 'none', isOurs };
  }
  return { kind: 'resumed', upload };
}

/** Of the whole object; undefined when a crash has cost the record of a part. */
function recordedCrc({ sealed, parts }: PendingUpload, stat: FileStat): bigint | undefined {
  const pieces = cut(stat.sizeBytes, sealed.partBytes);
  const known = pieces.flatMap(({ index, bytes }) => {
    const crc64 = parts.get(index + 1)?.crc64;
    return crc64 === undefined ? [] : [{ crc64: BigInt(crc64), bytes }];
  });
  return known.length === pieces.length ? joinCrc64(known) : undefined;
}

/** Or why it is not. */
async function resumable(item: PushItem, pending: PendingUpload, stat: FileStat, scene: PushScene): Promise<SealedUpload | string> {
  const { sealed, uploadId } = pending;
  if (!scene.memory.holds(sealed.partBytes)) {
    return `its parts of ${sealed.partBytes} bytes do not fit the memory budget any more`;
  }
  const keys = await recoverKeys(item, sealed, scene);
  if (keys === undefined) {
    return 'its data key cannot be unwrapped here; --resume-secret FILE would have kept it';
  }
  const listed = await listedParts(item, uploadId, scene);
  if (listed === undefined) {
    return 'the interrupted upload is gone';
  }
  const pieces = cut(stat.sizeBytes, sealed.partBytes);
  const fitting = listed.filter((part) => pieces[part.number - 1]?.bytes === part.sizeBytes);
  const known = fitting.flatMap((part) => confirmedPart(part, pending));
  return {
    stat, keys, pieces, uploadId, crc64s: [], held: new HeldPieces(scene.memory),
    digests: Buffer.from(sealed.digests, 'base64'),
    headers: { metadata: sealed.metadata, commitment: sealed.metadata['x-oss-meta-sealift-commitment'] ?? '' },
    confirmed: new Map(known.map((sent) => [sent.part.number, sent])),
    present: new Map(fitting.map((part) => [part.number, part.etag])),
  };
}

/** ListParts is the truth: a record counts only where the server lists the same ETag. */
function confirmedPart(part: UploadedPart, { parts }: PendingUpload): SentPart[] {
  const record = parts.get(part.number);
  if (record?.etag !== part.etag || record.crc64 === undefined) {
    return [];
  }
  return [{ part, crc64: BigInt(record.crc64), sent: true }];
}

/** Undefined when the upload is gone. */
async function listedParts(item: PushItem, uploadId: string | undefined, scene: PushScene): Promise<UploadedPart[] | undefined> {
  if (uploadId === undefined) {
    await scene.abortStrayUploads(item.key);
    return [];
  }
  return await partsIfThere(scene.ports.store, item.key, uploadId);
}

async function recoverKeys(item: PushItem, sealed: SealedRecord, scene: PushScene): Promise<SealKeys | undefined> {
  const envelope = parseEnvelope(sealed.metadata, sealed.size);
  const authentication = envelope?.authentication;
  if (envelope === null || authentication === undefined) {
    return undefined;
  }
  const kept = keptKeys(sealed, authentication.commitment, scene);
  if (kept !== undefined || !sealed.recoverable) {
    return kept;
  }
  const aad = buildAad(authentication.encodedName, sealed.size, authentication.attributes);
  try {
    const { dataKey, startBlock } = await scene.ports.keyring.open(
      envelope, (candidate) => verifyCommitment(candidate.dataKey, candidate.startBlock, aad, authentication), item.key,
    );
    return { dataKey: dataKey.keyObject, start: startBlock.bytes };
  } catch (error) {
    if (isLocked(error)) {
      return undefined;
    }
    throw error;
  }
}

/** From the manifest itself, under the secret of this machine. */
function keptKeys({ resumeKey }: SealedRecord, commitment: string, { resumeSecret }: PushScene): SealKeys | undefined {
  if (resumeKey === undefined || resumeSecret === undefined) {
    return undefined;
  }
  const resumed = unwrapForResume(resumeSecret, resumeKey, commitment);
  return resumed && { dataKey: resumed.dataKey.keyObject, start: resumed.startBlock.bytes };
}

/**
 * None of the keys here opens it: public halves, or keys that have taken over from the one that sealed it. Who may seal with a KMS
 * key need not be allowed to open with it either; every other refusal concerns sealing too.
 */
function isLocked(error: unknown): boolean {
  return isSealiftError(error) && (NONE_OPENS.has(error.code) || (error.code === 'kms-refused' && error.status === 403));
}

const NONE_OPENS: ReadonlySet<string> = new Set(['master-key-missing', 'authentication-failed']);

/** A file that cannot be read now is not the same; the attempt that follows says why. */
async function unchanged(item: PushItem, stat: FileStat, scene: PushScene): Promise<boolean> {
  try {
    const source = await sourceOf(scene.ports.context, item.path);
    source.close();
    return isUnchanged(stat, source.stat);
  } catch (error) {
    if (isSealiftError(error) && !error.retryable) {
      return false;
    }
    throw error;
  }
}

function sealedStat(sealed: SealedRecord): FileStat {
  return {
    sizeBytes: sealed.size, mtimeNs: BigInt(sealed.mtimeNs), ctimeNs: BigInt(sealed.ctimeNs), ino: BigInt(sealed.ino), dev: BigInt(sealed.dev), mode: sealed.mode,
  };
}
