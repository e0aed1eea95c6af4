import type { ErrorCode } from '../errors.js';
import type { Manifest } from '../manifest/manifest.js';
import type { Bounds } from './effective.js';
import type { Workshop } from './large-file.js';
import type { IfExists } from './options.js';
import type { Ports } from './ports.js';
import type { ObjectKey } from './types.js';

/** What a large file needs on the coordinator's side, besides the workers. */
export interface PushScene extends Workshop {
  readonly ports: Ports;
  readonly bounds: Bounds;
  readonly manifest: Manifest;
  readonly ifExists: IfExists;
  /** Compare contents before anything is sent. */
  readonly checksum: boolean;
  /** Aborted when intake stops: no further part is begun. */
  readonly signal: AbortSignal;
  moved(bytes: number): void;
  notice(message: string): void;
  /** Gives an attempt up for good: its upload is aborted, its data key forgotten, and the manifest says so. */
  abandon(id: number, key: ObjectKey, uploadId: string | undefined, code: ErrorCode): Promise<void>;
  /** Aborts uploads of this key whose id was lost between their start and its record. */
  abortStrayUploads(key: ObjectKey): Promise<void>;
}
