import { isSealiftError, type ErrorCode } from '../../errors.js';
import { ENDED_UNSEEN, type PendingUpload } from '../../manifest/state.js';
import type { ObjectStore, UploadedPart } from '../../store/store.js';
import { isHidden } from '../existing.js';
import type { ObjectKey } from '../types.js';
import type { PushScene } from './push-scene.js';

/** An upload that an earlier process began. */
export interface Begun {
  readonly id: number;
  readonly key: ObjectKey;
  readonly pending: PendingUpload;
}

/** Gives up what an earlier process began, also where it died before it could record the id of its upload. */
export async function giveUp(scene: PushScene, { id, key, pending }: Begun, code: ErrorCode): Promise<void> {
  const { uploadId } = pending;
  if (uploadId === undefined) {
    await scene.abortStrayUploads(key);
  }
  const isUnseen = await endedUnseen(key, pending, scene.ports.store);
  await scene.abandon(id, key, uploadId, isUnseen ? ENDED_UNSEEN : code);
}

/** Undefined when the upload is gone: it was aborted, or completed and replaced since. */
export async function partsIfThere(store: ObjectStore, key: ObjectKey, uploadId: string): Promise<UploadedPart[] | undefined> {
  try {
    return await store.listParts(key, uploadId);
  } catch (error) {
    if (isSealiftError(error) && error.code === 'not-found') {
      return undefined;
    }
    throw error;
  }
}

/** Whether the upload may have become an object that nobody may look at: one that is still there, or lacked a part, has not. */
async function endedUnseen(key: ObjectKey, { sealed, uploadId, parts }: PendingUpload, store: ObjectStore): Promise<boolean> {
  if (uploadId === undefined || parts.size < Math.ceil(sealed.size / sealed.partBytes)) {
    return false;
  }
  return (await partsIfThere(store, key, uploadId)) === undefined && (await isHidden(store, key));
}
