import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { describe, it } from 'node:test';
import { content } from '../support/trees.js';
import { openScene, SINGLE_PUT_BYTES, SMALL, type Scene } from './support.js';

const LARGE = SINGLE_PUT_BYTES + 100_000;

describe('writing', () => {
  it('sends nothing of a stream that breaks, and leaves nothing behind', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    for (const afterBytes of [0, 1000, SMALL.partBytes * 3]) {
      await assert.rejects(bucket.putObject('a', breaking(afterBytes)), /the disk on the other side burnt/);
    }
    assert.deepEqual(scene.requests.map(({ operation }) => operation), []);
    assert.deepEqual(temporaryFiles(scene), []);
  });

  it('aborts the upload when a part fails for good', async (t) => {
    const scene = await openScene(t);
    scene.faults = ({ operation, partNumber }) => (operation === 'UploadPart' && partNumber === 3 ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined);
    await assert.rejects(scene.bucket().putObject('a', content(LARGE)), { name: 'StoreError', code: 'access-denied' });
    await assert.rejects(scene.bucket().putObject('a', Readable.from([content(LARGE)])), { name: 'StoreError', code: 'access-denied' });
    assert.deepEqual(await scene.store.listUploads(''), []);
    assert.deepEqual(temporaryFiles(scene), []);
  });

  it('stops when it is told to: before, while it waits for a stream, and between parts', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await assert.rejects(bucket.putObject('a', 'x', { signal: AbortSignal.abort() }), { name: 'StoreError', code: 'interrupted' });
    assert.equal(scene.requests.length, 0);

    const waiting = new AbortController();
    const silent = new Readable({ read: () => queueMicrotask(() => waiting.abort()) });
    await assert.rejects(bucket.putObject('a', silent, { signal: waiting.signal }), { code: 'interrupted' });
    assert.equal(silent.destroyed, true);
    assert.equal(scene.requests.length, 0);

    const sending = new AbortController();
    const onProgress = ({ movedBytes }: { movedBytes: number }): void => {
      if (movedBytes > 0) {
        sending.abort();
      }
    };
    await assert.rejects(bucket.putObject('a', content(LARGE), { signal: sending.signal, onProgress }), { code: 'interrupted' });
    assert.deepEqual(await scene.store.listUploads(''), []);
    await assert.rejects(bucket.headObject('a'), { code: 'not-found' });
  });

  it('gives an object the class that was asked for, whole, in parts and from a stream', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    for (const [name, body] of [['small', 'x'], ['large', content(LARGE)], ['stream', Readable.from([content(LARGE)])]] as const) {
      await bucket.putObject(name, body, { storageClass: 'IA' });
      assert.equal((await scene.store.head(name)).storageClass, 'IA', name);
    }
    await bucket.putObject('small', 'x');
    assert.equal((await scene.store.head('small')).storageClass, 'Standard');
  });

  it('recognises its own object when only the answer was lost', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    for (const [operation, value] of [['PutObject', 'small'], ['CompleteMultipartUpload', content(LARGE)]] as const) {
      for (const forbidOverwrite of [true, false]) {
        let lost = false;
        scene.faults = (request) => {
          const isFirst = !lost && request.operation === operation;
          lost ||= isFirst;
          return isFirst ? { kind: 'lose-answer' } : undefined;
        };
        const name = `${operation}-${forbidOverwrite}`;
        const { etag } = await bucket.putObject(name, value, { forbidOverwrite });
        assert.equal(etag, (await bucket.headObject(name)).etag);
        assert.equal(lost, true);
      }
    }
  });

  it('does not take an object for its own whose body is another', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    for (const [operation, value] of [['PutObject', Buffer.from('small')], ['CompleteMultipartUpload', content(LARGE)]] as const) {
      let isSent = false;
      scene.faults = (request) => {
        const isFirst = !isSent && request.operation === operation;
        isSent ||= isFirst;
        return isFirst || (isSent && request.operation === 'HeadObject') ? { kind: 'wrong-checksums', crc64: '1' } : undefined;
      };
      await assert.rejects(bucket.putObject(operation, value, { forbidOverwrite: true }), { name: 'StoreError', code: 'checksum-mismatch' });
    }
  });

  it('never sends two ciphertexts for one key when a file changes between its readings', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const file = scene.path('log');
    writeFileSync(file, content(LARGE));
    let touched = 0;
    scene.faults = ({ operation }) => {
      if (operation === 'InitiateMultipartUpload' && touched === 0) {
        touched += 1;
        writeFileSync(file, content(LARGE, 99));
        appendFileSync(file, 'more');
      }
      return undefined;
    };
    const { sizeBytes } = await bucket.putObjectFromFile('log', file);
    assert.equal(touched, 1);
    assert.equal(sizeBytes, LARGE + 4);
    const opened = await (await bucket.getObject('log')).buffer();
    assert.ok(opened.equals(Buffer.concat([content(LARGE, 99), Buffer.from('more')])));
    assert.deepEqual(await scene.store.listUploads(''), []);
    const keys = scene.requests.filter(({ operation }) => operation === 'InitiateMultipartUpload').map(({ metadata }) => metadata['x-oss-meta-oss-crypto-key']);
    assert.equal(new Set(keys).size, 2, 'the second attempt has a key of its own');
  });

  it('refuses a buffer that changes while it is sent', async (t) => {
    const scene = await openScene(t);
    const plain = content(LARGE);
    scene.faults = ({ operation }) => {
      if (operation === 'InitiateMultipartUpload') {
        plain.fill(7);
      }
      return undefined;
    };
    await assert.rejects(scene.bucket().putObject('a', plain), { name: 'SealiftError', code: 'unstable' });
    assert.deepEqual(scene.requests.filter(({ operation }) => operation === 'UploadPart'), []);
  });

  it('refuses a stream that was read already, instead of writing an empty object', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const readable = Readable.from(['once']);
    await bucket.putObject('a', readable);
    const destroyed = new Readable({ read: () => undefined }).destroy();
    const web = new ReadableStream<Uint8Array>({ start: (controller) => { controller.enqueue(content(10)); controller.close(); } });
    await bucket.putObject('b', web);
    for (const spent of [readable, destroyed, web]) {
      await assert.rejects(bucket.putObject('a', spent), TypeError);
    }
    assert.equal(await (await bucket.getObject('a')).text(), 'once');
    await bucket.putObject('empty', Readable.from([]));
    assert.equal((await bucket.getObject('empty')).contentBytes, 0);
  });

  it('gives every object a key of its own, and shares a wrapped start', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    for (const name of ['a', 'b', 'c']) {
      await bucket.putObject(name, 'the same');
    }
    const objects = await Promise.all(['a', 'b', 'c'].map((name) => scene.raw(name)));
    assert.equal(new Set(objects.map(({ metadata }) => metadata['x-oss-meta-oss-crypto-key'])).size, 3);
    assert.equal(new Set(objects.map(({ metadata }) => metadata['x-oss-meta-oss-crypto-start'])).size, 1);
    assert.equal(new Set(objects.map(({ body }) => body.toString('hex'))).size, 3);
  });

  it('repeats its headers on every part of the client-side-encryption envelope, as servers demand', async (t) => {
    const scene = await openScene(t);
    await scene.bucket({ envelope: 'client-side-encryption' }).putObject('a', content(LARGE));
    const parts = scene.requests.filter(({ operation }) => operation === 'UploadPart');
    assert.equal(parts.length, Math.ceil(LARGE / SMALL.partBytes));
    const initiated = scene.requests.find(({ operation }) => operation === 'InitiateMultipartUpload');
    for (const part of parts) {
      assert.deepEqual(part.metadata, initiated?.metadata);
    }
  });

  it('works on many objects at once within its memory', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const names = Array.from({ length: 24 }, (_, index) => `many/${index}`);
    await Promise.all(names.map((name, index) => bucket.putObject(name, index % 2 === 0 ? Readable.from([content(400_000, index)]) : content(400_000, index))));
    const opened = await Promise.all(names.map(async (name) => (await bucket.getObject(name)).buffer()));
    opened.forEach((bytes, index) => assert.ok(bytes.equals(content(400_000, index))));
  });

  it('refuses names that cannot be objects, before anything is sent', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    for (const name of ['', '/a', '\ud800', 'ä'.repeat(600)]) {
      await assert.rejects(bucket.putObject(name, 'x'), { code: /name-invalid|key-too-long/ }, JSON.stringify(name.slice(0, 10)));
    }
    assert.deepEqual(scene.requests, []);
  });
});

async function* breaking(afterBytes: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < afterBytes; sent += 1000) {
    await Promise.resolve();
    yield content(1000);
  }
  throw new Error('the disk on the other side burnt');
}

function temporaryFiles(scene: Scene): string[] {
  return readdirSync(scene.directory).filter((name) => name.startsWith('.sealift'));
}
