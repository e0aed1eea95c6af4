import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import type OSS from 'ali-oss';
import { Crc64 } from '../../src/crypto/crc64.js';
import type { LocalCloud } from '../../src/local/cloud.js';
import { requestV4, type Request } from './sign.js';
import { aliOss, raw, refusal, startCloud } from './support.js';

const MiB = 1024 * 1024;

/** Headers of an SDK answer, whatever the typings call them. */
function headersOf(result: { res: unknown }): Record<string, string> {
  return (result.res as { headers: Record<string, string> }).headers;
}

async function get(client: OSS, key: string, headers: Record<string, string> = {}) {
  const result = (await client.get(key, { headers })) as { content: Buffer; res: { status: number; headers: Record<string, string> } };
  return { content: result.content, status: result.res.status, headers: result.res.headers };
}

async function started(test: TestContext) {
  const running = await startCloud(test);
  return { ...running, client: aliOss(running.cloud), send: (request: Request) => raw(running.cloud.oss.endpoint, requestV4(request, running.cloud)) };
}

/** Files of objects that are too large for a pack. */
function dataFiles(dataDirectory: string): string[] {
  return readdirSync(join(dataDirectory, 'buckets/b-1/data'), { recursive: true }).map(String).filter((name) => name.includes('/'));
}

describe('objects', () => {
  it('gives back bytes, metadata and the checksums that OSS computes', async (test) => {
    const { client } = await started(test);
    const body = Buffer.from('123456789');
    const meta = { 'Mixed-Case': 'v', n: '5' } as unknown as OSS.UserMeta;
    const put = await client.put('m.bin', body, { meta, mime: 'text/x-test', headers: { 'x-oss-storage-class': 'IA' } });
    assert.equal(headersOf(put)['x-oss-hash-crc64ecma'], String(0x995dc9bbdf1939fan));
    assert.equal(headersOf(put)['etag'], `"${createHash('md5').update(body).digest('hex').toUpperCase()}"`);
    assert.match(headersOf(put)['x-oss-request-id'] ?? '', /^[0-9A-F]{24}$/u);
    const head = await client.head('m.bin');
    assert.deepEqual(head.meta, { 'mixed-case': 'v', n: '5' });
    const headers = headersOf(head);
    assert.equal(headers['content-length'], '9');
    assert.equal(headers['content-type'], 'text/x-test');
    assert.equal(headers['x-oss-storage-class'], 'IA');
    assert.equal(headers['x-oss-object-type'], 'Normal');
    assert.ok(Math.abs(Date.parse(headers['last-modified'] ?? '') - Date.now()) < 10_000);
    const plain = await (client as unknown as { getObjectMeta(key: string): Promise<{ res: unknown }> }).getObjectMeta('m.bin');
    assert.equal(headersOf(plain)['content-length'], '9');
    assert.equal(headersOf(plain)['x-oss-meta-n'], undefined);
    assert.deepEqual((await get(client, 'm.bin')).content, body);
  });

  it('keeps the class of an object, and lists it, also after a restart; there are five', async (test) => {
    const { client, send, cloud, dataDirectory } = await started(test);
    for (const name of ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive']) {
      await client.put(`o/${name}`, Buffer.from('x'), { headers: { 'x-oss-storage-class': name } });
      await client.put('o/last', Buffer.from('x'), { headers: { 'x-oss-storage-class': name } });
    }
    await client.put('o/none', Buffer.from('x'));
    const refused = await send({ method: 'PUT', bucket: 'b-1', key: 'o/other', body: 'x', headers: { 'x-oss-storage-class': 'Frozen' } });
    assert.equal(refused.status, 400);
    assert.match(refused.body, /<Code>InvalidArgument</u);
    const list = async (from: LocalCloud) => (await raw(from.oss.endpoint, requestV4({ method: 'GET', bucket: 'b-1', key: '', query: [['list-type', '2']] }, from))).body;
    const before = await list(cloud);
    await cloud.close();
    for (const body of [before, await list((await startCloud(test, { dataDirectory })).cloud)]) {
      assert.deepEqual(
        Array.from(body.matchAll(/<Key>o\/(.*?)<.*?<StorageClass>(.*?)</gu), ([, key, storageClass]) => [key, storageClass]),
        [['Archive', 'Archive'], ['ColdArchive', 'ColdArchive'], ['DeepColdArchive', 'DeepColdArchive'], ['IA', 'IA'], ['Standard', 'Standard'], ['last', 'DeepColdArchive'], ['none', 'Standard']],
      );
    }
  });

  it('stores bodies of every size and framing, small ones and streamed ones', async (test) => {
    const { client } = await started(test);
    const crc = Crc64.create();
    for (const size of [0, 1, 256 * 1024, 256 * 1024 + 1, 3 * MiB + 7]) {
      const body = Buffer.alloc(size, Math.floor(size / 7));
      const whole = await client.put('whole', body);
      const chunked = await client.putStream('chunked', Readable.from([body.subarray(0, size / 2), body.subarray(size / 2)]));
      for (const result of [whole, chunked]) {
        assert.equal(headersOf(result)['x-oss-hash-crc64ecma'], String(crc.digestOf(body)));
      }
      assert.ok((await get(client, 'whole')).content.equals(body));
      assert.ok((await get(client, 'chunked')).content.equals(body));
    }
  });

  it('answers ranges at every edge as OSS does', async (test) => {
    const { client, send } = await started(test);
    await client.put('ten', Buffer.from('0123456789'));
    const table: [range: string, standard: boolean, status: number, body: string][] = [
      ['bytes=0-0', false, 206, '0'],
      ['bytes=9-9', false, 206, '9'],
      ['bytes=2-5', false, 206, '2345'],
      ['bytes=7-', false, 206, '789'],
      ['bytes=-3', false, 206, '789'],
      ['bytes=0-9', false, 206, '0123456789'],
      ['bytes=5-99', false, 200, '0123456789'],
      ['bytes=5-99', true, 206, '56789'],
      ['bytes=10-', false, 200, '0123456789'],
      ['bytes=10-', true, 416, ''],
      ['bytes=5-2', false, 200, '0123456789'],
      ['bytes=0-1,3-4', false, 200, '0123456789'],
      ['bytes=-', false, 200, '0123456789'],
      ['lines=0-1', false, 200, '0123456789'],
    ];
    for (const [range, standard, status, body] of table) {
      const headers = { range, ...(standard ? { 'x-oss-range-behavior': 'standard' } : {}) };
      const answer = await send({ method: 'GET', bucket: 'b-1', key: 'ten', headers });
      assert.equal(answer.status, status, range);
      assert.equal(status === 416 ? '' : answer.body, body, range);
      const start = '0123456789'.indexOf(body);
      assert.equal(answer.headers.get('content-range'), status === 206 ? `bytes ${start}-${start + body.length - 1}/10` : undefined);
    }
    await client.put('none', Buffer.alloc(0));
    assert.equal((await send({ method: 'GET', bucket: 'b-1', key: 'none', headers: { range: 'bytes=0-0' } })).status, 200);
    const large = Buffer.from(Array.from({ length: MiB }, (_, at) => (at * 7) % 251));
    await client.put('large', large);
    assert.ok((await get(client, 'large', { range: `bytes=300000-${MiB - 2}` })).content.equals(large.subarray(300_000, MiB - 1)));
  });

  it('honours preconditions', async (test) => {
    const { client, send } = await started(test);
    const etag = headersOf(await client.put('k', Buffer.from('1')))['etag'] ?? '';
    const status = async (headers: Record<string, string>, method = 'GET') => (await send({ method, bucket: 'b-1', key: 'k', headers })).status;
    assert.equal(await status({ 'if-match': etag }), 200);
    assert.equal(await status({ 'if-match': '"0000"' }), 412);
    assert.equal(await status({ 'if-match': '"0000"' }, 'HEAD'), 412);
    assert.equal(await status({ 'if-none-match': etag }), 304);
    assert.equal(await status({ 'if-none-match': '*' }, 'HEAD'), 304);
    assert.equal(await status({ 'if-modified-since': new Date(Date.now() + 5000).toUTCString() }), 304);
    assert.equal(await status({ 'if-unmodified-since': new Date(0).toUTCString() }), 412);
  });

  it('says why on HEAD, where there is no body for it', async (test) => {
    const { client, send } = await started(test);
    assert.equal(await refusal(client.head('absent')), '404 NoSuchKey');
    const { body, headers } = await send({ method: 'HEAD', bucket: 'b-1', key: 'absent' });
    assert.equal(body, '');
    const xml = Buffer.from(headers.get('x-oss-err') ?? '', 'base64').toString();
    assert.match(xml, /<Code>NoSuchKey<\/Code>.*<RequestId>[0-9A-F]{24}<\/RequestId>.*<EC>0026-/su);
    assert.equal(await refusal(aliOss((await startCloud(test)).cloud, { bucket: 'b-2' }).get('k')), '404 NoSuchBucket');
  });

  it('refuses to overwrite when asked to, before and after the body', async (test) => {
    const { client } = await started(test);
    const guard = { headers: { 'x-oss-forbid-overwrite': 'true' } };
    const results = await Promise.all(Array.from({ length: 5 }, (_, at) => refusal(client.put('once', Buffer.alloc(MiB, at), guard))));
    assert.deepEqual(results.sort(), ['409 FileAlreadyExists', '409 FileAlreadyExists', '409 FileAlreadyExists', '409 FileAlreadyExists', 'no refusal']);
    await client.put('once', Buffer.from('replaced'));
    assert.equal(await refusal(client.put('once', Buffer.from('y'), guard)), '409 FileAlreadyExists');
    assert.equal((await get(client, 'once')).content.toString(), 'replaced');
  });

  it('checks Content-MD5, metadata and names', async (test) => {
    const { client, send, dataDirectory } = await started(test);
    const put = (key: string, headers: Record<string, string> = {}) => send({ method: 'PUT', bucket: 'b-1', key, headers, body: 'x' });
    const code = async (answer: ReturnType<typeof put>) => /<Code>(\w+)</u.exec((await answer).body)?.[1];
    assert.equal(await refusal(client.put('k', Buffer.alloc(MiB), { headers: { 'Content-MD5': createHash('md5').update('2').digest('base64') } })), '400 InvalidDigest');
    assert.equal(await code(put('k', { 'x-oss-meta-a': 'v'.repeat(8192 - 'x-oss-meta-a'.length) })), 'InvalidArgument');
    assert.equal(await code(put('k', { 'x-oss-meta-a': 'v'.repeat(8191 - 'x-oss-meta-a'.length) })), undefined);
    assert.equal(await code(put('k', { 'x-oss-meta-a_b': 'v' })), 'InvalidArgument');
    const giant = { method: 'PUT', bucket: 'b-1', key: 'k', headers: { 'content-length': String(5 * 1024 * MiB + 1), expect: '100-continue' } };
    assert.equal(/<Code>(\w+)</u.exec((await send(giant)).body)?.[1], 'EntityTooLarge');
    assert.equal(await code(put('/leading')), 'InvalidObjectName');
    assert.equal(await code(put('\\leading')), 'InvalidObjectName');
    assert.equal(await code(put('é'.repeat(512))), 'InvalidObjectName');
    assert.equal(await code(put('é'.repeat(511) + 'x')), undefined);
    const notUtf8 = requestV4({ method: 'PUT', bucket: 'b-1', key: 'k', target: '/b-1/%FF', body: 'x' }, { accessKeyId: 'a', accessKeySecret: 'b' });
    assert.equal(/<Code>(\w+)</u.exec((await raw((await startCloud(test)).cloud.oss.endpoint, notUtf8)).body)?.[1], 'InvalidObjectName');
    assert.deepEqual(dataFiles(dataDirectory), [], 'refused bodies leave nothing behind');
  });

  it('keeps hostile names apart', async (test) => {
    const { send } = await started(test);
    const names = ['..', '../../etc/passwd', '.', 'a/../b', 'a//b', 'a/', 'line\nbreak\ttab', 'nul\u0000', '%2e%2e', 'index.log', 'é'.repeat(511), 'é', 'e\u0301', '💥', 'CON'];
    for (const name of names) {
      assert.equal((await send({ method: 'PUT', bucket: 'b-1', key: name, body: `<${name}>` })).status, 200);
    }
    for (const name of names) {
      const { body } = await send({ method: 'GET', bucket: 'b-1', key: name });
      assert.equal(Buffer.from(body, 'latin1').toString(), `<${name}>`);
    }
  });

  it('deletes one and many, and an absent object without complaint', async (test) => {
    const { client, dataDirectory, cloud } = await started(test);
    for (const key of ['a', ' b&<c>\n', 'c', 'd']) {
      await client.put(key, Buffer.alloc(300_000));
    }
    await client.delete('a');
    await client.delete('a');
    const { deleted } = await client.deleteMulti([' b&<c>\n', 'c', 'never']);
    assert.equal(deleted?.length, 3);
    const { objects } = await client.listV2({}, {});
    assert.deepEqual(objects.map(({ name }) => name), ['d']);
    await cloud.close();
    assert.equal(dataFiles(dataDirectory).length, 1);
  });

  it('copies, with the metadata of the source or in its place', async (test) => {
    const { client } = await started(test);
    const put = await client.put('src +é', Buffer.from('payload'), { meta: { a: '1' } as unknown as OSS.UserMeta });
    await client.copy('same', 'src +é');
    assert.deepEqual((await client.head('same')).meta, { a: '1' });
    const match = { headers: { 'x-oss-copy-source-if-match': headersOf(put)['etag'] ?? '' }, meta: { b: '2' } as unknown as OSS.UserMeta };
    await client.copy('src +é', 'src +é', match);
    assert.deepEqual((await client.head('src +é')).meta, { b: '2' });
    assert.equal((await get(client, 'src +é')).content.toString(), 'payload');
    await client.delete('src +é');
    assert.equal((await get(client, 'same')).content.toString(), 'payload');
    assert.equal(await refusal(client.copy('x', 'same', { headers: { 'x-oss-copy-source-if-match': 'nope' } })), '412 PreconditionFailed');
    assert.equal(await refusal(client.copy('x', 'absent')), '404 NoSuchKey');
    assert.equal(await refusal(client.copy('same', 'same', { headers: { 'x-oss-forbid-overwrite': 'true' } })), '409 FileAlreadyExists');
  });

  it('checks the headers of client-encrypted objects', async (test) => {
    const { client } = await started(test);
    const prefix = 'x-oss-meta-client-side-encryption-';
    const headers = Object.fromEntries(['key', 'start', 'cek-alg', 'wrap-alg'].map((name) => [prefix + name, 'QUJD']));
    await client.put('sealed', Buffer.from('x'), { headers: { ...headers } });
    for (const name of Object.keys(headers)) {
      const rest = Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name));
      assert.equal(await refusal(client.put('k', Buffer.from('x'), { headers: rest })), '400 InvalidArgument');
    }
    assert.equal(await refusal(client.copy('k', 'sealed', { headers: { 'x-oss-metadata-directive': 'REPLACE' } })), '400 InvalidArgument');
    await client.copy('k', 'sealed', { headers: { 'x-oss-metadata-directive': 'COPY' } });
  });

  it('answers Expect: 100-continue, and refuses before the body is sent', async (test) => {
    const { cloud } = await started(test);
    const { port } = new URL(cloud.oss.endpoint);
    const first = async (request: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      const [head, body] = request.split('\r\n\r\n');
      socket.write(`${String(head)}\r\n\r\n`);
      let heard = '';
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        heard += chunk.toString();
        if (heard === 'HTTP/1.1 100 Continue\r\n\r\n') {
          socket.write(String(body));
        }
      }
      return heard;
    };
    const request = (secret: string) => requestV4({ method: 'PUT', bucket: 'b-1', key: 'k', headers: { expect: '100-continue' }, body: 'hello' }, { ...cloud, accessKeySecret: secret });
    assert.match(await first(request(cloud.accessKeySecret)), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /u);
    assert.match(await first(request('wrong')), /^HTTP\/1.1 403 /u);
  });

  it('lets an upload that breaks off leave nothing', async (test) => {
    const { cloud, nextRecord, dataDirectory, client } = await started(test);
    await client.put('k', Buffer.from('before'));
    const whole = requestV4({ method: 'PUT', bucket: 'b-1', key: 'k', body: 'x'.repeat(2 * MiB) }, cloud);
    const logged = nextRecord();
    const { port } = new URL(cloud.oss.endpoint);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(whole.slice(0, MiB), () => socket.end());
    const { aborted, status, bytes, bodySha256 } = await logged;
    assert.deepEqual([aborted, status], [true, 0]);
    assert.equal(bodySha256, createHash('sha256').update('x'.repeat(bytes)).digest('hex'));
    assert.equal((await get(client, 'k')).content.toString(), 'before');
    await cloud.close();
    assert.deepEqual(dataFiles(dataDirectory), []);
  });

  it('creates, describes and removes buckets', async (test) => {
    const { client, cloud } = await started(test);
    await client.putBucket('other-bucket');
    await client.putBucket('other-bucket');
    assert.deepEqual((await client.listBuckets({}) as unknown as { buckets: { name: string }[] }).buckets.map(({ name }) => name), ['b-1', 'other-bucket']);
    assert.equal((await client.getBucketLocation('other-bucket') as { location: string }).location, 'oss-cn-hangzhou');
    await aliOss(cloud, { bucket: 'other-bucket' }).put('k', Buffer.from('x'));
    assert.equal(await refusal(client.deleteBucket('other-bucket')), '409 BucketNotEmpty');
    await aliOss(cloud, { bucket: 'other-bucket' }).delete('k');
    await client.deleteBucket('other-bucket');
    assert.equal(await refusal(client.getBucketLocation('other-bucket')), '404 NoSuchBucket');
    await cloud.createBucket('third-bucket');
    await assert.rejects(async () => cloud.createBucket('../escape'), { code: 'destination-invalid' });
  });

  it('says so when it does not offer something, instead of doing something else', async (test) => {
    const { send, client } = await started(test);
    await client.put('k', Buffer.from('x'));
    for (const [method, name] of [['GET', 'acl'], ['PUT', 'tagging'], ['POST', 'append'], ['DELETE', 'versionId'], ['PUT', 'uploadId']] as const) {
      assert.equal((await send({ method, bucket: 'b-1', key: 'k', query: [[name, '']] })).status, 501);
    }
    assert.equal((await get(client, 'k')).content.toString(), 'x');
  });
});
