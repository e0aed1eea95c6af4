import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import type OSS from 'ali-oss';
import { GiB, MiB } from '../../src/limits.js';
import { aliOss, refusal, startCloud } from './support.js';

const SMALL = Buffer.from('a small body');
const LARGE = randomBytes(MiB);
const PARTS = [randomBytes(8 * MiB), randomBytes(8 * MiB)];
const BODIES: Readonly<Record<string, Buffer>> = { small: SMALL, empty: Buffer.alloc(0), large: LARGE, parts: Buffer.concat(PARTS) };

async function started(test: TestContext, dataDirectory?: string) {
  const running = await startCloud(test, dataDirectory === undefined ? {} : { dataDirectory });
  return { ...running, client: aliOss(running.cloud) };
}

async function plant(client: OSS, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const name of ['small', 'empty', 'large']) {
    await client.put(name, BODIES[name] ?? assert.fail(), { meta: { a: '1' } as unknown as OSS.UserMeta, headers: { ...headers } });
  }
  const { uploadId } = await client.initMultipartUpload('parts', { headers: { ...headers, 'x-oss-meta-a': '1' } });
  const sent: { number: number; etag: string }[] = [];
  for (const [index, part] of PARTS.entries()) {
    const { etag } = await client.uploadPart('parts', uploadId, index + 1, part, 0, part.length) as unknown as { etag: string };
    sent.push({ number: index + 1, etag });
  }
  await client.completeMultipartUpload('parts', uploadId, sent);
}

/** A copy onto itself: what is not said again is as for a new object. */
function inPlace(client: OSS, key: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  return client.copy(key, key, { headers: { 'x-oss-metadata-directive': 'REPLACE', 'x-oss-meta-b': '2', ...headers } });
}

async function head(client: OSS, key: string): Promise<Record<string, string>> {
  return (await client.head(key) as unknown as { res: { headers: Record<string, string> } }).res.headers;
}

/** Everything that holds bodies: which files, how large. */
function bodyFiles(dataDirectory: string): Map<string, string> {
  const bucket = join(dataDirectory, 'buckets/b-1');
  const names = readdirSync(bucket, { recursive: true }).map(String).filter((name) => !name.startsWith('index.log'));
  return new Map(names.map((name) => [name, statSync(join(bucket, name))] as const).filter(([, stat]) => stat.isFile()).map(([name, { ino, size }]) => [name, `${ino} ${size}`]));
}

async function assertBodies(client: OSS): Promise<void> {
  for (const [key, body] of Object.entries(BODIES)) {
    const { content } = await client.get(key) as { content: Buffer };
    assert.ok(content.equals(body), key);
  }
}

describe('a copy of an object onto itself', () => {
  it('replaces all metadata and nothing else, and moves no byte', async (test) => {
    const { client, cloud, dataDirectory } = await started(test);
    await plant(client);
    const before = await Promise.all(Object.keys(BODIES).map((key) => head(client, key)));
    const files = bodyFiles(dataDirectory);
    for (const [index, key] of Object.keys(BODIES).entries()) {
      await inPlace(client, key);
      const is = await head(client, key);
      const was = before[index] ?? assert.fail();
      assert.deepEqual([is['x-oss-meta-a'], is['x-oss-meta-b']], [undefined, '2']);
      for (const name of ['etag', 'x-oss-hash-crc64ecma', 'content-length', 'x-oss-object-type', 'x-oss-storage-class']) {
        assert.equal(is[name], was[name], `${key} ${name}`);
      }
    }
    await assertBodies(client);
    assert.deepEqual(bodyFiles(dataDirectory), files);
    await cloud.close();
    const again = await started(test, dataDirectory);
    await assertBodies(again.client);
    assert.deepEqual(bodyFiles(dataDirectory), files);
    for (const key of Object.keys(BODIES)) {
      await again.client.delete(key);
    }
    await again.cloud.close();
    assert.deepEqual([...bodyFiles(dataDirectory).keys()], [], 'every body is still counted once');
  });

  it('is dated anew', async (test) => {
    let aheadMs = 0;
    const { cloud } = await startCloud(test, { now: () => Date.now() + aheadMs });
    const client = aliOss(cloud);
    const modified = async (): Promise<number> => Date.parse((await head(client, 'k'))['last-modified'] ?? '');
    await client.put('k', SMALL);
    const before = await modified();
    aheadMs = 60_000;
    await inPlace(client, 'k');
    assert.ok(await modified() > before);
  });

  it('disturbs no reader', async (test) => {
    const { client } = await started(test);
    await plant(client);
    for (const key of ['large', 'parts']) {
      const { stream } = await client.getStream(key) as { stream: Readable };
      await inPlace(client, key);
      assert.ok((await buffer(stream)).equals(BODIES[key] ?? assert.fail()), key);
    }
  });

  it('is all or nothing when the process is killed', async (test) => {
    const { client, cloud, dataDirectory } = await started(test);
    await plant(client);
    await cloud.close();
    const index = join(dataDirectory, 'buckets/b-1/index.log');
    const before = statSync(index).size;
    for (const key of Object.keys(BODIES)) {
      const running = await started(test, dataDirectory);
      await inPlace(running.client, key);
      await running.cloud.close();
      truncateSync(index, before + Math.floor((statSync(index).size - before) / 2));
    }
    const last = await started(test, dataDirectory);
    await assertBodies(last.client);
    for (const key of Object.keys(BODIES)) {
      assert.equal((await head(last.client, key))['x-oss-meta-a'], '1');
    }
  });

  it('resets the headers, the class and the server-side encryption that it does not repeat', async (test) => {
    const { client } = await started(test);
    const headers = {
      'content-type': 'text/plain', 'cache-control': 'no-cache', 'content-disposition': 'attachment', 'content-encoding': 'gzip', 'content-language': 'de',
      'expires': 'Thu, 01 Jan 2026 00:01:00 GMT', 'x-oss-storage-class': 'IA', 'x-oss-server-side-encryption': 'KMS',
      'x-oss-server-side-data-encryption': 'SM4', 'x-oss-server-side-encryption-key-id': 'key-1',
    };
    const kept = async (): Promise<Record<string, string | undefined>> => {
      const is = await head(client, 'k');
      return Object.fromEntries(Object.keys(headers).map((name) => [name, is[name]]));
    };
    await client.put('k', SMALL, { headers: { ...headers }, mime: headers['content-type'] });
    assert.deepEqual(await kept(), headers);
    await inPlace(client, 'k', headers);
    assert.deepEqual(await kept(), headers);
    await inPlace(client, 'k', { 'content-type': 'text/x-other' });
    const nothing = Object.fromEntries(Object.keys(headers).map((name) => [name, undefined]));
    assert.deepEqual(await kept(), { ...nothing, 'content-type': 'text/x-other', 'x-oss-storage-class': 'Standard' });
  });

  it('keeps metadata and class where they are not replaced, but no server-side encryption', async (test) => {
    const { client } = await started(test);
    await client.put('k', SMALL, { headers: { 'x-oss-meta-a': '1', 'x-oss-storage-class': 'IA', 'x-oss-server-side-encryption': 'AES256' } });
    await client.copy('k', 'k');
    const is = await head(client, 'k');
    assert.deepEqual([is['x-oss-meta-a'], is['x-oss-storage-class'], is['x-oss-server-side-encryption']], ['1', 'IA', undefined]);
    await client.copy('k', 'k', { headers: { 'x-oss-storage-class': 'Archive' } });
    assert.equal((await head(client, 'k'))['x-oss-storage-class'], 'Archive');
    assert.equal(await refusal(client.copy('k', 'k', { headers: { 'x-oss-storage-class': 'Cellar' } })), '400 InvalidArgument');
  });

  it('is of any size, unless it changes class or server-side encryption', async (test) => {
    const { client, cloud, dataDirectory } = await started(test);
    await client.put('k', LARGE);
    await client.put('medium', LARGE);
    await cloud.close();
    const index = join(dataDirectory, 'buckets/b-1/index.log');
    // Nobody has the time to send so much. What is copied is what the index says.
    writeFileSync(index, readFileSync(index, 'utf8').replace(`"k",${MiB},`, `"k",${6 * GiB},`).replace(`"medium",${MiB},`, `"medium",${2 * GiB},`));
    const again = await started(test, dataDirectory);
    await inPlace(again.client, 'k');
    assert.equal((await head(again.client, 'k'))['content-length'], String(6 * GiB));
    for (const change of [{ 'x-oss-storage-class': 'IA' }, { 'x-oss-server-side-encryption': 'AES256' }]) {
      assert.equal(await refusal(inPlace(again.client, 'medium', change)), '400 EntityTooLarge');
    }
    await again.client.putBucket('b-2');
    again.client.useBucket('b-2');
    await again.client.copy('k', 'medium', 'b-1');
    assert.equal(await refusal(again.client.copy('k', 'k', 'b-1')), '400 EntityTooLarge');
  });

  it('happens only to the object that was meant', async (test) => {
    const { client } = await started(test);
    await client.put('k', SMALL, { meta: { a: '1' } as unknown as OSS.UserMeta });
    const etag = createHash('md5').update(SMALL).digest('hex').toUpperCase();
    await inPlace(client, 'k', { 'x-oss-copy-source-if-match': `"${etag}"` });
    assert.equal(await refusal(inPlace(client, 'k', { 'x-oss-copy-source-if-match': '"00"', 'x-oss-meta-b': '3' })), '412 PreconditionFailed');
    assert.equal((await head(client, 'k'))['x-oss-meta-b'], '2');
  });
});
