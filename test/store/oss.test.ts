import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, it, mock } from 'node:test';
import { StoreError } from '../../src/errors.js';
import { createOssStore } from '../../src/store/oss.js';
import type { OssConfig } from '../../src/store/oss.js';
import type { Transport, TransportOptions } from '../../src/store/transport.js';
import { SECRETS, answer, errorDocument, openStore, serve, withServer } from './raw-server.js';
import type { SeenRequest } from './raw-server.js';

const body = Buffer.from('hello world');
const crc64 = 5981764153023615706n;
const md5 = createHash('md5').update(body).digest('hex').toUpperCase();
const metadata = { 'x-oss-meta-client-side-encryption-key': 'QUJD+/=', 'x-oss-meta-n': '5' };
const stored = answer(200, { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': String(crc64), 'x-oss-version-id': 'V1' });
const config: OssConfig = { bucket: 'b-1', region: 'cn-hangzhou', credentials: SECRETS, connections: 1, endpoint: 'http://127.0.0.1:1' };

async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  const error: unknown = await promise.then(() => assert.fail('expected a failure'), (reason: unknown) => reason);
  assert.ok(error instanceof StoreError, String(error));
  return error;
}

function xml(text: string): Buffer {
  return answer(200, { 'content-type': 'application/xml' }, `<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
}

describe('a request to OSS', () => {
  it('puts bytes, metadata and a guard as they are', () =>
    withServer(() => stored, async (store, server) => {
      const result = await store.put('dir/a b+c&日.txt', body, { metadata, crc64, forbidOverwrite: true, storageClass: 'IA' });
      assert.deepEqual(result, { etag: md5, crc64, versionId: 'V1' });
      const [{ method, path, headers, body: sent } = assert.fail()] = server.requests;
      assert.deepEqual([method, path], ['PUT', '/b-1/dir/a%20b%2Bc%26%E6%97%A5.txt']);
      assert.ok(sent.equals(body));
      assert.equal(headers['host'], `127.0.0.1:${server.port}`);
      assert.equal(headers['content-type'], 'application/octet-stream');
      assert.deepEqual([headers['x-oss-forbid-overwrite'], headers['x-oss-storage-class']], ['true', 'IA']);
      assert.equal(headers['content-md5'], undefined);
      assert.equal(headers['x-oss-security-token'], SECRETS.securityToken);
      assert.deepEqual([headers['x-oss-meta-client-side-encryption-key'], headers['x-oss-meta-n']], ['QUJD+/=', '5']);
      verifySignature(server.requests[0] ?? assert.fail());
    }));

  it('signs every call so that an independent implementation agrees', () =>
    withServer(({ method, path }) => (method === 'HEAD' || path.startsWith('/b-1/k!') ? answer(200, { ETag: '"E"', 'content-length': 0 }) : xml('<R><UploadId>U</UploadId><ETag>"E-1"</ETag></R>')), async (store, server) => {
      await store.head("k!'()*~");
      await store.list('p/ä b', 'to+ken/==');
      await store.list('');
      await store.initiateUpload('k', { metadata });
      await store.listParts('k', 'U/+=');
      await store.completeUpload({ key: 'k', uploadId: 'U' }, [{ number: 1, etag: 'E', sizeBytes: 1 }]);
      await store.listUploads('p/');
      await store.delete("k!'()*~/../x");
      assert.equal(server.requests.length, 8);
      server.requests.forEach(verifySignature);
    }));

  it('refuses names that would not arrive as they are', () =>
    withServer(() => stored, async (store, server) => {
      for (const key of ['', '/a', '//', '\\a', 'a\uD800b']) {
        assert.equal((await failureOf(store.head(key))).code, 'name-invalid', JSON.stringify(key));
      }
      assert.equal((await failureOf(store.put('ä'.repeat(512), body, { metadata: {}, crc64 }))).code, 'key-too-long');
      assert.equal(server.requests.length, 0);
    }));

  it('refuses metadata that would be signed as one text and sent as another', () =>
    withServer(() => stored, async (store, server) => {
      for (const value of ['ä', 'a\r\nb: c', ' a']) {
        assert.equal((await failureOf(store.put('k', body, { metadata: { 'x-oss-meta-a': value }, crc64 }))).code, 'internal');
      }
      for (const name of ['x-oss-meta-A', 'x-oss-acl', 'x-oss-meta-']) {
        await assert.rejects(store.put('k', body, { metadata: { [name]: 'a' }, crc64 }), TypeError);
      }
      assert.equal(server.requests.length, 0);
    }));

  it('reaches a bucket by localhost too', async () => {
    const server = await serve(() => stored, 'localhost');
    const store = await openStore(server, {}, { endpoint: `http://localhost:${server.port}` });
    await store.put('k', body, { metadata: {}, crc64 });
    assert.equal(server.requests[0]?.path, '/b-1/k');
    assert.equal(server.requests[0].headers['host'], `localhost:${server.port}`);
    await store.close();
    await server.close();
  });

  it('has the bucket in the host of a real endpoint, and signs it all the same', async () => {
    const opened: TransportOptions[] = [];
    const urls: string[] = [];
    const openTransport = (options: TransportOptions): Transport => {
      opened.push(options);
      return {
        request: (url, { method, headers }) => {
          urls.push(url);
          verifySignature({ method, path: `/b-1${url.slice(url.indexOf('/', 8))}`, headers: lowerCase(headers), body });
          return Promise.resolve({ status: 200, headers: { etag: 'E', 'content-length': '0' }, data: Buffer.alloc(0), body: undefined });
        },
        close: () => Promise.resolve(),
      };
    };
    const store = await createOssStore({ bucket: 'b-1', region: 'oss-cn-hangzhou', credentials: SECRETS, connections: 7 }, { openTransport });
    await store.head('dir/k é');
    assert.deepEqual(opened, [{ origin: 'https://b-1.oss-cn-hangzhou.aliyuncs.com', connections: 7, caCertificates: undefined, proxy: undefined, bandwidth: undefined }]);
    assert.deepEqual(urls, ['https://b-1.oss-cn-hangzhou.aliyuncs.com/dir/k%20%C3%A9']);
  });

  it('prints nothing, whatever the credentials', () =>
    withServer(() => stored, async (store) => {
      const printed = mock.method(process.stderr, 'write', () => true);
      await store.put('k', body, { metadata: {}, crc64 });
      await (await createOssStore(config)).close();
      printed.mock.restore();
      assert.equal(printed.mock.callCount(), 0);
    }));
});

describe('a store', () => {
  it('is not opened with what cannot work', async () => {
    await assert.rejects(createOssStore({ ...config, endpoint: 'http://oss.example.com' }), { code: 'config-invalid' });
    await assert.rejects(createOssStore({ ...config, bucket: 'B' }), { code: 'config-invalid' });
    await assert.rejects(createOssStore({ ...config, caCertificates: 'none', endpoint: 'https://localhost' }), { code: 'config-invalid' });
    await assert.rejects(createOssStore({ ...config, credentials: { accessKeyId: '', accessKeySecret: '' } }), { code: 'credentials-missing' });
    await assert.rejects(createOssStore({ ...config, credentials: { accessKeyId: 'a', accessKeySecret: 'CanarySecret\n' } }), (error: Error & { code: string }) => {
      assert.equal(error.code, 'credentials-missing');
      assert.doesNotMatch(error.message, /Canary/);
      return true;
    });
  });
});

describe('an answer of OSS', () => {
  it('of head is size, checksum, metadata, date, class and what a copy repeats', () =>
    withServer(() => answer(200, {
      'content-length': 4711, ETag: '"E"', 'x-oss-hash-crc64ecma': '18446744073709551615', 'X-Oss-Meta-A': 'b', 'x-oss-meta-long': 'y'.repeat(8000),
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT', 'x-oss-object-type': 'Normal', 'x-oss-storage-class': 'IA', 'Cache-Control': 'no-cache',
    }), async (store) => {
      assert.deepEqual(await store.head('k'), {
        etag: 'E', crc64: 2n ** 64n - 1n, sizeBytes: 4711, metadata: { 'x-oss-meta-a': 'b', 'x-oss-meta-long': 'y'.repeat(8000) },
        lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT', storageClass: 'IA', kept: { 'cache-control': 'no-cache', 'x-oss-storage-class': 'IA' },
      });
    }));

  it('of get is a body that is as long as it says', () =>
    withServer(() => answer(200, { ETag: '"E"' }, body), async (store, server) => {
      const { body: stream, ...rest } = await store.get('k', { ifMatch: 'E' });
      assert.deepEqual(rest, { etag: 'E', crc64: undefined, sizeBytes: 11, contentBytes: 11, metadata: {}, lastModified: undefined, storageClass: undefined, kept: {} });
      assert.ok((await buffer(stream)).equals(body));
      assert.equal(server.requests[0]?.headers['if-match'], '"E"');
      assert.equal(server.requests[0].headers['range'], undefined);
    }));

  it('of a range is that range', () =>
    withServer(() => answer(206, { 'content-range': 'bytes 6-10/11' }, 'world'), async (store, server) => {
      const got = await store.get('k', { range: { start: 6, end: 100 } });
      assert.deepEqual([got.sizeBytes, got.contentBytes, (await buffer(got.body)).toString()], [11, 5, 'world']);
      assert.equal(server.requests[0]?.headers['range'], 'bytes=6-99');
      assert.equal(server.requests[0].headers['x-oss-range-behavior'], 'standard');
      verifySignature(server.requests[0]);
    }));

  const wrongRanges: [string, Buffer][] = [
    ['the whole object', answer(200, {}, body)],
    ['no Content-Range', answer(206, {}, 'world')],
    ['another start', answer(206, { 'content-range': 'bytes 5-9/11' }, ' worl')],
    ['another end', answer(206, { 'content-range': 'bytes 6-9/11' }, 'worl')],
    ['another length', answer(206, { 'content-range': 'bytes 6-10/11' }, 'worl')],
    ['nothing', answer(206, { 'content-range': 'bytes 6-5/6' }, '')],
  ];
  for (const [name, wrong] of wrongRanges) {
    it(`of a range is refused when it is ${name}`, () =>
      withServer(() => wrong, async (store) => {
        const failure = await failureOf(store.get('k', { range: { start: 6, end: 11 } }));
        assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true]);
      }));
  }

  it('of a whole object is not a range', () =>
    withServer(() => answer(206, { 'content-range': 'bytes 0-4/11' }, 'hello'), async (store) => {
      assert.equal((await failureOf(store.get('k'))).code, 'remote-unavailable');
    }));

  it('is not asked for with an empty or negative range', () =>
    withServer(() => stored, async (store) => {
      for (const range of [{ start: 0, end: 0 }, { start: 5, end: 4 }, { start: -1, end: 1 }, { start: 0.5, end: 2 }, { start: 0, end: Number.NaN }]) {
        await assert.rejects(store.get('k', { range }), RangeError);
      }
    }));

  it('of list is decoded, page by page', () =>
    withServer((_request, _socket, index) => xml(index === 0
      ? `<ListBucketResult><Name>b-1</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>Cg%3D%3D</NextContinuationToken>
         <Contents><Key>p%2Fa%2525b+%E6%97%A5%0A</Key><ETag>"AB"</ETag><Size>344606</Size></Contents><Contents><Key>p%2Fb%2B</Key><ETag>"CD"</ETag><Size>0</Size></Contents></ListBucketResult>`
      : '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>p/a%25b</Key><ETag>"AB"</ETag><Size>1</Size></Contents></ListBucketResult>'), async (store, server) => {
      const first = await store.list('p/');
      assert.deepEqual(first, { objects: [{ key: 'p/a%25b 日\n', etag: 'AB', sizeBytes: 344606 }, { key: 'p/b+', etag: 'CD', sizeBytes: 0 }], nextToken: 'Cg==' });
      assert.deepEqual(await store.list('p/', first.nextToken), { objects: [{ key: 'p/a%25b', etag: 'AB', sizeBytes: 1 }], nextToken: undefined });
      assert.deepEqual(queryOf(server.requests[1]), { 'list-type': '2', prefix: 'p/', 'max-keys': '1000', 'encoding-type': 'url', 'continuation-token': 'Cg==' });
    }));

  it('of list may be empty', () =>
    withServer(() => xml('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'), async (store) => {
      assert.deepEqual(await store.list(''), { objects: [], nextToken: undefined });
    }));

  it('of list is refused when it repeats itself, breaks off or makes no sense', () =>
    withServer((_request, _socket, index) => xml([
      '<R><IsTruncated>true</IsTruncated><NextContinuationToken>T</NextContinuationToken></R>',
      '<R><IsTruncated>true</IsTruncated></R>',
      '<R><IsTruncated>false</IsTruncated><Contents><Key>k</Key></Contents></R>',
      '<R><EncodingType>url</EncodingType><Contents><Key>%FF</Key><Size>1</Size></Contents></R>',
      '<R><Contents><Key>k</Key><Size>1</Size>',
      '',
      errorDocument('InternalError'),
    ][index] ?? ''), async (store) => {
      for (let index = 0; index < 7; index++) {
        const failure = await failureOf(store.list('', 'T'));
        assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true], String(index));
      }
    }));

  it('of listParts is all pages, one part or many or none', () =>
    withServer((request, _socket, index) => {
      assert.equal(queryOf(request)['part-number-marker'], [undefined, '2', undefined, undefined][index]);
      return xml([
        '<R><IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker><Part><PartNumber>1</PartNumber><ETag>"A"</ETag><Size>10</Size></Part><Part><PartNumber>2</PartNumber><ETag>"B"</ETag><Size>10</Size></Part></R>',
        '<R><IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber><ETag>"C"</ETag><Size>1</Size></Part></R>',
        '<R><IsTruncated>false</IsTruncated></R>',
        '<R><IsTruncated>true</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker></R>',
      ][index] ?? '');
    }, async (store) => {
      assert.deepEqual(await store.listParts('k', 'U'), [
        { number: 1, etag: 'A', sizeBytes: 10 }, { number: 2, etag: 'B', sizeBytes: 10 }, { number: 3, etag: 'C', sizeBytes: 1 },
      ]);
      assert.deepEqual(await store.listParts('k', 'U'), []);
      assert.match((await failureOf(store.listParts('k', 'U'))).message, /repeats itself/);
    }));

  it('of listUploads is all pages', () =>
    withServer((_request, _socket, index) => xml([
      '<R><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>p%2Fk</NextKeyMarker><NextUploadIdMarker>U1</NextUploadIdMarker><Upload><Key>p%2Fk</Key><UploadId>U1</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload></R>',
      '<R><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Upload><Key>p%2Fk</Key><UploadId>U2</UploadId><Initiated>2026-01-02T00:00:00.000Z</Initiated></Upload></R>',
    ][index] ?? '<R><IsTruncated>true</IsTruncated><NextKeyMarker>x</NextKeyMarker></R>'), async (store, server) => {
      assert.deepEqual(await store.listUploads('p/'), [
        { key: 'p/k', uploadId: 'U1', initiated: '2026-01-01T00:00:00.000Z' }, { key: 'p/k', uploadId: 'U2', initiated: '2026-01-02T00:00:00.000Z' },
      ]);
      assert.deepEqual(queryOf(server.requests[1]), { uploads: '', prefix: 'p/', 'max-uploads': '1000', 'encoding-type': 'url', 'key-marker': 'p/k', 'upload-id-marker': 'U1' });
      assert.match((await failureOf(store.listUploads(''))).message, /repeats itself/);
      server.requests.forEach(verifySignature);
    }));

  it('of listUploads is refused when its markers go round in a circle', () =>
    withServer((_request, _socket, index) => xml(index < 6
      ? `<R><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>${index % 2 === 0 ? 'A' : 'B'}</NextUploadIdMarker></R>`
      : '<R><IsTruncated>false</IsTruncated></R>'), async (store, server) => {
      assert.match((await failureOf(store.listUploads(''))).message, /repeats itself/);
      assert.equal(server.requests.length, 3);
    }));

  it('of an upload in parts is confirmed part by part and as a whole', () =>
    withServer(({ method, path }) => {
      if (path.includes('partNumber')) {
        return stored;
      }
      return method === 'POST' && path.endsWith('uploads=')
        ? xml('<R><UploadId>U</UploadId></R>')
        : answer(200, { ETag: '"X-2"', 'x-oss-hash-crc64ecma': '7' }, '<R><ETag>"X-2"</ETag></R>');
    }, async (store, server) => {
      const upload = { key: 'big/k.bin', uploadId: await store.initiateUpload('big/k.bin', { metadata, forbidOverwrite: true, storageClass: 'IA' }) };
      const part = await store.uploadPart({ ...upload, number: 2 }, body, { crc64, metadata: { 'x-oss-meta-a': 'b' } });
      assert.deepEqual(part, { number: 2, etag: md5, sizeBytes: 11 });
      const parts = [part, { number: 1, etag: 'A&<', sizeBytes: 1 }];
      assert.deepEqual(await store.completeUpload(upload, parts, { crc64: 7n, forbidOverwrite: true }), { etag: 'X-2', crc64: 7n });
      assert.equal((await failureOf(store.completeUpload(upload, parts, { crc64: 8n }))).code, 'checksum-mismatch');
      const [initiated, sent, completed] = server.requests;
      assert.deepEqual([initiated?.headers['x-oss-forbid-overwrite'], initiated?.headers['x-oss-meta-n'], initiated?.headers['content-length']], ['true', '5', '0']);
      assert.equal(initiated?.headers['x-oss-storage-class'], 'IA');
      assert.deepEqual([sent?.path, sent?.headers['content-md5'], sent?.headers['x-oss-meta-a']], ['/b-1/big/k.bin?partNumber=2&uploadId=U', undefined, 'b']);
      assert.equal(completed?.headers['x-oss-forbid-overwrite'], 'true');
      assert.match(completed.body.toString(), /<PartNumber>1<\/PartNumber>\n<ETag>"A&amp;&lt;"<\/ETag>\n<\/Part>\n<Part>\n<PartNumber>2</);
      assert.equal(completed.headers['content-md5'], createHash('md5').update(completed.body).digest('base64'));
      server.requests.forEach(verifySignature);
    }));

  it('of abortUpload forgives an upload that is gone, and nothing else', () =>
    withServer((_request, _socket, index) => [answer(204), answer(404, {}, errorDocument('NoSuchUpload'))][index] ?? answer(404, {}, errorDocument('NoSuchBucket')), async (store, server) => {
      await store.abortUpload('k', 'U');
      await store.abortUpload('k', 'U');
      assert.equal((await failureOf(store.abortUpload('k', 'U'))).code, 'bucket-missing');
      assert.deepEqual([server.requests[0]?.method, server.requests[0]?.path], ['DELETE', '/b-1/k?uploadId=U']);
    }));
});

function lowerCase(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), list[at + 1] ?? '']] : [])));
}

function queryOf(request: SeenRequest | undefined): Record<string, string> {
  return Object.fromEntries(new URL(`http://x${request?.path ?? ''}`).searchParams);
}

/** The V4 recipe, written from its description and not from ali-oss. */
function verifySignature({ method, path, headers }: SeenRequest): void {
  const encode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const [rawPath = '', rawQuery = ''] = path.split('?');
  const uri = encode(decodeURIComponent(rawPath)).replaceAll('%2F', '/');
  const query = rawQuery.split('&').filter((pair) => pair !== '').map((pair) => {
    const [name = '', value = ''] = pair.split('=').map(decodeURIComponent);
    return value === '' ? encode(name) : `${encode(name)}=${encode(value)}`;
  }).sort().join('&');
  const signed = Object.keys(headers).filter((name) => name === 'content-type' || name === 'content-md5' || name.startsWith('x-oss-')).sort();
  const canonical = [method, uri, query, signed.map((name) => `${name}:${headers[name] ?? ''}\n`).join(''), '', 'UNSIGNED-PAYLOAD'].join('\n');
  const date = headers['x-oss-date'] ?? '';
  const scope = `${date.slice(0, 8)}/cn-hangzhou/oss/aliyun_v4_request`;
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const key = scope.split('/').reduce<string | Buffer>(hmac, `aliyun_v4${SECRETS.accessKeySecret}`);
  const toSign = `OSS4-HMAC-SHA256\n${date}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  assert.equal(headers['authorization'], `OSS4-HMAC-SHA256 Credential=${SECRETS.accessKeyId}/${scope},Signature=${hmac(key, toSign).toString('hex')}`, `${method} ${path}`);
}
