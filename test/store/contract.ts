import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { it } from 'node:test';
import { Crc64, joinCrc64 } from '../../src/crypto/crc64.js';
import { KiB } from '../../src/limits.js';
import type { ListedObject, ObjectStore, UploadedPart } from '../../src/store/store.js';

const NAMES = [
  'n/a', 'n/A', 'n/a b+c', 'n/a%20b', 'n/%2F', 'n/日本', 'n/e\u0301', 'n/\u00e9', 'n/..', 'n/a//b', "n/!'()*~", 'n/a?b#c&d=e', 'n/a\tb', 'n/a\nb',
  `n/${'x'.repeat(1021)}`, 'n/\u{1F680}', 'n/<&>"',
];

/** What every ObjectStore must do, run against an empty bucket. `store` is asked for once per test. */
export function storeContract(store: () => ObjectStore): void {
  const metadata = { 'x-oss-meta-a': 'b', 'x-oss-meta-key': 'QUJD+/==', 'x-oss-meta-sealift-name': 'a%20b' };
  const put = async (key: string, body: Uint8Array, options: { forbidOverwrite?: boolean } = {}): ReturnType<ObjectStore['put']> =>
    store().put(key, body, { metadata, crc64: crcOf(body), ...options });

  for (const size of [0, 1, 4096, 300_000]) {
    it(`gives back ${size} bytes as they were put`, async () => {
      const body = randomBytes(size);
      const stored = await put('sizes/k', body);
      assert.equal(stored.etag.toLowerCase(), createHash('md5').update(body).digest('hex'));
      const got = await store().get('sizes/k');
      assert.deepEqual([got.sizeBytes, got.contentBytes, got.etag, got.crc64], [size, size, stored.etag, crcOf(body)]);
      assert.deepEqual(got.metadata, metadata);
      assert.ok((await buffer(got.body)).equals(body));
      const head = await store().head('sizes/k');
      assert.deepEqual([head.sizeBytes, head.etag, head.crc64, head.metadata], [size, stored.etag, crcOf(body), metadata]);
      assert.ok(!Number.isNaN(Date.parse(head.lastModified ?? '')));
    });
  }

  it('keeps names apart, byte for byte', async () => {
    for (const key of NAMES) {
      await put(key, Buffer.from(key));
    }
    for (const key of NAMES) {
      assert.equal((await buffer((await store().get(key)).body)).toString(), key);
    }
    const listed = await listAll(store(), 'n/');
    assert.deepEqual(listed.map((object) => object.key), [...NAMES].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('refuses a body that is not the one that was meant', async () => {
    await assert.rejects(store().put('bad', Buffer.from('x'), { metadata: {}, crc64: 1n }), { code: 'checksum-mismatch' });
  });

  it('guards an object that exists', async () => {
    const first = await put('guarded', Buffer.from('1'), { forbidOverwrite: true });
    await assert.rejects(put('guarded', Buffer.from('2'), { forbidOverwrite: true }), { code: 'exists' });
    assert.equal((await store().head('guarded')).etag, first.etag);
    await put('guarded', Buffer.from('2'));
    assert.notEqual((await store().head('guarded')).etag, first.etag);
  });

  it('says that there is no such object', async () => {
    await assert.rejects(store().head('none'), { code: 'not-found' });
    await assert.rejects(store().get('none'), { code: 'not-found' });
    await store().delete('none');
  });

  it('deletes', async () => {
    await put('gone', Buffer.from('1'));
    await store().delete('gone');
    await assert.rejects(store().head('gone'), { code: 'not-found' });
  });

  it('gives ranges, and only of the object that was meant', async () => {
    const body = randomBytes(1000);
    const { etag } = await put('ranged', body);
    for (const [start, end] of [[0, 1], [999, 1000], [100, 200], [0, 1000], [990, 5000]] as const) {
      const got = await store().get('ranged', { range: { start, end }, ifMatch: etag });
      assert.deepEqual([got.sizeBytes, got.contentBytes], [1000, Math.min(end, 1000) - start]);
      assert.ok((await buffer(got.body)).equals(body.subarray(start, end)));
    }
    await assert.rejects(store().get('ranged', { range: { start: 1000, end: 1001 } }), { name: 'StoreError', retryable: false });
    await put('ranged', Buffer.from('other'));
    await assert.rejects(store().get('ranged', { ifMatch: etag }), { code: 'replaced' });
  });

  it('replaces metadata where the object stands, whatever its name', async () => {
    for (const key of NAMES) {
      await put(key, Buffer.from(key));
    }
    for (const key of NAMES) {
      const head = await store().head(key);
      const replaced = await store().replaceMetadata(key, { metadata: { 'x-oss-meta-new': key.length.toString() }, head });
      const is = await store().head(key);
      assert.deepEqual([is.metadata, is.sizeBytes, is.crc64], [{ 'x-oss-meta-new': key.length.toString() }, head.sizeBytes, head.crc64], key);
      assert.deepEqual([replaced.etag, is.kept, is.storageClass], [is.etag, head.kept, head.storageClass], key);
      assert.equal((await buffer((await store().get(key)).body)).toString(), key);
    }
  });

  it('replaces metadata of nothing but the object that was meant', async () => {
    await put('meant', Buffer.from('1'));
    const head = await store().head('meant');
    await put('meant', Buffer.from('2'));
    await assert.rejects(store().replaceMetadata('meant', { metadata: {}, head }), { name: 'StoreError', code: 'replaced', status: 412 });
    assert.deepEqual((await store().head('meant')).metadata, metadata);
    await store().delete('meant');
    await assert.rejects(store().replaceMetadata('meant', { metadata: {}, head }), { code: 'not-found' });
  });

  it('puts an object together from parts, in any order and with any retry', async () => {
    const pieces = [randomBytes(100 * KiB), randomBytes(150 * KiB), randomBytes(7)];
    const upload = { key: 'parts/a b', uploadId: await store().initiateUpload('parts/a b', { metadata }) };
    assert.deepEqual(await store().listParts(upload.key, upload.uploadId), []);
    const send = async (number: number, body: Uint8Array): Promise<UploadedPart> => store().uploadPart({ ...upload, number }, body, { crc64: crcOf(body) });
    const third = await send(3, pieces[2] ?? assert.fail());
    assert.deepEqual(await store().listParts(upload.key, upload.uploadId), [third]);
    await send(1, randomBytes(10));
    const first = await send(1, pieces[0] ?? assert.fail());
    const second = await send(2, pieces[1] ?? assert.fail());
    assert.deepEqual(await store().listParts(upload.key, upload.uploadId), [first, second, third]);
    assert.deepEqual((await store().listUploads('parts/')).map(({ key, uploadId }) => ({ key, uploadId })), [upload]);
    const crc64 = joinCrc64(pieces.map((piece) => ({ crc64: crcOf(piece), bytes: piece.length })));
    const stored = await store().completeUpload(upload, [third, first, second], { crc64 });
    const got = await store().get(upload.key);
    assert.ok((await buffer(got.body)).equals(Buffer.concat(pieces)));
    assert.deepEqual([got.etag, got.metadata], [stored.etag, metadata]);
    await store().replaceMetadata(upload.key, { metadata: { 'x-oss-meta-new': '1' }, head: got });
    const again = await store().get(upload.key);
    assert.ok((await buffer(again.body)).equals(Buffer.concat(pieces)));
    assert.deepEqual([again.crc64, again.metadata], [got.crc64, { 'x-oss-meta-new': '1' }]);
    assert.deepEqual(await store().listUploads('parts/'), []);
  });

  it('guards an object against an upload in parts', async () => {
    await put('parts/guarded', Buffer.from('1'));
    const { uploadId, parts } = await startUpload(store(), 'parts/guarded');
    await assert.rejects(store().completeUpload({ key: 'parts/guarded', uploadId }, parts, { forbidOverwrite: true }), { code: 'exists' });
    await store().abortUpload('parts/guarded', uploadId);
  });

  it('forgets an aborted upload', async () => {
    const { uploadId, parts } = await startUpload(store(), 'aborted');
    await store().abortUpload('aborted', uploadId);
    await store().abortUpload('aborted', uploadId);
    await assert.rejects(store().listParts('aborted', uploadId), { code: 'not-found' });
    await assert.rejects(store().completeUpload({ key: 'aborted', uploadId }, parts), { code: 'not-found' });
    await assert.rejects(store().head('aborted'), { code: 'not-found' });
  });

  it('sends nothing once it is told to stop', async () => {
    await assert.rejects(store().put('stopped', Buffer.from('1'), { metadata: {}, crc64: 0n, signal: AbortSignal.abort() }), { code: 'interrupted' });
    await assert.rejects(store().head('stopped'), { code: 'not-found' });
  });
}

/** The part of the contract that needs more than a thousand objects. */
export function listingContract(store: () => ObjectStore): void {
  it('lists beyond one page', async () => {
    const keys = Array.from({ length: 1003 }, (_value, index) => `many/${String(index).padStart(5, '0')} ü`);
    const empty = crcOf(Buffer.alloc(0));
    for (let start = 0; start < keys.length; start += 50) {
      await Promise.all(keys.slice(start, start + 50).map((key) => store().put(key, Buffer.alloc(0), { metadata: {}, crc64: empty })));
    }
    const first = await store().list('many/');
    assert.equal(first.objects.length, 1000);
    assert.deepEqual((await listAll(store(), 'many/')).map((object) => object.key), keys);
    assert.deepEqual(await store().list('many/9'), { objects: [], nextToken: undefined });
  });
}

async function listAll(store: ObjectStore, prefix: string): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  let token: string | undefined;
  do {
    const page = await store.list(prefix, token);
    objects.push(...page.objects);
    token = page.nextToken;
  } while (token !== undefined);
  return objects;
}

async function startUpload(store: ObjectStore, key: string): Promise<{ uploadId: string; parts: UploadedPart[] }> {
  const uploadId = await store.initiateUpload(key, { metadata: {} });
  const body = Buffer.from('part');
  const part = await store.uploadPart({ key, uploadId, number: 1 }, body, { crc64: crcOf(body) });
  return { uploadId, parts: [part] };
}

function crcOf(body: Uint8Array): bigint {
  return Crc64.create().digestOf(body);
}
