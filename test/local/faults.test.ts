import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Fault, openRequestLogFile, type RequestInfo, type RequestRecord, startLocalCloud } from '../../src/local/cloud.js';
import { requestV4 } from './sign.js';
import { aliOss, raw, refusal, startCloud, temporaryDirectory } from './support.js';

/** A cloud whose next request suffers the fault that was set last. */
async function started(test: TestContext) {
  const next: Fault[] = [];
  const asked: RequestInfo[] = [];
  const arrivals = new EventEmitter();
  const running = await startCloud(test, {
    faults: (info) => {
      asked.push(info);
      arrivals.emit('request');
      return next.shift();
    },
  });
  return { ...running, next, asked, arrivals, client: aliOss(running.cloud) };
}

function headersOf(result: { res: unknown }): Record<string, string> {
  return (result.res as { headers: Record<string, string> }).headers;
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

describe('faults', () => {
  it('answer what the plan says, after reading the body', async (test) => {
    const { client, next, asked, records, cloud } = await started(test);
    next.push({ kind: 'answer', status: 503, code: 'ServiceUnavailable', headers: { 'retry-after': '7' } });
    assert.equal(await refusal(client.put('k', Buffer.from('body'))), '503 ServiceUnavailable');
    assert.deepEqual([records[0]?.status, records[0]?.errorCode, records[0]?.bytes, records[0]?.fault], [503, 'ServiceUnavailable', 4, 'answer']);
    next.push({ kind: 'answer', status: 502, body: '<html>gateway</html>', headers: { 'content-type': 'text/html', 'retry-after': '7' } });
    const answer = await raw(cloud.oss.endpoint, requestV4({ method: 'GET', bucket: 'b-1', key: 'k', query: [] }, cloud));
    assert.deepEqual([answer.status, answer.body, answer.headers.get('retry-after')], [502, '<html>gateway</html>', '7']);
    assert.equal(await refusal(client.head('k')), '404 NoSuchKey');
    assert.deepEqual(asked.map(({ operation, sequence, bucket, key }) => [operation, sequence, bucket, key]), [['PutObject', 1, 'b-1', 'k'], ['GetObject', 2, 'b-1', 'k'], ['HeadObject', 3, 'b-1', 'k']]);
  });

  it('cut the connection inside the body of a request', async (test) => {
    const { client, next, records } = await started(test);
    const body = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
    next.push({ kind: 'reset', afterBytes: 70_000 });
    await assert.rejects(client.put('k', body));
    const [record] = records;
    assert.deepEqual([record?.status, record?.aborted, record?.bytes, record?.bodySha256], [0, true, 70_000, sha256(body.subarray(0, 70_000))]);
    assert.deepEqual(record?.prefixSha256.map(([bytes]) => bytes), [16, 64, 256, 1024, 4096, 16384, 65536]);
    assert.ok(record.prefixSha256.every(([bytes, digest]) => sha256(body.subarray(0, bytes)).startsWith(digest)));
    assert.equal(await refusal(client.head('k')), '404 NoSuchKey');
    next.push({ kind: 'reset' });
    await assert.rejects(client.get('k'));
  });

  it('stall until the client gives up, or the cloud closes', async (test) => {
    const { cloud, next, nextRecord, arrivals } = await started(test);
    const stalled = (timeout: number) => aliOss(cloud).put('k', Buffer.from('x'.repeat(1000)), { timeout });
    next.push({ kind: 'stall', afterBytes: 10 }, { kind: 'stall' });
    const first = nextRecord();
    await assert.rejects(stalled(50), /ResponseTimeout/u);
    assert.equal((await first).status, 0);
    const second = assert.rejects(stalled(60_000));
    next.push({ kind: 'delay', ms: 0 }, { kind: 'delay', ms: 3_600_000 });
    await aliOss(cloud).put('other', Buffer.from('served meanwhile'));
    const third = assert.rejects(aliOss(cloud).head('other'));
    await once(arrivals, 'request');
    await cloud.close();
    await Promise.all([second, third]);
  });

  it('do the work and lose the answer, or lie about it', async (test) => {
    const { client, next } = await started(test);
    next.push({ kind: 'lose-answer' });
    await assert.rejects(client.put('k', Buffer.from('kept')));
    assert.equal(((await client.get('k')) as { content: Buffer }).content.toString(), 'kept');
    next.push({ kind: 'wrong-checksums', etag: 'FEED', crc64: '1' });
    const headers = headersOf(await client.put('k', Buffer.from('kept')));
    assert.deepEqual([headers['etag'], headers['x-oss-hash-crc64ecma']], ['"FEED"', '1']);
  });

  it('truncate answers, short and streamed', async (test) => {
    const { client, next, cloud } = await started(test);
    for (const [size, cut] of [[1000, 10], [1_000_000, 300_000], [1000, 0], [1_000_000, 0]] as const) {
      await client.put('k', Buffer.alloc(size, 7));
      next.push({ kind: 'truncate', afterBytes: cut });
      const answer = await raw(cloud.oss.endpoint, requestV4({ method: 'GET', bucket: 'b-1', key: 'k' }, cloud));
      assert.deepEqual([answer.status, answer.headers.get('content-length'), answer.body.length], [200, String(size), cut]);
    }
  });

  it('truncate an answer that waits for the one before it', async (test) => {
    const { client, next, cloud } = await started(test);
    await client.put('long', Buffer.alloc(1_000_000, 7));
    await client.put('short', Buffer.from('0123456789'));
    const [first, second] = ['long', 'short'].map((key) => requestV4({ method: 'GET', bucket: 'b-1', key }, cloud));
    next.push({ kind: 'delay', ms: 0 }, { kind: 'truncate', afterBytes: 4 });
    const { body } = await raw(cloud.oss.endpoint, `${first?.replace('connection: close', 'connection: keep-alive') ?? ''}${second ?? ''}`);
    assert.equal(body.slice(0, 1_000_000), '\x07'.repeat(1_000_000));
    assert.match(body.slice(1_000_000), /^HTTP\/1\.1 200 OK\r\n[^]+\r\n\r\n0123$/u);
  });
});

describe('the request log', () => {
  it('tells what was sent, where it belongs, and nothing secret', async (test) => {
    const directory = temporaryDirectory(test);
    const file = openRequestLogFile(join(directory, 'requests.jsonl'));
    const cloud = await startLocalCloud({ dataDirectory: join(directory, 'data'), bucket: 'b-1', log: file.log });
    const client = aliOss(cloud, { token: cloud.issueCredentials(60_000) });
    const uploads = client as unknown as { initMultipartUpload(key: string, options: object): Promise<{ uploadId: string }> };
    await client.put('k', Buffer.from('x'.repeat(100)), { headers: { 'x-oss-meta-oss-crypto-key': 'QUJD' } });
    const { uploadId } = await uploads.initMultipartUpload('big', { headers: { 'x-oss-meta-a': 'b' } });
    await client.uploadPart('big', uploadId, 3, Buffer.from('part'), 0, 4);
    await cloud.close();
    file.close();
    const text = readFileSync(join(directory, 'requests.jsonl'), 'utf8');
    const [put, initiate, part] = text.trimEnd().split('\n').map((line) => JSON.parse(line) as RequestRecord);
    assert.deepEqual(put?.metadata, { 'x-oss-meta-oss-crypto-key': 'QUJD' });
    assert.deepEqual([put.operation, put.status, put.bytes, put.bodySha256, put.aborted], ['PutObject', 200, 100, sha256('x'.repeat(100)), false]);
    assert.deepEqual([initiate?.operation, initiate?.metadata], ['InitiateMultipartUpload', { 'x-oss-meta-a': 'b' }]);
    assert.deepEqual([part?.operation, part?.uploadId, part?.partNumber, part?.bodySha256], ['UploadPart', uploadId, 3, sha256('part')]);
    assert.doesNotMatch(text, /signature|security-token|Plaintext/iu);
  });

  it('cannot be opened just anywhere', (test) => {
    assert.throws(() => openRequestLogFile(join(temporaryDirectory(test), 'no/such/folder')), { code: 'write-failed' });
  });
});
