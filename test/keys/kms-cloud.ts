import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach } from 'node:test';
import type { KmsKey } from '../../src/keys/kms.js';
import { MAX_KMS_QPS } from '../../src/limits.js';
import { startLocalCloud, type FaultPlan, type LocalCloud, type RequestRecord } from '../../src/local/cloud.js';

/** The embedded KMS, for all tests of a file. */
export interface KmsCloud {
  readonly cloud: LocalCloud;
  /** Of the test that runs. */
  records: RequestRecord[];
  /** Of the test that runs: none unless it sets one. */
  faults: FaultPlan;
  /** Its default key, asked as often as anybody likes. */
  readonly key: (details?: Partial<KmsKey>) => KmsKey & Required<Pick<KmsKey, 'credentials'>>;
}

/** Call it once, outside of every test. */
export function kmsCloud(): KmsCloud {
  let folder = '';
  let cloud: LocalCloud | undefined;
  const none: FaultPlan = () => undefined;
  const embedded: KmsCloud = {
    records: [],
    faults: none,
    get cloud() {
      if (cloud === undefined) {
        throw new Error('the cloud runs while tests do');
      }
      return cloud;
    },
    key: (details = {}) => {
      const { accessKeyId, accessKeySecret, kms } = embedded.cloud;
      return { keyId: kms.keyId, endpoint: kms.endpoint, region: 'cn-hangzhou', credentials: { accessKeyId, accessKeySecret }, callsPerSecond: MAX_KMS_QPS, ...details };
    },
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealift-kms-'));
    cloud = await startLocalCloud({ dataDirectory: folder, log: (record) => embedded.records.push(record), faults: (request) => embedded.faults(request) });
  });
  beforeEach(() => {
    embedded.records = [];
    embedded.faults = none;
  });
  after(async () => {
    await cloud?.close();
    await rm(folder, { recursive: true, force: true });
  });
  return embedded;
}
