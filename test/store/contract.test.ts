import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startLocalCloud } from '../../src/local/cloud.js';
import type { Fault, LocalCloud } from '../../src/local/cloud.js';
import { createOssStore } from '../../src/store/oss.js';
import type { OssConfig } from '../../src/store/oss.js';
import { RETRY_POLICY, withRetry } from '../../src/store/retry.js';
import type { ObjectStore } from '../../src/store/store.js';
import { listingContract, storeContract } from './contract.js';

const directory = mkdtempSync(join(tmpdir(), 'sealift-store-'));
const faults = new Map<number, Fault>();
let cloud: LocalCloud;
let requests = 0;

before(async () => {
  cloud = await startLocalCloud({ dataDirectory: directory, bucket: 'first', faults: () => faults.get(++requests) });
});
after(async () => {
  await cloud.close();
  rmSync(directory, { recursive: true });
});

function configOf(bucket: string, rest: Partial<OssConfig> = {}): OssConfig {
  const { accessKeyId, accessKeySecret, oss } = cloud;
  return { bucket, region: oss.region, endpoint: oss.endpoint, credentials: { accessKeyId, accessKeySecret }, connections: 8, ...rest };
}

describe('OSS over ali-oss', () => {
  let store: ObjectStore;
  before(async () => {
    store = await createOssStore(configOf('first'));
  });
  after(() => store.close());

  storeContract(() => store);
  listingContract(() => store);
});

describe('OSS over ali-oss, with retries', () => {
  let store: ObjectStore;
  before(async () => {
    await cloud.createBucket('second');
    store = withRetry(await createOssStore(configOf('second')), RETRY_POLICY, { sleep: () => Promise.resolve() });
  });
  after(() => store.close());

  storeContract(() => store);

  const passing: Fault[] = [
    { kind: 'answer', status: 503, code: 'SlowDown', headers: { 'retry-after': '1' } },
    { kind: 'reset', afterBytes: 3 },
    { kind: 'lose-answer' },
    { kind: 'wrong-checksums', crc64: '1' },
  ];
  for (const fault of passing) {
    it(`puts through ${fault.kind}`, async () => {
      requests = 0;
      faults.set(1, fault).set(2, fault);
      const body = Buffer.from('through');
      await store.put('through', body, { metadata: {}, crc64: 0x4527_c3e9_9aec_db31n });
      assert.equal(requests, 3);
      faults.clear();
    });
  }
});

describe('the embedded cloud and the store', () => {
  it('agree about who may enter', async () => {
    const wrong: [Partial<OssConfig>, string, RegExp][] = [
      [{ credentials: { accessKeyId: 'nobody', accessKeySecret: 'x' } }, 'access-denied', /InvalidAccessKeyId/],
      [{ credentials: { accessKeyId: cloud.accessKeyId, accessKeySecret: 'x' } }, 'access-denied', /SignatureDoesNotMatch/],
      [{ bucket: 'no-such-bucket' }, 'bucket-missing', /NoSuchBucket/],
    ];
    for (const [change, code, message] of wrong) {
      const store = await createOssStore(configOf('first', change));
      await assert.rejects(store.list(''), { code, message });
      await assert.rejects(store.head('k'), { code, message });
      await assert.rejects(store.get('k'), { code, message });
      await store.close();
    }
  });

  it('agree about temporary credentials', async () => {
    const { accessKeyId, accessKeySecret, securityToken } = cloud.issueCredentials(60_000);
    const store = await createOssStore(configOf('first', { credentials: { accessKeyId, accessKeySecret, securityToken } }));
    await store.list('');
    cloud.expireCredentials(accessKeyId);
    await assert.rejects(store.list(''), { code: 'credentials-expired' });
    await store.close();
  });

  it('agree about a region that was forgotten', async () => {
    const store = await createOssStore(configOf('first', { region: 'cn-beijing' }));
    await assert.rejects(store.list(''), (error: Error & { remedy?: string }) => error.remedy?.includes('region') === true);
    await store.close();
  });
});
