import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { buffer as collect } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import { strangersKey } from '../support/world.js';
import { content } from '../support/trees.js';
import type { ObjectProgress } from '../../src/bucket/options.js';
import { RsaProvider } from '../../src/bucket/rsa-provider.js';
import { loadObjects, vectorPlaintext } from '../vectors/load.js';
import { openScene, SINGLE_PUT_BYTES, SMALL, type Scene } from './support.js';

const crc = Crc64.create();

describe('reading', () => {
  for (const size of [1000, SINGLE_PUT_BYTES + 1000]) {
    it(`yields no byte of a changed object of ${size} bytes`, async (t) => {
      const scene = await openScene(t);
      const bucket = scene.bucket();
      await bucket.putObject('victim', content(size));
      const { metadata, body } = await scene.raw('victim');
      const flipped = Buffer.from(body);
      flipped[size - 1] = (flipped[size - 1] ?? 0) ^ 1;
      const shorter = { ...metadata, 'x-oss-meta-unencrypted-content-length': String(size - 1) };
      const changes: Record<string, () => Promise<void>> = {
        'a flipped bit': () => store(scene, flipped, metadata),
        'a cut end': () => store(scene, body.subarray(0, -1), shorter),
        'another tag': () => store(scene, body, { ...metadata, 'x-oss-meta-sealift-tag': '0'.repeat(32) }),
        'another name': () => store(scene, body, { ...metadata, 'x-oss-meta-sealift-name': 'other' }),
        'attributes that were not there': () => store(scene, body, { ...metadata, 'x-oss-meta-sealift-attributes': 'mode=777' }),
      };
      for (const [what, change] of Object.entries(changes)) {
        await change();
        await assert.rejects(bucket.getObject('victim'), { name: 'AuthenticationError', code: 'authentication-failed' }, what);
        await assert.rejects(bucket.getObjectToFile('victim', scene.path('out')), { name: 'AuthenticationError' }, what);
        assert.equal(existsSync(scene.path('out')), false, what);
      }
      assert.deepEqual(readdirSync(scene.directory).filter((name) => name.startsWith('.sealift')), []);
    });
  }

  it('names each kind of refusal', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await bucket.putObject('a', 'x');
    const { metadata, body } = await scene.raw('a');
    await store(scene, body, {}, 'plain');
    await assert.rejects(bucket.getObject('plain'), { name: 'EnvelopeError', code: 'not-sealed', object: 'plain' });
    await store(scene, body, metadata, 'moved');
    await assert.rejects(bucket.getObject('moved'), { name: 'AuthenticationError', code: 'renamed' });
    assert.equal(await (await scene.bucket({ allowRenamed: true }).getObject('moved')).text(), 'x');
    await store(scene, body, { ...metadata, 'x-oss-meta-sealift-tag': 'xyz' }, 'broken');
    await assert.rejects(bucket.getObject('broken'), { name: 'EnvelopeError', code: 'envelope-invalid', message: /broken/ });
    const stranger = new RsaProvider({ keyPair: strangersKey() });
    await assert.rejects(scene.bucket({ cryptoProvider: stranger }).getObject('a'), { name: 'AuthenticationError', code: 'authentication-failed' });
    assert.equal(await (await scene.bucket({ cryptoProvider: [stranger, scene.rsa()] }).getObject('a')).text(), 'x');
    const publicOnly = new RsaProvider({ publicKey: scene.key.publicKey });
    await assert.rejects(scene.bucket({ cryptoProvider: publicOnly }).getObject('a'), { name: 'MasterKeyError', code: 'master-key-missing' });
    await assert.rejects(scene.bucket({ bucket: 'no-such-bucket' }).getObject('a'), { name: 'StoreError' });
  });

  it('reads what another SDK wrote only when it may, and says so', async (t) => {
    const scene = await openScene(t);
    for (const vector of loadObjects('python-new-rsa').filter(({ parts }) => parts === undefined)) {
      await store(scene, Buffer.from(vector.ciphertext, 'base64'), vector.metadata, 'foreign');
      await assert.rejects(scene.bucket().getObject('foreign'), { name: 'UnauthenticatedObjectError', code: 'unauthenticated' });
      const opened = await scene.bucket({ allowUnauthenticated: true }).getObject('foreign');
      assert.deepEqual([opened.sealed, opened.authenticated], [false, false]);
      assert.ok((await opened.buffer()).equals(vectorPlaintext(vector.size)));
    }
  });

  for (const envelope of ['oss-crypto', 'client-side-encryption'] as const) {
    it(`reads any range, and only when asked to: ${envelope}`, async (t) => {
      const scene = await openScene(t);
      const bucket = scene.bucket({ envelope });
      for (const size of [100, SMALL.partBytes * 3 + 7, SINGLE_PUT_BYTES + 100]) {
        const plain = content(size);
        await bucket.putObject('a', plain);
        const middle = Math.floor(size / 2);
        const spans = [[0, 1], [0, 16], [size - 1, size], [size - 17, size], [middle, middle + 1], [middle - 3, middle + 30], [15, 17], [1, size - 1], [0, size], [size - 5, size + 500]] as const;
        for (const [start, end] of spans) {
          const part = await bucket.getObject('a', { range: { start, end }, unverifiedRange: true });
          assert.deepEqual([part.sealed, part.authenticated], [true, false]);
          assert.equal(part.sizeBytes, size);
          assert.ok((await part.buffer()).equals(plain.subarray(start, end)), `${start} to ${end} of ${size}`);
          assert.equal(part.contentBytes, Math.min(end, size) - start);
        }
      }
      await assert.rejects(bucket.getObject('a', { range: { start: 0, end: 1 } }), { code: 'usage' });
      for (const [start, end] of [[5, 5], [5, 4], [-1, 3], [0.5, 3], [SINGLE_PUT_BYTES + 100, SINGLE_PUT_BYTES + 101]] as const) {
        await assert.rejects(bucket.getObject('a', { range: { start, end }, unverifiedRange: true }), { code: 'usage' }, `${start} to ${end}`);
      }
    });
  }

  it('tells of its progress before it settles, and of a range before its stream ends', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    const size = 2 * SMALL.partBytes;
    await bucket.putObject('a', content(size));
    const seen: (number | string)[] = [];
    const onProgress = ({ movedBytes }: ObjectProgress): number => seen.push(movedBytes);
    const whole = await bucket.getObject('a', { onProgress });
    seen.push('settled');
    await whole.buffer();
    assert.deepEqual(seen.splice(0), [size, 'settled']);
    const range = await bucket.getObject('a', { range: { start: 0, end: size }, unverifiedRange: true, onProgress });
    seen.push('settled');
    await range.buffer();
    seen.push('read');
    assert.deepEqual(seen, ['settled', SMALL.partBytes, size, 'read']);
  });

  for (const [what, size, options] of [
    ['small object', 1000, {}], ['empty object', 0, {}], ['large object', SINGLE_PUT_BYTES + 1, {}],
    ['range', 1000, { range: { start: 0, end: 900 }, unverifiedRange: true }],
  ] as const) {
    it(`hands the content of one ${what} out once, whichever way it is asked for`, async (t) => {
      const scene = await openScene(t);
      const bucket = scene.bucket();
      await bucket.putObject('a', content(size));
      const spent = { name: 'TypeError', message: /read or destroyed already/ };
      const collected = await bucket.getObject('a', options);
      assert.equal((await collected.buffer()).length, collected.contentBytes);
      await assert.rejects(collected.buffer(), spent);
      await assert.rejects(collected.text(), spent);
      const streamed = await bucket.getObject('a', options);
      assert.equal((await collect(streamed.content)).length, streamed.contentBytes);
      await assert.rejects(streamed.text(), spent);
      const abandoned = await bucket.getObject('a', options);
      abandoned.content.destroy();
      await assert.rejects(abandoned.buffer(), spent);
      const wantedTwice = await bucket.getObject('a', options);
      const both = await Promise.allSettled([wantedTwice.buffer(), wantedTwice.text()]);
      assert.deepEqual(both.map(({ status }) => status), ['fulfilled', 'rejected']);
      const begun = await bucket.getObject('a', options);
      begun.content.once('data', () => undefined);
      await assert.rejects(begun.buffer(), spent);
      begun.content.destroy();
    });
  }

  it('starts again when an object is replaced while it is read', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await bucket.putObject('a', content(1000, 1));
    const later = await scene.bucket().putObject('later', content(1000, 2));
    assert.equal(later.sizeBytes, 1000);
    const { metadata, body } = await scene.raw('a');
    let replaced = 0;
    scene.faults = ({ operation }) => {
      replaced += operation === 'GetObject' ? 1 : 0;
      return operation === 'GetObject' && replaced === 1 ? { kind: 'answer', status: 412, code: 'PreconditionFailed' } : undefined;
    };
    assert.ok((await (await bucket.getObject('a')).buffer()).equals(content(1000, 1)));
    assert.equal(replaced, 2);
    scene.faults = ({ operation }) => (operation === 'GetObject' ? { kind: 'answer', status: 412, code: 'PreconditionFailed' } : undefined);
    await assert.rejects(bucket.getObject('a'), { name: 'StoreError', code: 'replaced' });
    assert.ok(body.length > 0 && Object.keys(metadata).length > 0);
  });

  it('goes on where a body broke off', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await bucket.putObject('a', content(SINGLE_PUT_BYTES + 50_000));
    let broken = 0;
    scene.faults = ({ operation }) => (operation === 'GetObject' && (broken += 1) <= 3 ? { kind: 'truncate', afterBytes: 1000 } : undefined);
    assert.ok((await (await bucket.getObject('a')).buffer()).equals(content(SINGLE_PUT_BYTES + 50_000)));
  });

  it('frees what it holds when the content is not wanted', async (t) => {
    const scene = await openScene(t);
    const bucket = scene.bucket();
    await bucket.putObject('a', content(SINGLE_PUT_BYTES + 1));
    for (let times = 0; times < 3; times += 1) {
      const { content: stream } = await bucket.getObject('a');
      stream.destroy();
    }
    const controller = new AbortController();
    scene.faults = ({ operation }) => {
      if (operation === 'GetObject') {
        controller.abort();
      }
      return undefined;
    };
    await assert.rejects(bucket.getObject('a', { signal: controller.signal }), { code: 'interrupted' });
    await assert.rejects(bucket.getObject('a', { signal: AbortSignal.abort() }), { code: 'interrupted' });
  });
});

async function store(scene: Scene, body: Buffer, metadata: Readonly<Record<string, string>>, key = 'victim'): Promise<void> {
  await scene.store.put(key, body, { metadata, crc64: crc.digestOf(body) });
}
