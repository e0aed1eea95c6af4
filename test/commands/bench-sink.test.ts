import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { startSink, type Server } from '../../src/commands/bench/processes.js';
import { Crc64 } from '../../src/crypto/crc64.js';

describe('the sink of benches', () => {
  let server: Server;
  let origin = '';
  before(async () => {
    server = await startSink({ etagMd5: true });
    origin = `http://127.0.0.1:${String(server.announced['port'])}`;
  });
  after(() => server.stop());

  const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(`${origin}${path}`, init);
  const md5 = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');

  it('keeps what it is sent, with metadata and checksums', async () => {
    const body = randomBytes(300_000);
    const put = await ask('/bucket/dir/one', { method: 'PUT', body, headers: { 'x-amz-meta-mtime': '5', 'X-Oss-Meta-A': 'b' } });
    assert.equal(put.headers.get('etag'), `"${md5(body)}"`);
    assert.equal(put.headers.get('x-oss-hash-crc64ecma'), Crc64.create().digestOf(body).toString());
    const got = await ask('/bucket/dir/one');
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), body);
    assert.deepEqual([got.headers.get('x-amz-meta-mtime'), got.headers.get('x-oss-meta-a')], ['5', 'b']);
    const part = await ask('/bucket/dir/one', { headers: { range: 'bytes=65000-200000' } });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), body.subarray(65_000, 200_001));
    const head = await ask('/bucket/dir/one', { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), '300000');
  });

  it('joins the parts of an upload by their numbers', async () => {
    const parts = [randomBytes(70_000), randomBytes(1), randomBytes(99_999)];
    const id = /<UploadId>(.+)<\/UploadId>/.exec(await (await ask('/bucket/dir/two?uploads', { method: 'POST' })).text())?.[1] ?? '';
    for (const number of [3, 1, 2]) {
      await ask(`/bucket/dir/two?partNumber=${number}&uploadId=${id}`, { method: 'PUT', body: parts[number - 1] ?? null });
    }
    const done = await ask(`/bucket/dir/two?uploadId=${id}`, { method: 'POST' });
    assert.equal(done.headers.get('x-oss-hash-crc64ecma'), Crc64.create().digestOf(Buffer.concat(parts)).toString());
    assert.match(await done.text(), new RegExp(`"${md5(Buffer.from(parts.map(md5).join(''), 'hex'))}-3"`));
    assert.deepEqual(Buffer.from(await (await ask('/bucket/dir/two')).arrayBuffer()), Buffer.concat(parts));
  });

  it('lists by pages and by directories, and forgets a prefix at once', async () => {
    await Promise.all(Array.from({ length: 1200 }, (_, index) => ask(`/bucket/many/${index % 2}/${index}`, { method: 'PUT', body: 'x' })));
    const keys: string[] = [];
    for (let token: string | undefined = ''; token !== undefined;) {
      const page: string = await (await ask(`/bucket?list-type=2&prefix=many/${token === '' ? '' : `&continuation-token=${token}`}`)).text();
      keys.push(...[...page.matchAll(/<Key>(.+?)<\/Key>/g)].map((match) => match[1] ?? ''));
      token = /<NextContinuationToken>(.+)<\/NextContinuationToken>/.exec(page)?.[1];
    }
    assert.equal(new Set(keys).size, 1200);
    const folders = await (await ask('/bucket?list-type=2&prefix=many/&delimiter=/')).text();
    assert.deepEqual([...folders.matchAll(/<Prefix>(.+?)<\/Prefix>/g)].map((match) => match[1]), ['many/0/', 'many/1/']);
    await ask('/bucket?prefix=many/', { method: 'DELETE' });
    assert.doesNotMatch(await (await ask('/bucket?prefix=many/')).text(), /<Key>/);
    assert.equal((await ask('/bucket/many/0/0')).status, 404);
  });

  it('swallows bodies when it is told to', async (t) => {
    const swallower = await startSink({ discard: true });
    t.after(() => swallower.stop());
    const place = `http://127.0.0.1:${String(swallower.announced['port'])}`;
    const body = randomBytes(5000);
    const put = await fetch(`${place}/bucket/one`, { method: 'PUT', body, headers: { 'x-bench-crc64': '12' } });
    assert.equal(put.headers.get('x-oss-hash-crc64ecma'), '12');
    assert.equal((await fetch(`${place}/bucket/one`)).status, 404);
    assert.deepEqual((await (await fetch(`${place}/?stats`)).json() as { puts: number }).puts, 1);
  });
});
