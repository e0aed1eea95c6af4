import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CryptoBucket } from '../../src/bucket/crypto-bucket.js';
import { RsaProvider } from '../../src/bucket/rsa-provider.js';
import { modelOpen } from '../support/model-reader.js';
import { content } from '../support/trees.js';
import { openScene, SINGLE_PUT_BYTES, SMALL } from './support.js';

describe('CryptoBucket', () => {
  it('does what the documentation shows', async (t) => {
    const { cloud: { oss: { endpoint, bucket: name }, accessKeyId, accessKeySecret }, path } = await openScene(t);
    const credentials = { accessKeyId, accessKeySecret };
    const bucket = new CryptoBucket({ endpoint, bucket: name, credentials, cryptoProvider: new RsaProvider({ directory: path('keys') }) });
    t.after(() => bucket.close());

    await bucket.putObject('motto.txt', Buffer.from('work hard'));
    const result = await bucket.getObject('motto.txt');
    assert.equal(await result.text(), 'work hard');
    assert.deepEqual([result.sealed, result.authenticated], [true, true]);

    await bucket.getObjectToFile('motto.txt', path('download.txt'));
    assert.equal(readFileSync(path('download.txt'), 'utf8'), 'work hard');

    writeFileSync(path('big.bin'), content(9_000_000), { mode: 0o640 });
    const seen: number[] = [];
    await bucket.putObjectFromFile('big.bin', path('big.bin'), { onProgress: ({ movedBytes }) => seen.push(movedBytes), signal: new AbortController().signal });
    assert.ok((await (await bucket.getObject('big.bin')).buffer()).equals(content(9_000_000)));
    assert.deepEqual([seen[0], seen.at(-1)], [0, 9_000_000]);

    assert.deepEqual((await listed(bucket, '')).map(({ name: key, sizeBytes }) => [key, sizeBytes]), [['big.bin', 9_000_000], ['motto.txt', 9]]);
    await bucket.deleteObject('motto.txt');
    await assert.rejects(bucket.getObject('motto.txt'), { name: 'StoreError', code: 'not-found' });
  });

  for (const envelope of ['oss-crypto', 'client-side-encryption'] as const) {
    it(`opens and proves what it sealed at every boundary size: ${envelope}`, async (t) => {
      const scene = await openScene(t);
      const bucket = scene.bucket({ envelope });
      const { partBytes } = SMALL;
      const sizes = [0, 1, 15, 16, 17, partBytes - 1, partBytes, partBytes + 1, 3 * partBytes + 5, SINGLE_PUT_BYTES, SINGLE_PUT_BYTES + 1];
      for (const size of sizes) {
        const plain = content(size, size);
        await bucket.putObject(`buffer/${size}`, plain);
        await bucket.putObject(`stream/${size}`, Readable.from(slices(plain, 50_021)));
        for (const name of [`buffer/${size}`, `stream/${size}`]) {
          const { plaintext } = await modelOpen(await scene.raw(name), { rsa: scene.key.privateKey });
          assert.ok(plaintext.equals(plain), `${name}: the model reader`);
          const opened = await bucket.getObject(name);
          assert.ok((await opened.buffer()).equals(plain), name);
          assert.equal(opened.contentBytes, size);
          assert.equal(opened.authenticated, true);
        }
      }
      assert.deepEqual(readdirSync(scene.directory).filter((name) => name.startsWith('.sealift')), [], 'temporary files stayed behind');
    });
  }

  it('takes text, bytes of any view, Readables, web streams and generators', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const bytes = new TextEncoder().encode('xgrüße, wörldx');
    const contents = {
      text: 'grüße, wörld',
      view: bytes.subarray(1, -1),
      readable: Readable.from(['grüße, ', Buffer.from('wörld')]),
      web: new ReadableStream<Uint8Array>({ start: (controller) => { controller.enqueue(bytes.subarray(1, 5)); controller.enqueue(bytes.subarray(5, -1)); controller.close(); } }),
      generator: (async function* () { await Promise.resolve(); yield 'grüße'; yield ''; yield ', wörld'; })(),
    };
    for (const [name, value] of Object.entries(contents)) {
      await bucket.putObject(name, value);
      assert.equal(await (await bucket.getObject(name)).text(), 'grüße, wörld', name);
    }
    await assert.rejects(bucket.putObject('numbers', Readable.from([1, 2, 3]) as AsyncIterable<string>), TypeError);
  });

  it('leaves the buffer of the caller as it was', async (t) => {
    const bucket = (await openScene(t)).bucket();
    for (const size of [1000, SINGLE_PUT_BYTES + 1000]) {
      const plain = content(size);
      await bucket.putObject('mine', plain);
      assert.ok(plain.equals(content(size)));
    }
  });

  it('never passes the memory budget on by holding a long stream', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const chunk = content(100_000);
    const total = 24 * 1024 * 1024;
    const before = heldBytes();
    let most = 0;
    await bucket.putObject('long', (async function* () {
      for (let sent = 0; sent < total; sent += chunk.length) {
        await Promise.resolve();
        most = sent % (40 * chunk.length) === 0 ? Math.max(most, heldBytes() - before) : most;
        yield chunk;
      }
    })());
    assert.ok(most < 2 * SMALL.memoryBytes, `${most} bytes of buffers for a budget of ${SMALL.memoryBytes}`);
    const hash = createHash('sha256');
    for await (const part of (await bucket.getObject('long')).content as AsyncIterable<Buffer>) {
      hash.update(part);
    }
    const expected = createHash('sha256');
    for (let sent = 0; sent < total; sent += chunk.length) {
      expected.update(chunk);
    }
    assert.equal(hash.digest('hex'), expected.digest('hex'));
  });

  it('keeps metadata of the caller apart from its own, and refuses a clash', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await bucket.putObject('a', 'x', { metadata: { author: 'Ada L.', 'empty-one': '' } });
    assert.deepEqual((await bucket.getObject('a')).metadata, { author: 'Ada L.', 'empty-one': '' });
    assert.deepEqual((await bucket.headObject('a')).metadata, { author: 'Ada L.', 'empty-one': '' });
    assert.equal((await scene.raw('a')).metadata['x-oss-meta-author'], 'Ada L.');
    const clashes = ['sealift-tag', 'sealift-new', 'oss-crypto-key', 'client-side-encryption-start', 'unencrypted-content-length', 'x-oss-meta-author', 'Author', 'ümlaut', ''];
    for (const name of clashes) {
      await assert.rejects(bucket.putObject('b', 'x', { metadata: { [name]: '1' } }), { name: 'EnvelopeError', code: 'usage' }, name);
    }
    for (const value of [' padded', 'padded ', 'ümlaut', 'line\nfeed']) {
      await assert.rejects(bucket.putObject('b', 'x', { metadata: { author: value } }), { name: 'EnvelopeError', code: 'usage' }, JSON.stringify(value));
    }
    await assert.rejects(bucket.putObject('b', 'x', { metadata: { author: 'a'.repeat(8192) } }), { name: 'EnvelopeError', code: 'metadata-too-large' });
    await assert.rejects(bucket.headObject('b'), { code: 'not-found' });
  });

  it('writes an MD5 only when one is passed, and only the right one', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const header = 'x-oss-meta-unencrypted-content-md5';
    for (const [name, plain] of [['small', content(100)], ['large', content(SINGLE_PUT_BYTES + 9)]] as const) {
      const contentMd5 = createHash('md5').update(plain).digest('base64');
      await bucket.putObject(name, plain);
      assert.equal(header in (await scene.raw(name)).metadata, false);
      for (const value of [plain, Readable.from(slices(plain, 40_000))]) {
        await bucket.putObject(name, value, { contentMd5 });
        assert.equal((await scene.raw(name)).metadata[header], contentMd5);
      }
      const wrong = createHash('md5').update('else').digest('base64');
      for (const value of [plain, Readable.from(slices(plain, 40_000))]) {
        await assert.rejects(bucket.putObject('wrong', value, { contentMd5: wrong }), { code: 'checksum-mismatch' });
      }
    }
    await assert.rejects(bucket.putObject('wrong', 'x', { contentMd5: 'abc' }), { code: 'checksum-mismatch' });
    await assert.rejects(bucket.headObject('wrong'), { code: 'not-found' });
  });

  it('replaces an object unless it is told not to', async (t) => {
    const bucket = (await openScene(t)).bucket();
    await bucket.putObject('a', 'one');
    await bucket.putObject('a', 'two');
    for (const value of ['three', content(SINGLE_PUT_BYTES + 1)]) {
      await assert.rejects(bucket.putObject('a', value, { forbidOverwrite: true }), { name: 'StoreError', code: 'exists' });
    }
    assert.equal(await (await bucket.getObject('a')).text(), 'two');
  });

  it('restores mode and time of a file, and replaces the target only when it is allowed to', async (t) => {
    const { bucket: open, path } = await openScene(t);
    const bucket = open();
    for (const size of [1000, SINGLE_PUT_BYTES + 1000]) {
      writeFileSync(path('source'), content(size), { mode: 0o640 });
      const before = statSync(path('source'), { bigint: true });
      await bucket.putObjectFromFile('file', path('source'));
      writeFileSync(path('target'), 'old');
      await assert.rejects(bucket.getObjectToFile('file', path('target'), { overwrite: false }), { code: 'exists' });
      assert.equal(readFileSync(path('target'), 'utf8'), 'old');
      const saved = await bucket.getObjectToFile('file', path('target'));
      assert.equal(saved.authenticated, true);
      const after = statSync(path('target'), { bigint: true });
      assert.ok(readFileSync(path('target')).equals(content(size)));
      assert.deepEqual([after.mode & 0o777n, after.mtimeNs / 1000n], [before.mode & 0o777n, before.mtimeNs / 1000n]);
    }
  });

  it('lists by prefix over pages, and heads without a key', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await bucket.putObject('p/ä', 'x');
    await bucket.putObject('p/b', 'xy');
    await bucket.putObject('q', 'z');
    assert.deepEqual((await listed(bucket, 'p/')).map(({ name }) => name), ['p/b', 'p/ä']);
    const head = await scene.bucket({ cryptoProvider: [] }).headObject('p/b');
    assert.deepEqual([head.sizeBytes, head.envelope, head.sealed], [2, 'oss-crypto', true]);
  });
});

const collect = exposedCollector();

/** Bytes of buffers that are really held: what a cipher has returned and nobody needs does not count. */
function heldBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

async function listed(bucket: CryptoBucket, prefix: string): Promise<{ name: string; sizeBytes: number }[]> {
  const found = [];
  for await (const object of bucket.listObjects(prefix)) {
    found.push(object);
  }
  return found;
}

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    yield bytes.subarray(offset, offset + size);
  }
}
