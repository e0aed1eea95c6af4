import { mkdirSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import { MIN_PART_BYTES } from '../limits.js';
import { openAccessKeys, type TemporaryCredentials } from './access.js';
import { type Disk, openDisk } from './disk.js';
import type { FaultPlan } from './faults.js';
import { type KmsKeys, openKmsKeys } from './kms-keys.js';
import { createKmsServer } from './kms-server.js';
import { OssError } from './oss-error.js';
import { createOssServer } from './oss-server.js';
import type { RequestLog } from './request-log.js';
import { LOOPBACK, type ServiceServer } from './service.js';
import { lockStore } from './store-lock.js';

export type { Fault, FaultPlan, RequestInfo } from './faults.js';
export { openRequestLogFile, type RequestLog, type RequestRecord } from './request-log.js';
export type { TemporaryCredentials } from './access.js';

/** How the embedded cloud is started. */
export interface LocalCloudOptions {
  /** Where buckets, credentials and the keys of the KMS live; made (0700) when it is missing. */
  readonly dataDirectory: string;
  /** Of OSS. @default 0, a free one */
  readonly port?: number;
  /** @default 0, a free one */
  readonly kmsPort?: number;
  /** Exists after the start. @default 'sealift' */
  readonly bucket?: string;
  /** Signs V4 requests. @default 'cn-hangzhou' */
  readonly region?: string;
  /** Told about every request to either service. */
  readonly log?: RequestLog | undefined;
  /** Asked about every request to either service. */
  readonly faults?: FaultPlan | undefined;
  /** Bytes of the smallest part that may have one after it. @default 100 KiB, as OSS */
  readonly minPartBytes?: number;
  /** Added to every answer of the KMS, in milliseconds. @default 0 */
  readonly kmsLatencyMs?: number;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** The embedded cloud: where its services are, and how to get in. */
export interface LocalCloud {
  readonly oss: { readonly endpoint: string; readonly region: string; readonly bucket: string };
  readonly kms: { readonly endpoint: string; readonly keyId: string };
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** An existing bucket stays as it is. */
  createBucket(name: string): Promise<void>;
  /** Credentials as STS would hand them out, good for both services. */
  issueCredentials(lifetimeMs: number): TemporaryCredentials;
  /** Temporary credentials are refused as expired from now on. */
  expireCredentials(accessKeyId: string): void;
  /** A further master key. @returns its id */
  createKmsKey(alias?: string): string;
  /** Kept across restarts, as a key disabled in the console would be. */
  setKmsKeyEnabled(keyIdOrAlias: string, enabled: boolean): void;
  /** Cuts all connections, waits for what was under way, and frees the data directory. */
  close(): Promise<void>;
}

/**
 * Starts OSS and KMS on the loopback interface. Objects, credentials and keys are those of the data directory and outlive
 * the process; access keys and KMS keys are random per directory and readable by the owner alone (0600).
 *
 * Stored objects survive the death of the process at any instant. They are not synced one by one, so a machine that loses
 * power may lose the last ones; keys and credentials are synced.
 *
 * @throws SealiftError `locked` while another process serves the same data directory
 * @throws SealiftError `write-failed` when the data directory cannot be made
 * @throws SealiftError `destination-invalid` for a bucket name that OSS would refuse
 * @throws SealiftError `config-invalid` for a port that is taken, or damaged key files
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const { dataDirectory } = options;
  makeDataDirectory(dataDirectory);
  const lock = await lockStore(dataDirectory);
  try {
    return await startUnlocked(options, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function makeDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new SealiftError('write-failed', `${path} cannot be made for the embedded cloud`, { object: path, remedy: 'Choose a directory that can be written to.', cause });
  }
}

async function startUnlocked(options: LocalCloudOptions, release: () => Promise<void>): Promise<LocalCloud> {
  const { dataDirectory, bucket = 'sealift', region = 'cn-hangzhou', minPartBytes = MIN_PART_BYTES, now = Date.now } = options;
  const disk = openDisk(dataDirectory);
  createBucket(disk, bucket);
  const access = openAccessKeys(dataDirectory, now);
  const keys = openKmsKeys(dataDirectory);
  const common = { access, now, log: options.log, faults: options.faults };
  const oss = createOssServer({ ...common, disk, region, minPartBytes });
  const kms = createKmsServer({ ...common, keys, latencyMs: options.kmsLatencyMs ?? 0 });
  const stop = async (): Promise<void> => {
    await Promise.all([oss.close(), kms.close()]);
    await disk.close();
  };
  const [port, kmsPort] = await listenBoth([oss, options.port ?? 0], [kms, options.kmsPort ?? 0]).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    oss: { endpoint: `http://${LOOPBACK}:${port}`, region, bucket },
    kms: { endpoint: `http://${LOOPBACK}:${kmsPort}`, keyId: keys.defaultKeyId },
    accessKeyId: access.permanent.id,
    accessKeySecret: access.permanent.secret,
    createBucket: (name) => {
      createBucket(disk, name);
      return Promise.resolve();
    },
    issueCredentials: (lifetimeMs) => access.issueTemporary(lifetimeMs),
    expireCredentials: (accessKeyId) => access.expire(accessKeyId),
    ...keyControls(keys),
    close: closeOnce(async () => {
      await stop();
      await release();
    }),
  };
}

function keyControls(keys: KmsKeys): Pick<LocalCloud, 'createKmsKey' | 'setKmsKeyEnabled'> {
  return {
    createKmsKey: (alias) => keys.create(alias),
    setKmsKeyEnabled: (keyIdOrAlias, enabled) => keys.setEnabled(keyIdOrAlias, enabled),
  };
}

async function listenBoth(oss: [ServiceServer, number], kms: [ServiceServer, number]): Promise<[number, number]> {
  return [await oss[0].listen(oss[1]), await kms[0].listen(kms[1])];
}

function createBucket(disk: Disk, name: string): void {
  try {
    disk.createBucket(name);
  } catch (error) {
    if (error instanceof OssError) {
      throw new SealiftError('destination-invalid', `"${name}" is no name for a bucket`, {
        object: name,
        remedy: 'Use 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends.',
      });
    }
    throw error;
  }
}

function closeOnce(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => (closing ??= close());
}
