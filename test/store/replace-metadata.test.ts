import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import type { Fault } from '../../src/local/cloud.js';
import { createOssStore } from '../../src/store/oss.js';
import { RETRY_POLICY, withRetry } from '../../src/store/retry.js';
import type { ObjectHead, ObjectStore } from '../../src/store/store.js';
import { aliOss, startCloud } from '../local/support.js';
import { answer, errorDocument, withServer } from './raw-server.js';

const BODY = Buffer.from('a body');
const CRC = Crc64.create().digestOf(BODY);
const NEW = { 'x-oss-meta-new': '1' };

/** A bucket with one object, whose requests meet these faults, one each. */
async function started(test: TestContext) {
  const faults: (Fault | undefined)[] = [];
  const { cloud, records } = await startCloud(test, { faults: () => faults.shift() });
  const { accessKeyId, accessKeySecret, oss } = cloud;
  const plain = await createOssStore({ bucket: 'b-1', region: oss.region, endpoint: oss.endpoint, credentials: { accessKeyId, accessKeySecret }, connections: 2 });
  test.after(() => plain.close());
  const store = withRetry(plain, RETRY_POLICY, { sleep: () => Promise.resolve() });
  await store.put('k', BODY, { metadata: { 'x-oss-meta-old': '1' }, crc64: CRC });
  return { plain, store, client: aliOss(cloud), records, faults, head: await store.head('k') };
}

const ANSWERS: readonly (readonly [string, Fault, object])[] = [
  ['archived', { kind: 'answer', status: 403, code: 'InvalidObjectState' }, { code: 'remote-refused', message: /the object is archived/, remedy: /Restore it first/ }],
  ['not permitted', { kind: 'answer', status: 403, code: 'AccessDenied' }, { code: 'access-denied', remedy: /Grant/ }],
  ['too large to be stored in another way', { kind: 'answer', status: 400, code: 'EntityTooLarge' }, { code: 'too-large' }],
];

describe('metadata replaced in place', () => {
  it('leaves every header and the class as they were', async (test) => {
    const { store, client } = await started(test);
    const kept = {
      'content-type': 'text/plain', 'cache-control': 'no-cache', 'content-disposition': 'attachment; filename="a b"', 'content-encoding': 'identity',
      'content-language': 'de', 'expires': 'Thu, 01 Jan 2026 00:01:00 GMT', 'x-oss-storage-class': 'IA', 'x-oss-server-side-encryption': 'KMS',
      'x-oss-server-side-data-encryption': 'SM4', 'x-oss-server-side-encryption-key-id': 'key-1',
    };
    await client.put('rich.html', BODY, { headers: { ...kept }, mime: kept['content-type'] });
    const before = await store.head('rich.html');
    assert.deepEqual(before.kept, kept);
    await store.replaceMetadata('rich.html', { metadata: NEW, head: before });
    const { lastModified, ...is } = await store.head('rich.html');
    assert.deepEqual({ ...is, lastModified: before.lastModified }, { ...before, metadata: NEW });
    assert.ok(Date.parse(lastModified ?? '') >= Date.parse(before.lastModified ?? ''));
  });

  it('gives an object no type of its own accord', async (test) => {
    const { store, head } = await started(test);
    assert.deepEqual(head.kept, { 'content-type': 'application/octet-stream', 'x-oss-storage-class': 'Standard' });
    await store.put('page.html', BODY, { metadata: {}, crc64: CRC });
    await store.replaceMetadata('page.html', { metadata: NEW, head: { ...head, kept: {} } });
    assert.equal((await store.head('page.html')).kept['content-type'], 'application/octet-stream');
  });

  it('passes where the answer was lost, for the object has kept its ETag', async (test) => {
    const { store, head, records, faults } = await started(test);
    const failures: string[] = [];
    faults.push({ kind: 'lose-answer' }, { kind: 'answer', status: 503 }, { kind: 'reset' });
    const replaced = await store.replaceMetadata('k', { metadata: NEW, head, onRetry: ({ code }) => failures.push(code) });
    assert.deepEqual(replaced, { etag: head.etag, crc64: CRC });
    assert.deepEqual(failures, Array(3).fill('remote-unavailable'));
    assert.deepEqual(records.slice(-4).map(({ operation }) => operation), Array(4).fill('CopyObject'));
    assert.deepEqual((await store.head('k')).metadata, NEW);
  });

  it('does not write over what somebody else put while the answer was lost', async (test) => {
    const { plain, head, faults } = await started(test);
    const other = Buffer.from('of somebody else');
    const putMeanwhile = async (): Promise<void> => {
      await plain.put('k', other, { metadata: {}, crc64: Crc64.create().digestOf(other) });
    };
    faults.push({ kind: 'lose-answer' });
    const store = withRetry(plain, RETRY_POLICY, { sleep: putMeanwhile });
    await assert.rejects(store.replaceMetadata('k', { metadata: NEW, head }), { code: 'replaced' });
    const is = await plain.head('k');
    assert.deepEqual([is.sizeBytes, is.metadata], [other.length, {}]);
  });

  it('fails when the server holds another body', async (test) => {
    const { store, head, faults } = await started(test);
    faults.push(...Array<Fault>(3).fill({ kind: 'wrong-checksums', crc64: '1' }));
    await assert.rejects(store.replaceMetadata('k', { metadata: NEW, head }), { name: 'StoreError', code: 'checksum-mismatch', message: /another CRC-64 than before/ });
    assert.equal(faults.length, 0);
  });

  for (const [what, fault, expected] of ANSWERS) {
    it(`says of an object that it is ${what}`, async (test) => {
      const { store, head, records, faults } = await started(test);
      faults.push(fault);
      await assert.rejects(store.replaceMetadata('k', { metadata: NEW, head }), { name: 'StoreError', retryable: false, object: 'oss://b-1/k', ...expected });
      assert.equal(records.filter(({ operation }) => operation === 'CopyObject').length, 1);
    });
  }

  it('is refused for what OSS itself guards', async (test) => {
    const { store } = await started(test);
    const metadata = Object.fromEntries(['key', 'start', 'cek-alg', 'wrap-alg'].map((name) => [`x-oss-meta-client-side-encryption-${name}`, 'QUJD']));
    await store.put('guarded', BODY, { metadata, crc64: CRC });
    const head = await store.head('guarded');
    const change = { metadata: { ...metadata, 'x-oss-meta-client-side-encryption-key': 'REVG' }, head };
    await assert.rejects(store.replaceMetadata('guarded', change), { code: 'remote-refused', retryable: false, message: /InvalidArgument, .*cannot be changed by CopyObject/ });
  });

  it('sends nothing once it is told to stop, and nothing that is no name or no metadata', async (test) => {
    const { store, head, records } = await started(test);
    const before = records.length;
    await assert.rejects(store.replaceMetadata('k', { metadata: NEW, head, signal: AbortSignal.abort() }), { code: 'interrupted' });
    for (const key of ['', '/a', '\ud800', 'x'.repeat(1025)]) {
      await assert.rejects(store.replaceMetadata(key, { metadata: NEW, head }), { name: 'StoreError' });
    }
    await assert.rejects(store.replaceMetadata('k', { metadata: { 'X-Oss-Meta-A': '1' }, head }), TypeError);
    assert.equal(records.length, before);
  });
});

describe('the request that replaces metadata', () => {
  const head: Pick<ObjectHead, 'etag' | 'crc64' | 'kept'> = { etag: 'AB-2', crc64: 5n, kept: { 'x-oss-storage-class': 'IA', 'content-type': 'text/plain' } };
  const replace = (store: ObjectStore) => store.replaceMetadata("a/b c+%?é'\n", { metadata: NEW, head });
  const document = '<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult><ETag>"CD-2"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyObjectResult>';

  it('has no body, and names the object twice', async () => {
    await withServer(() => answer(200, { 'x-oss-version-id': 'V1', 'x-oss-hash-crc64ecma': '5' }, document), async (store, { requests }) => {
      assert.deepEqual(await replace(store), { etag: 'CD-2', crc64: 5n, versionId: 'V1' });
      const [{ method, path, headers, body } = assert.fail()] = requests;
      const encoded = "b%20c%2B%25%3F%C3%A9'%0A";
      assert.deepEqual([method, path, body.length, headers['content-length']], ['PUT', `/b-1/a/${encoded}`, 0, '0']);
      const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => /^(?:x-oss-(?!date|content|security)|content-type)/.test(name)));
      assert.deepEqual(sent, {
        'content-type': 'text/plain', 'x-oss-storage-class': 'IA', 'x-oss-copy-source': `/b-1/a%2F${encoded}`, 'x-oss-copy-source-if-match': '"AB-2"',
        'x-oss-metadata-directive': 'REPLACE', 'x-oss-meta-new': '1',
      });
    });
  });

  it('is content with a server that computes no CRC-64', async () => {
    await withServer(() => answer(200, {}, document), async (store) => {
      assert.deepEqual(await replace(store), { etag: 'CD-2', crc64: undefined });
    });
  });

  it('takes a success only from a document that says so', async () => {
    for (const body of ['', '<html/>', errorDocument('InternalError'), '<CopyObjectResult/>', document.replace('"CD-2"', '')]) {
      await withServer(() => answer(200, {}, body), async (store) => {
        await assert.rejects(replace(store), { code: 'remote-unavailable', retryable: true }, body);
      });
    }
  });
});
