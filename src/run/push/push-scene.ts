import type { KeyObject } from 'node:crypto';
import { isSealiftError, type ErrorCode } from '../../errors.js';
import { MAX_CLOCK_SKEW_MS } from '../../limits.js';
import type { Manifest } from '../../manifest/manifest.js';
import type { Bounds } from '../effective.js';
import type { Workshop } from '../large-file.js';
import type { IfExists } from '../options.js';
import type { Session } from '../session.js';
import type { Ports } from '../threads/ports.js';
import type { ObjectKey } from '../types.js';

/** What a large file needs on the coordinator's side, besides the workers. */
export interface PushScene extends Workshop {
  readonly ports: Ports;
  readonly bounds: Bounds;
  readonly manifest: Manifest;
  readonly ifExists: IfExists;
  /** Of this machine; keeps data keys in the manifest where no private key is at hand. */
  readonly resumeSecret: KeyObject | undefined;
  /** Compare contents before anything is sent. */
  readonly checksum: boolean;
  moved(bytes: number): void;
  notice(message: string): void;
  /** Gives an attempt up for good: its upload is aborted, its data key forgotten, and the manifest says so. */
  abandon(id: number, key: ObjectKey, uploadId: string | undefined, code: ErrorCode): Promise<void>;
  /** A large file begins anew although parts of it had arrived; it counts once, however often. */
  restarted(key: ObjectKey, why: string): void;
  /** Aborts uploads of this key whose id was lost between their start and its record; all but `known`. */
  abortStrayUploads(key: ObjectKey, known?: string): Promise<void>;
}

export interface SceneParts {
  readonly session: Session;
  readonly manifest: Manifest;
  readonly ifExists: IfExists;
  readonly checksum: boolean;
  readonly resumeSecret: KeyObject | undefined;
}

export function sceneOf({ session, manifest, ...choices }: SceneParts): PushScene {
  const { pool, memory, slots, ports, bounds, tally } = session;
  let isCounted = false;
  return {
    pool, memory, slots, ports, bounds, manifest, ...choices,
    moved: (bytes) => tally.moved(bytes),
    notice: (message) => tally.notice('info', message),
    restarted: (key, why) => {
      if (!isCounted) {
        tally.restarted();
        isCounted = true;
      }
      tally.notice('info', `${key}: started again with a fresh data key, because ${why}`);
    },
    abandon: async (id, key, uploadId, code) => {
      if (uploadId !== undefined) {
        await ports.store.abortUpload(key, uploadId);
      }
      await manifest.abandoned(id, code, uploadId);
    },
    abortStrayUploads: async (key, known) => {
      const since = Date.parse(manifest.head.createdAt) - MAX_CLOCK_SKEW_MS;
      const uploads = await ports.store.listUploads(key).catch(noneIfForbidden);
      const stray = uploads.filter((upload) => upload.key === key && upload.uploadId !== known && Date.parse(upload.initiated) >= since);
      await Promise.all(stray.map(async (upload) => await ports.store.abortUpload(key, upload.uploadId)));
    },
  };
}

/** Push-only credentials may not list uploads; what stays behind then is found by whoever may. */
function noneIfForbidden(error: unknown): [] {
  if (isSealiftError(error) && error.code === 'access-denied') {
    return [];
  }
  throw error;
}
