import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import { KiB } from '../../src/limits.js';
import { startLocalCloud } from '../../src/local/cloud.js';
import type { Fault, LocalCloud, RequestRecord } from '../../src/local/cloud.js';
import { createOssStore } from '../../src/store/oss.js';
import type { OssConfig } from '../../src/store/oss.js';
import { RETRY_POLICY, withRetry } from '../../src/store/retry.js';
import type { ObjectStore } from '../../src/store/store.js';
import { listingContract, storeContract } from './contract.js';

const directory = mkdtempSync(join(tmpdir(), 'sealift-store-'));
const faults = new Map<number, Fault>();
let cloud: LocalCloud;
const seen: RequestRecord[] = [];
let requests = 0;

before(async () => {
  cloud = await startLocalCloud({ dataDirectory: directory, bucket: 'first', faults: () => faults.get(++requests), log: (record) => seen.push(record) });
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

describe('a part whose connection is reset', () => {
  it('is sent again, the same to the last byte, wherever it broke', async () => {
    const store = withRetry(await createOssStore(configOf('first')), RETRY_POLICY, { sleep: () => Promise.resolve() });
    const body = randomBytes(512 * KiB);
    const crc64 = Crc64.create().digestOf(body);
    const uploadId = await store.initiateUpload('reset', { metadata: {} });
    for (let afterBytes = 0; afterBytes < body.length; afterBytes += 64 * KiB) {
      seen.length = 0;
      requests = 0;
      faults.set(1, { kind: 'reset', afterBytes });
      await store.uploadPart({ key: 'reset', uploadId, number: 1 }, body, { crc64 });
      const [broken, whole] = seen;
      assert.deepEqual([seen.length, broken?.fault, whole?.fault, whole?.bytes], [2, 'reset', undefined, body.length]);
      assert.deepEqual(broken?.prefixSha256, whole?.prefixSha256.slice(0, broken?.prefixSha256.length));
    }
    faults.clear();
    await store.close();
  });
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
