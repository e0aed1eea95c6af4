import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startLocalCloud } from '../../src/local/cloud.js';
import { aliOss, refusal, startCloud, temporaryDirectory } from './support.js';

const BUCKET = 'buckets/b-1';

async function keysOf(cloud: Parameters<typeof aliOss>[0]): Promise<string[]> {
  const { objects } = await aliOss(cloud).listV2({ 'max-keys': '1000' }, {});
  return objects.map(({ name }) => name);
}

describe('the embedded cloud', () => {
  it('keeps credentials, objects and metadata in its directory, for the owner alone', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    await aliOss(cloud).put('dir/é', Buffer.from('x'), { headers: { 'x-oss-meta-a': 'b' } });
    await aliOss(cloud).put('gone', Buffer.from('x'));
    await aliOss(cloud).delete('gone');
    await cloud.close();
    await cloud.close();
    for (const name of readdirSync(dataDirectory, { recursive: true }).map(String)) {
      assert.equal(statSync(join(dataDirectory, name)).mode & 0o077, 0, name);
    }
    const again = await startLocalCloud({ dataDirectory, bucket: 'b-1' });
    test.after(() => again.close());
    assert.deepEqual([again.accessKeyId, again.accessKeySecret], [cloud.accessKeyId, cloud.accessKeySecret]);
    assert.deepEqual(await keysOf(again), ['dir/é']);
    assert.deepEqual((await aliOss(again).head('dir/é')).meta, { a: 'b' });
    const other = await startCloud(test);
    assert.notEqual(other.cloud.accessKeySecret, cloud.accessKeySecret);
  });

  it('says what to delete when whoever served its directory is gone with a container', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    await cloud.close();
    const lockFile = join(dataDirectory, 'store.lock');
    writeFileSync(lockFile, JSON.stringify({ host: 'gone', bootId: '', namespace: 'pid:[7]', pid: 17, startTime: '', since: '' }));
    await assert.rejects(startLocalCloud({ dataDirectory }), (error: Error & { code?: string; remedy?: string }) => error.code === 'locked' && error.remedy?.includes(`delete ${lockFile}`) === true);
    rmSync(lockFile);
    await (await startLocalCloud({ dataDirectory })).close();
  });

  it('serves a directory once at a time, and frees it when it fails to start', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    await assert.rejects(startLocalCloud({ dataDirectory }), { code: 'locked', object: dataDirectory });
    const free = temporaryDirectory(test);
    const port = Number(new URL(cloud.oss.endpoint).port);
    await assert.rejects(startLocalCloud({ dataDirectory: free, port }), { code: 'config-invalid' });
    await assert.rejects(startLocalCloud({ dataDirectory: free, bucket: 'No' }), { code: 'destination-invalid' });
    await assert.rejects(startLocalCloud({ dataDirectory: join(dataDirectory, 'credentials.json', 'x') }), { code: 'write-failed' });
    const started = await startLocalCloud({ dataDirectory: free });
    assert.deepEqual([started.oss.bucket, started.oss.region], ['sealift', 'cn-hangzhou']);
    await started.close();
    await cloud.close();
    await (await startLocalCloud({ dataDirectory })).close();
  });

  it('says which of its files is damaged', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    await cloud.close();
    for (const name of ['credentials.json', 'kms.json']) {
      const path = join(dataDirectory, name);
      const before = readFileSync(path, 'utf8');
      for (const content of ['{', '{}']) {
        writeFileSync(path, content);
        await assert.rejects(startLocalCloud({ dataDirectory }), { code: 'config-invalid', object: path });
      }
      writeFileSync(path, before);
    }
  });

  it('recovers from every torn end of its index, and never shows half an object', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    for (const key of ['a', 'b', 'c']) {
      await aliOss(cloud).put(key, Buffer.from(`body of ${key}`));
    }
    await aliOss(cloud).delete('b');
    await cloud.close();
    const index = join(dataDirectory, BUCKET, 'index.log');
    const lines = readFileSync(index, 'utf8').split(/(?<=\n)/u);
    const wholes = lines.map((_, count) => lines.slice(0, count + 1).join('').length);
    const states = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'c']];
    for (let size = readFileSync(index).length; size > (wholes[2] ?? 0) - 2; size -= 1) {
      truncateSync(index, size);
      const again = await startLocalCloud({ dataDirectory, bucket: 'b-1' });
      assert.deepEqual(await keysOf(again), states[wholes.filter((whole) => whole <= size).length - 1]);
      await again.close();
    }
    writeFileSync(index, `${lines[0] ?? ''}damaged\n${lines[2] ?? ''}`);
    const broken = await startCloud(test, { dataDirectory });
    assert.equal(await refusal(keysOf(broken.cloud)), '500 InternalError');
    await broken.cloud.close();
    assert.equal(readFileSync(index, 'utf8').split('\n').length, 4, 'what cannot be read is not changed');
  });

  it('removes on its next start what no object owns', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    await aliOss(cloud).put('a', Buffer.from('a'));
    const multipart = aliOss(cloud) as unknown as { initMultipartUpload(key: string): Promise<{ uploadId: string }> };
    const { uploadId } = await multipart.initMultipartUpload('big');
    await cloud.close();
    const bucket = join(dataDirectory, BUCKET);
    const orphans = ['data/ff/00000000ff', 'packs/000000ff'].map((name) => join(bucket, name));
    mkdirSync(join(bucket, 'data/ff'), { recursive: true });
    orphans.forEach((path) => writeFileSync(path, 'never acknowledged'));
    const half = join(bucket, 'uploads', uploadId, 'tmp-1');
    writeFileSync(half, 'half a part');
    const again = await startLocalCloud({ dataDirectory, bucket: 'b-1' });
    test.after(() => again.close());
    assert.deepEqual(await keysOf(again), ['a']);
    assert.deepEqual([...orphans, half].map((path) => existsSync(path)), [false, false, false]);
    await aliOss(again).put('b', Buffer.from('b'));
    assert.deepEqual(await keysOf(again), ['a', 'b']);
  });

  it('does not list objects whose bytes are gone, as after a loss of power', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    const client = aliOss(cloud);
    for (const key of ['small 1', 'small 2', 'small 3']) {
      await client.put(key, Buffer.alloc(1000));
    }
    await client.put('large', Buffer.alloc(300_000));
    await cloud.close();
    truncateSync(join(dataDirectory, BUCKET, 'packs/00000001'), 1500);
    rmSync(join(dataDirectory, BUCKET, 'data'), { recursive: true });
    for (const put of ['new 1', 'new 2']) {
      const again = await startLocalCloud({ dataDirectory, bucket: 'b-1' });
      await aliOss(again).put(put, Buffer.from(put));
      assert.deepEqual(await keysOf(again), put === 'new 1' ? ['new 1', 'small 1'] : ['new 1', 'new 2', 'small 1']);
      assert.equal(((await aliOss(again).get('new 1')) as { content: Buffer }).content.toString(), 'new 1');
      await again.close();
    }
  });

  it('rewrites an index that is mostly history', async (test) => {
    const { cloud, dataDirectory } = await startCloud(test);
    await aliOss(cloud).put('first', Buffer.from('1'), { headers: { 'x-oss-meta-a': '日'.replace('日', 'b') } });
    await aliOss(cloud).put('last', Buffer.from('2'));
    await cloud.close();
    const index = join(dataDirectory, BUCKET, 'index.log');
    const [first = ''] = readFileSync(index, 'utf8').split('\n');
    appendFileSync(index, `${first}\n`.repeat(1100));
    const before = statSync(index).size;
    const again = await startLocalCloud({ dataDirectory, bucket: 'b-1' });
    test.after(() => again.close());
    assert.deepEqual(await keysOf(again), ['first', 'last']);
    assert.ok(statSync(index).size < before / 100);
    assert.deepEqual((await aliOss(again).head('first')).meta, { a: 'b' });
    await aliOss(again).put('more', Buffer.from('3'), { headers: { 'x-oss-meta-c': 'd' } });
    assert.deepEqual((await aliOss(again).head('more')).meta, { c: 'd' });
  });

  it('loses nothing it has confirmed when its process is killed', async (test) => {
    const dataDirectory = temporaryDirectory(test);
    const child = fork(new URL('./killed-server.js', import.meta.url), [dataDirectory]);
    const [cloud] = (await once(child, 'message')) as [Parameters<typeof aliOss>[0]];
    const client = aliOss(cloud);
    const confirmed = new Set<string>();
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let at = 0; ; at += 1) {
        const key = `${writer}/${at}`;
        await client.put(key, Buffer.alloc(1000 + writer * 200_000, key));
        confirmed.add(key);
        if (confirmed.size === 40) {
          child.kill('SIGKILL');
        }
      }
    });
    await Promise.allSettled([...writers, once(child, 'exit')]);
    const again = await startLocalCloud({ dataDirectory, bucket: 'b-1' });
    test.after(() => again.close());
    const found = await keysOf(again);
    assert.deepEqual([...confirmed].filter((key) => !found.includes(key)), []);
    for (const key of found) {
      const { content } = (await aliOss(again).get(key)) as { content: Buffer };
      assert.ok(content.equals(Buffer.alloc(1000 + Number(key.split('/')[0]) * 200_000, key)), key);
    }
  });
});
