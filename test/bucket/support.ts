import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { CryptoBucket } from '../../src/bucket/crypto-bucket.js';
import { KmsProvider } from '../../src/bucket/kms-provider.js';
import type { CryptoBucketOptions } from '../../src/bucket/options.js';
import { RsaProvider } from '../../src/bucket/rsa-provider.js';
import { startLocalCloud, type FaultPlan, type LocalCloud, type RequestRecord } from '../../src/local/cloud.js';
import { createOssStore } from '../../src/store/oss.js';
import type { ObjectStore } from '../../src/store/store.js';
import type { ModelObject } from '../support/model-reader.js';
import { testKey } from '../support/world.js';

/** What travels in parts when it is larger than 256 KiB, and in temporary files too. */
export const SMALL = { memoryBytes: 8 * 1024 * 1024, partBytes: 128 * 1024, concurrency: 4 } as const;
/** With SMALL: what one PUT may hold. */
export const SINGLE_PUT_BYTES = 4 * 1024 * 1024;

export interface Scene {
  readonly cloud: LocalCloud;
  readonly directory: string;
  readonly requests: RequestRecord[];
  faults: FaultPlan;
  /** The bucket without any sealing. */
  readonly store: ObjectStore;
  readonly key: ReturnType<typeof testKey>;
  readonly bucket: (more?: Partial<CryptoBucketOptions>) => CryptoBucket;
  readonly rsa: () => RsaProvider;
  readonly kms: (more?: Partial<ConstructorParameters<typeof KmsProvider>[0]>) => KmsProvider;
  /** As any reader finds it. */
  readonly raw: (key: string) => Promise<ModelObject>;
  readonly path: (name: string) => string;
}

export async function openScene(t: TestContext): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-bucket-'));
  const requests: RequestRecord[] = [];
  const trouble: { faults: FaultPlan } = { faults: () => undefined };
  const cloud = await startLocalCloud({
    dataDirectory: join(directory, 'cloud'), log: (record) => requests.push(record), faults: (request) => trouble.faults(request),
  });
  const { oss: { bucket, endpoint, region }, kms: { endpoint: kmsEndpoint, keyId }, accessKeyId, accessKeySecret } = cloud;
  const credentials = { accessKeyId, accessKeySecret };
  const store = await createOssStore({ bucket, endpoint, region, credentials, connections: 4 });
  const opened: CryptoBucket[] = [];
  t.after(async () => {
    await Promise.all([store.close(), ...opened.map((each) => each.close())]);
    await cloud.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const key = testKey();
  const rsa = (): RsaProvider => new RsaProvider({ keyPair: key });
  return Object.assign(trouble, {
    cloud, directory, requests, store, key, rsa,
    bucket: (more: Partial<CryptoBucketOptions> = {}) => {
      const made = new CryptoBucket({ bucket, endpoint, credentials, cryptoProvider: rsa(), temporaryDirectory: directory, ...SMALL, ...more });
      opened.push(made);
      return made;
    },
    kms: (more: Partial<ConstructorParameters<typeof KmsProvider>[0]> = {}) => new KmsProvider({ keyId, region, endpoint: kmsEndpoint, ...more }),
    raw: async (name: string) => {
      const { metadata, body } = await store.get(name);
      return { key: name, metadata, body: await buffer(body) };
    },
    path: (name: string) => join(directory, name),
  });
}
