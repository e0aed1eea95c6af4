import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Bucket } from './bucket.js';
import { OssError } from './oss-error.js';

export interface BucketInfo {
  readonly name: string;
  readonly createdMs: number;
}

/** All buckets of a data directory. A bucket is opened when it is first asked for. */
export interface Disk {
  /** @throws OssError NoSuchBucket */
  bucket(name: string): Bucket;
  /** An existing bucket stays as it is. @throws OssError InvalidBucketName */
  createBucket(name: string): void;
  /** @throws OssError BucketNotEmpty, NoSuchBucket */
  removeBucket(name: string): Promise<void>;
  /** Sorted by name. */
  list(): readonly BucketInfo[];
  /** Waits for removals under way. */
  close(): Promise<void>;
}

const BUCKET_NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/u;

export function openDisk(dataDirectory: string): Disk {
  const root = join(dataDirectory, 'buckets');
  const opened = new Map<string, Bucket>();
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const bucket = (name: string): Bucket => {
    const known = opened.get(name);
    if (known !== undefined) {
      return known;
    }
    if (!BUCKET_NAME.test(name) || !existsSync(join(root, name))) {
      throw new OssError(404, 'NoSuchBucket', 'The specified bucket does not exist.', { ec: '0015-00000101', more: { BucketName: name } });
    }
    const fresh = new Bucket(join(root, name));
    opened.set(name, fresh);
    return fresh;
  };
  return {
    bucket,
    createBucket: (name) => {
      if (!BUCKET_NAME.test(name)) {
        throw new OssError(400, 'InvalidBucketName', 'The specified bucket is not valid.', { ec: '0015-00000001', more: { BucketName: name } });
      }
      mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
    },
    removeBucket: async (name) => {
      const doomed = bucket(name);
      if (doomed.index.size > 0 || doomed.uploads.list().length > 0) {
        throw new OssError(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty.', { ec: '0015-00000301', more: { BucketName: name } });
      }
      opened.delete(name);
      await doomed.close();
      // Out of sight in one step: a half-removed bucket must not come back.
      const hidden = join(root, `.removed-${name}`);
      renameSync(join(root, name), hidden);
      rmSync(hidden, { recursive: true, force: true });
    },
    list: () =>
      readdirSync(root)
        .filter((name) => BUCKET_NAME.test(name))
        .sort()
        .map((name) => ({ name, createdMs: statSync(join(root, name)).birthtimeMs })),
    close: async () => {
      await Promise.all([...opened.values()].map((each) => each.close()));
    },
  };
}
