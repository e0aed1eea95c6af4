import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type OSS from 'ali-oss';
import { Crc64 } from '../../src/crypto/crc64.js';
import { startLocalCloud } from '../../src/local/cloud.js';
import { requestV4, type Request } from './sign.js';
import { aliOss, raw, refusal, startCloud } from './support.js';

const PART = 300 * 1024;

interface Multipart {
  initMultipartUpload(key: string, options?: object): Promise<{ uploadId: string }>;
  uploadPart(key: string, uploadId: string, number: number, body: Buffer, start: number, end: number, options?: object): Promise<{ etag: string; res: { headers: Record<string, string> } }>;
  completeMultipartUpload(key: string, uploadId: string, parts: { number: number; etag: string }[], options?: object): Promise<{ etag: string; res: { headers: Record<string, string> } }>;
  listParts(key: string, uploadId: string, query?: object): Promise<{ parts: unknown; isTruncated: string; nextPartNumberMarker: string }>;
  listUploads(query: object): Promise<{ uploads: { name: string; uploadId: string }[]; isTruncated: boolean; nextKeyMarker: string; nextUploadIdMarker: string }>;
  abortMultipartUpload(key: string, uploadId: string): Promise<unknown>;
}

async function started(test: TestContext, options: { minPartBytes?: number } = {}) {
  const running = await startCloud(test, options);
  const client = aliOss(running.cloud);
  const multipart = client as unknown as Multipart;
  const part = async (key: string, id: string, number: number, sent: Buffer | { body: Buffer; headers: object }) => {
    const { body, ...options } = Buffer.isBuffer(sent) ? { body: sent } : sent;
    const { etag } = await multipart.uploadPart(key, id, number, body, 0, body.length, options);
    return { number, etag };
  };
  return { ...running, client, multipart, part };
}

async function content(client: OSS, key: string, range?: string): Promise<Buffer> {
  const result = (await client.get(key, range === undefined ? {} : { headers: { range } })) as { content: Buffer };
  return result.content;
}

describe('multipart uploads', () => {
  it('joins parts that came in any order, the last upload of each, under the checksums of the whole', async (test) => {
    const { client, multipart, part } = await started(test);
    const bodies = [1, 2, 3].map((value) => Buffer.alloc(value === 3 ? 77 : PART, value));
    const { uploadId } = await multipart.initMultipartUpload('big/k.bin', { headers: { 'x-oss-meta-a': 'b' }, mime: 'text/x-big' });
    assert.equal(await refusal(client.head('big/k.bin')), '404 NoSuchKey');
    await part('big/k.bin', uploadId, 1, Buffer.alloc(PART, 99));
    const parts = [];
    for (const number of [3, 1, 2]) {
      parts.push(await part('big/k.bin', uploadId, number, bodies[number - 1] ?? Buffer.alloc(0)));
    }
    const done = await multipart.completeMultipartUpload('big/k.bin', uploadId, parts.sort((a, b) => a.number - b.number));
    const whole = Buffer.concat(bodies);
    assert.equal(done.res.headers['x-oss-hash-crc64ecma'], String(Crc64.create().digestOf(whole)));
    assert.match(done.etag, /^"[0-9A-F]{32}-3"$/u);
    assert.ok((await content(client, 'big/k.bin')).equals(whole));
    assert.ok((await content(client, 'big/k.bin', `bytes=${PART - 3}-${2 * PART + 4}`)).equals(whole.subarray(PART - 3, 2 * PART + 5)));
    const head = await client.head('big/k.bin');
    assert.deepEqual(head.meta, { a: 'b' });
    assert.equal((head.res as { headers: Record<string, string> }).headers['content-type'], 'text/x-big');
    assert.equal(await refusal(multipart.listParts('big/k.bin', uploadId)), '404 NoSuchUpload');
    await client.copy('copy', 'big/k.bin');
    await client.delete('big/k.bin');
    assert.ok((await content(client, 'copy')).equals(whole));
  });

  it('completes with some of the parts and frees the others', async (test) => {
    const { cloud, client, multipart, part, dataDirectory } = await started(test);
    const { uploadId } = await multipart.initMultipartUpload('k');
    const parts = [await part('k', uploadId, 1, Buffer.from('a'.repeat(20))), await part('k', uploadId, 5, Buffer.from('b'.repeat(20))), await part('k', uploadId, 9, Buffer.from('c'))];
    await multipart.completeMultipartUpload('k', uploadId, [0, 2].flatMap((at) => parts[at] ?? []));
    assert.equal((await content(client, 'k')).toString(), `${'a'.repeat(20)}c`);
    await cloud.close();
    assert.equal(readdirSync(join(dataDirectory, 'buckets/b-1/uploads', uploadId)).length, 2);
  });

  it('refuses wrong lists of parts and keeps the upload', async (test) => {
    const { multipart, part, client, cloud } = await started(test, { minPartBytes: 100 });
    const { uploadId } = await multipart.initMultipartUpload('k');
    const [one, two, small] = [await part('k', uploadId, 1, Buffer.alloc(100)), await part('k', uploadId, 2, Buffer.alloc(200)), await part('k', uploadId, 3, Buffer.alloc(99))];
    const complete = (parts: typeof one[], options = {}) => refusal(multipart.completeMultipartUpload('k', uploadId, parts, options));
    assert.equal(await complete([{ number: 1, etag: '"0123456789ABCDEF0123456789ABCDEF"' }]), '400 InvalidPart');
    assert.equal(await complete([one, { number: 4, etag: two.etag }]), '400 InvalidPart');
    assert.equal(await complete([one, small, { number: 4, etag: two.etag }]), '400 EntityTooSmall');
    const xml = (body: string): Request => ({ method: 'POST', bucket: 'b-1', key: 'k', query: [['uploadId', uploadId]], body });
    const send = async (body: string) => /<Code>(\w+)</u.exec((await raw(cloud.oss.endpoint, requestV4(xml(body), cloud))).body)?.[1];
    const element = ({ number, etag }: typeof one) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`;
    assert.equal(await send(`<CompleteMultipartUpload>${element(two)}${element(one)}</CompleteMultipartUpload>`), 'InvalidPartOrder');
    assert.equal(await send('<CompleteMultipartUpload></CompleteMultipartUpload>'), 'MalformedXML');
    assert.equal(await send('no xml'), 'MalformedXML');
    await client.put('k', Buffer.from('in the way'));
    assert.equal(await complete([one, two, small], { headers: { 'x-oss-forbid-overwrite': 'true' } }), '409 FileAlreadyExists');
    assert.equal((await content(client, 'k')).toString(), 'in the way');
    assert.equal(await complete([one, two, small]), 'no refusal');
    assert.equal(await refusal(multipart.initMultipartUpload('k', { headers: { 'x-oss-forbid-overwrite': 'true' } })), '409 FileAlreadyExists');
  });

  it('refuses parts of unknown uploads, wrong numbers and wrong digests', async (test) => {
    const { multipart, part } = await started(test);
    const { uploadId } = await multipart.initMultipartUpload('k');
    assert.equal(await refusal(part('other', uploadId, 1, Buffer.alloc(20))), '404 NoSuchUpload');
    assert.equal(await refusal(part('k', 'FFFF', 1, Buffer.alloc(20))), '404 NoSuchUpload');
    assert.equal(await refusal(part('k', '../..', 1, Buffer.alloc(20))), '404 NoSuchUpload');
    for (const number of [0, 10_001]) {
      assert.equal(await refusal(part('k', uploadId, number, Buffer.alloc(20))), '400 InvalidArgument');
    }
    const md5 = createHash('md5').update('other').digest('base64');
    assert.equal(await refusal(part('k', uploadId, 1, { body: Buffer.alloc(20), headers: { 'Content-MD5': md5 } })), '400 InvalidDigest');
    await part('k', uploadId, 10_000, Buffer.alloc(20));
  });

  it('lists parts page by page', async (test) => {
    const { multipart, part } = await started(test);
    const { uploadId } = await multipart.initMultipartUpload('k');
    for (const number of [7, 1, 300]) {
      await part('k', uploadId, number, Buffer.alloc(20 + number));
    }
    const first = await multipart.listParts('k', uploadId, { 'max-parts': 2 });
    assert.deepEqual((first.parts as { PartNumber: string; Size: string }[]).map(({ PartNumber, Size }) => [PartNumber, Size]), [['1', '21'], ['7', '27']]);
    assert.equal(first.isTruncated, 'true');
    const second = await multipart.listParts('k', uploadId, { 'max-parts': 2, 'part-number-marker': first.nextPartNumberMarker });
    assert.equal((second.parts as { PartNumber: string }).PartNumber, '300');
    assert.equal(second.isTruncated, 'false');
  });

  it('lists and aborts uploads, and forgets none over a restart', async (test) => {
    const { multipart, part, cloud, dataDirectory } = await started(test);
    const ids = [];
    for (const key of ['p/b', 'p/a', 'p/a', 'q', 'p/日\n']) {
      ids.push((await multipart.initMultipartUpload(key)).uploadId);
    }
    const [kept = '', gone = ''] = ids;
    const before = await part('p/b', kept, 2, Buffer.alloc(PART, 5));
    await part('p/a', gone, 1, Buffer.alloc(20));
    await multipart.abortMultipartUpload('p/a', gone);
    assert.equal(await refusal(multipart.abortMultipartUpload('p/a', gone)), '404 NoSuchUpload');
    await cloud.close();
    const again = await startLocalCloud({ dataDirectory, bucket: 'b-1', minPartBytes: 16 });
    test.after(() => again.close());
    const client = aliOss(again) as unknown as Multipart;
    const first = await client.listUploads({ prefix: 'p/', 'max-uploads': 2 });
    assert.deepEqual(first.uploads.map(({ name }) => name), ['p/a', 'p/b']);
    const second = await client.listUploads({ prefix: 'p/', 'max-uploads': 2, 'key-marker': first.nextKeyMarker, 'upload-id-marker': first.nextUploadIdMarker });
    assert.deepEqual(second.uploads.map(({ name }) => name), ['p/日\n']);
    const { parts } = await client.listParts('p/b', kept);
    assert.equal((parts as { ETag: string }).ETag, before.etag);
    await client.completeMultipartUpload('p/b', kept, [before]);
    assert.equal(readdirSync(join(dataDirectory, 'buckets/b-1/uploads')).length, 4);
  });

  it('checks what client-encrypted uploads repeat on every part', async (test) => {
    const { multipart, part } = await started(test);
    const prefix = 'x-oss-meta-client-side-encryption-';
    const headers = (sizes: Record<string, string>) =>
      Object.fromEntries(Object.entries({ key: 'k', start: 's', 'cek-alg': 'c', 'wrap-alg': 'w', ...sizes }).map(([name, value]) => [prefix + name, value]));
    assert.equal(await refusal(multipart.initMultipartUpload('k', { headers: headers({ 'data-size': '40' }) })), '400 InvalidArgument');
    assert.equal(await refusal(multipart.initMultipartUpload('k', { headers: headers({ 'data-size': '40.5', 'part-size': '32' }) })), '400 InvalidArgument');
    const good = headers({ 'data-size': '40', 'part-size': '32' });
    const { uploadId } = await multipart.initMultipartUpload('k', { headers: { ...good } });
    assert.equal(await refusal(part('k', uploadId, 1, Buffer.alloc(32))), '400 InvalidArgument');
    assert.equal(await refusal(part('k', uploadId, 1, { body: Buffer.alloc(32), headers: { ...good, [`${prefix}start`]: 'other' } })), '400 InvalidArgument');
    const one = await part('k', uploadId, 1, { body: Buffer.alloc(32), headers: { ...good } });
    assert.equal(await refusal(multipart.completeMultipartUpload('k', uploadId, [one])), '400 InvalidArgument');
    const two = await part('k', uploadId, 2, { body: Buffer.alloc(8), headers: { ...good } });
    await multipart.completeMultipartUpload('k', uploadId, [one, two]);
  });
});
