import { joinCrc64 } from '../../crypto/crc64.js';
import { isRunFatal, isSealiftError, type SealiftError } from '../../errors.js';
import { ENDED_UNSEEN } from '../../manifest/state.js';
import type { StoredObject, UploadedPart } from '../../store/store.js';
import { findSealed, hiddenIfForbidden, mayHaveArrived } from '../existing.js';
import type { Outcome, Piece, PushItem, SendJob, SentPart } from '../jobs.js';
import { onEveryPiece, onSomeThread, travelling } from '../large-file.js';
import { valueOf } from '../result.js';
import { storedFacts } from '../stored-facts.js';
import { partsIfThere } from './give-up.js';
import type { PushScene } from './push-scene.js';
import type { SealedUpload } from './sealed-upload.js';

/**
 * Pass 2: the missing parts, then the object. What can never be finished is aborted; what can is left for the next session.
 * Undefined when the upload is gone, and nobody may look at what became of it: an object of ours may stand there now.
 */
export async function sendLarge(item: PushItem, upload: SealedUpload, mayReplace: boolean, scene: PushScene): Promise<Outcome | undefined> {
  try {
    const uploadId = await begun(item, upload, mayReplace, scene);
    await sendMissing(item, upload, uploadId, scene);
    const outcome = await complete(item, upload, { uploadId, forbidOverwrite: !mayReplace }, scene);
    if (outcome === undefined) {
      await scene.abandon(item.id, item.key, uploadId, ENDED_UNSEEN);
    }
    return outcome;
  } catch (error) {
    if (!isResumable(error)) {
      await scene.abandon(item.id, item.key, upload.uploadId, isSealiftError(error) ? error.code : 'internal');
    }
    throw error;
  } finally {
    upload.held.release();
  }
}

/** An interruption, a failure that may pass, or one that stops the whole run: the parts that arrived are worth keeping. */
function isResumable(error: unknown): boolean {
  return !isSealiftError(error) || error.retryable || isRunFatal(error.code);
}

async function begun(item: PushItem, upload: SealedUpload, mayReplace: boolean, scene: PushScene): Promise<string> {
  if (upload.uploadId !== undefined) {
    return upload.uploadId;
  }
  let tries = 1;
  const { store, context } = scene.ports;
  const uploadId = await store.initiateUpload(item.key, {
    metadata: upload.headers.metadata, forbidOverwrite: !mayReplace, storageClass: context.push?.storageClass, onRetry: () => { tries += 1; },
  });
  upload.uploadId = uploadId;
  await scene.manifest.upload(item.id, uploadId);
  if (tries > 1) {
    // The answer to an earlier try may have been lost, and with it the id of the upload that it began.
    await scene.abortStrayUploads(item.key, uploadId);
  }
  return uploadId;
}

async function sendMissing(item: PushItem, upload: SealedUpload, uploadId: string, scene: PushScene): Promise<void> {
  for (const { part } of upload.confirmed.values()) {
    scene.moved(part.sizeBytes);
  }
  const missing = upload.pieces.filter((piece) => !upload.confirmed.has(piece.index + 1));
  await onEveryPiece(missing, travelling(scene, upload.held.sending()), async (piece, { region, isHeld }) => {
    const crc64 = isHeld ? upload.crc64s[piece.index] : undefined;
    const from = crc64 === undefined ? { kind: 'path', path: item.path, stat: upload.stat } as const : { kind: 'held', crc64 } as const;
    const sent = valueOf(await onSomeThread(scene.pool, { ...jobFor(item, upload, piece, scene), from, region, uploadId }));
    upload.confirmed.set(sent.part.number, sent);
    scene.manifest.part(item.id, sent.part, sent.crc64);
    scene.moved(piece.bytes);
  });
}

function jobFor(item: PushItem, upload: SealedUpload, piece: Piece, { ports }: PushScene): Omit<SendJob, 'from' | 'region' | 'uploadId'> {
  const presentEtag = upload.present.get(piece.index + 1);
  return {
    kind: 'send', keys: upload.keys, piece, key: item.key,
    digest: upload.digests.subarray(piece.index * 16, piece.index * 16 + 16),
    ...(ports.context.family === 'client-side-encryption' ? { metadata: upload.headers.metadata } : {}),
    ...(presentEtag === undefined ? {} : { presentEtag }),
  };
}

interface Completion {
  readonly uploadId: string;
  readonly forbidOverwrite: boolean;
}

async function complete(item: PushItem, upload: SealedUpload, { uploadId, forbidOverwrite }: Completion, scene: PushScene): Promise<Outcome | undefined> {
  const sent = upload.pieces.map((piece) => upload.confirmed.get(piece.index + 1)).filter((part) => part !== undefined);
  const parts: UploadedPart[] = sent.map(({ part }) => part);
  const crc64 = joinedCrc(sent);
  // Should the answer be lost, and the upload be gone, these tell a later session that it can have become the object.
  await scene.manifest.flush();
  const stored = await completeOrFind(item, upload, { parts, uploadId, forbidOverwrite, crc64 }, scene);
  return stored && { state: 'done', id: item.id, stat: upload.stat, stored: storedFacts(stored, upload.headers.commitment) };
}

interface Completing extends Completion {
  readonly parts: readonly UploadedPart[];
  readonly crc64: bigint;
}

/**
 * A lost answer to Complete looks like an unknown upload or an object in the way; the commitment tells. Where nobody may ask for
 * it, undefined if the upload may have become the object.
 */
async function completeOrFind(
  item: PushItem, upload: SealedUpload, { parts, uploadId, ...options }: Completing, { ports: { store } }: PushScene,
): Promise<StoredObject | undefined> {
  let answersLost = 0;
  const onRetry = (failure: SealiftError): void => {
    answersLost += mayHaveArrived(failure) ? 1 : 0;
  };
  try {
    return await store.completeUpload({ key: item.key, uploadId }, parts, { ...options, onRetry });
  } catch (error) {
    if (!isSealiftError(error) || (error.code !== 'not-found' && error.code !== 'exists')) {
      throw error;
    }
    const found = await findSealed(store, item.key, { commitment: upload.headers.commitment, crc64: options.crc64 }).catch(hiddenIfForbidden);
    if (found === 'hidden' && answersLost > 0 && (await partsIfThere(store, item.key, uploadId)) === undefined) {
      return undefined;
    }
    if (found !== undefined && found !== 'hidden') {
      return found;
    }
    throw error;
  }
}

/** CRC-64 of the whole from those of its parts. */
function joinedCrc(parts: readonly SentPart[]): bigint {
  return joinCrc64(parts.map(({ crc64, part }) => ({ crc64, bytes: part.sizeBytes })));
}
