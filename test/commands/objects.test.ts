import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { runCat } from '../../src/commands/run-cat.js';
import { runInspect } from '../../src/commands/run-inspect.js';
import { runLs } from '../../src/commands/run-ls.js';
import { Crc64 } from '../../src/crypto/crc64.js';
import { openScene, SINGLE_PUT_BYTES, type Scene } from '../bucket/support.js';
import { content } from '../support/trees.js';
import { strangersKey } from '../support/world.js';
import { loadObjects, vectorPlaintext } from '../vectors/load.js';
import { listen, type Spoken } from './support.js';

const crc = Crc64.create();

interface Shell {
  readonly scene: Scene;
  /** Everything that commands have written to standard output. */
  readonly heard: Buffer[];
  readonly url: (key: string) => string;
  readonly ls: (place: string, flags?: object) => Promise<Spoken>;
  readonly cat: (key: string, flags?: object) => Promise<Spoken>;
  readonly inspect: (key: string, flags?: object) => Promise<Spoken>;
}

async function openShell(t: TestContext): Promise<Shell> {
  const scene = await openScene(t);
  const { cloud: { oss, kms, accessKeyId, accessKeySecret }, path, key } = scene;
  const keyFile = path('key.pem');
  writeFileSync(keyFile, key.privateKey?.export({ type: 'pkcs8', format: 'pem' }) ?? '', { mode: 0o600 });
  const env = { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret, OSS_ENDPOINT: oss.endpoint, OSS_REGION: oss.region, HOME: scene.directory, XDG_CONFIG_HOME: path('config') };
  const heard: Buffer[] = [];
  const place = { env, cwd: scene.directory, heard };
  const url = (name: string): string => `oss://${oss.bucket}${name === '' ? '' : `/${name}`}`;
  const keys = { key: [keyFile], 'kms-endpoint': kms.endpoint };
  return {
    scene, url, heard,
    ls: (name, flags = {}) => listen(place, (context) => runLs(context, { place: url(name), ...flags })),
    cat: (name, flags = {}) => listen(place, (context) => runCat(context, { object: url(name), ...keys, ...flags })),
    inspect: (name, flags = {}) => listen(place, (context) => runInspect(context, { object: url(name), ...keys, ...flags })),
  };
}

describe('sealift ls', () => {
  it('shows plaintext sizes and what can be authenticated, without a key', async (t) => {
    const { scene, ls } = await openShell(t);
    const [foreign] = loadObjects('python-new-rsa');
    assert.ok(foreign);
    await scene.bucket().putObject('p/sealed', content(1234));
    await scene.bucket({ envelope: 'client-side-encryption' }).putObject('p/sub/other', 'x');
    await put(scene, 'p/foreign', Buffer.from(foreign.ciphertext, 'base64'), foreign.metadata);
    await put(scene, 'p/plain\u001b[31m', Buffer.from('plain'), {});
    await put(scene, 'pq', Buffer.from('another prefix'), {});
    const listing = await ls('p');
    assert.deepEqual(listing.stdout.toString().split('\n').map((line) => line.trim()), [
      `${foreign.size}  unauthenticated  p/foreign`, '5  plain            p/plain\\x1b[31m', '1,234  sealed           p/sealed', '1  sealed           p/sub/other', '',
    ]);
    assert.match(listing.stderr, /^4 objects, .*2 sealed, 1 unauthenticated, 1 plain\n$/);
    assert.equal(listing.exitCode, 0);
    const events = (await ls('p', { json: true })).stdout.toString().trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(events.map(({ event, key, state, authenticated, envelope }) => [event, key, state, authenticated, envelope]), [
      ['object', 'p/foreign', 'unauthenticated', false, 'client-side-encryption'], ['object', 'p/plain\u001b[31m', 'plain', false, undefined],
      ['object', 'p/sealed', 'sealed', true, 'oss-crypto'], ['object', 'p/sub/other', 'sealed', true, 'client-side-encryption'],
      ['listing', undefined, undefined, undefined, undefined],
    ]);
    assert.equal(events[0]?.['storageClass'], 'Standard');
    assert.deepEqual([events[4]?.['objects'], events[4]?.['bytes'], events[4]?.['sealed']], [4, 1234 + 1 + 5 + foreign.size, 2]);
  });

  it('ends with the integrity code when metadata is damaged, and passes over what is gone', async (t) => {
    const { scene, ls } = await openShell(t);
    await scene.bucket().putObject('a', 'x');
    const { metadata, body } = await scene.raw('a');
    await put(scene, 'b', body, { ...metadata, 'x-oss-meta-sealift-version': '9' });
    await put(scene, 'c', body, metadata);
    const damaged = await ls('');
    assert.match(damaged.stdout.toString(), /sealed +a\n.*invalid +b\n.*sealed +c\n$/);
    assert.equal(damaged.exitCode, 4);
    scene.faults = ({ operation, key }) => (operation === 'HeadObject' && key === 'b' ? { kind: 'answer', status: 404, code: 'NoSuchKey' } : undefined);
    const gone = await ls('', { json: true });
    assert.deepEqual([gone.stdout.toString().split('\n').length, gone.exitCode], [4, 0]);
    scene.faults = ({ operation }) => (operation === 'HeadObject' ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined);
    await assert.rejects(ls(''), { code: 'access-denied' });
  });
});

describe('sealift cat', () => {
  it('writes the whole plaintext, and not one byte of a changed object', async (t) => {
    const { scene, cat, heard } = await openShell(t);
    for (const size of [0, 1000, SINGLE_PUT_BYTES + 1000]) {
      await scene.bucket().putObject('a', content(size));
      assert.ok((await cat('a', { memory: '8MiB' })).stdout.equals(content(size)), `${size} bytes`);
    }
    const { metadata, body } = await scene.raw('a');
    body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    await put(scene, 'a', body, metadata);
    for (const memory of ['8MiB', '256MiB']) {
      heard.length = 0;
      await assert.rejects(cat('a', { memory }), { code: 'authentication-failed' });
      assert.deepEqual(heard, [], `with a budget of ${memory}`);
    }
  });

  it('reads ranges as HTTP counts them, when it is told that they cannot be proven', async (t) => {
    const { scene, cat } = await openShell(t);
    const plain = content(70_001);
    for (const envelope of ['oss-crypto', 'client-side-encryption'] as const) {
      await scene.bucket({ envelope }).putObject('a', plain);
      const ranges = [['0-0', 0, 1], ['0-15', 0, 16], ['17-40000', 17, 40_001], ['70000-70000', 70_000, 70_001], ['65530-', 65_530, 70_001], ['-20', 69_981, 70_001], ['-99999', 0, 70_001], ['69999-80000', 69_999, 70_001]] as const;
      for (const [range, start, end] of ranges) {
        const { stdout, stderr } = await cat('a', { range, 'unverified-range': true });
        assert.ok(stdout.equals(plain.subarray(start, end)), range);
        assert.equal(stderr, '');
      }
    }
    await assert.rejects(cat('a', { range: '0-10' }), { code: 'usage', remedy: /--unverified-range/ });
    for (const range of ['', '-', '5-4', 'a-b', '1-2-3', '0x10-20', '70001-', '-0']) {
      await assert.rejects(cat('a', { range, 'unverified-range': true }), { code: 'usage' }, range);
    }
    await assert.rejects(cat(''), { code: 'usage', message: /names no object/ });
  });

  it('reads objects of other SDKs only when it may', async (t) => {
    const { scene, cat } = await openShell(t);
    const foreign = loadObjects('python-new-rsa').find(({ size }) => size > 0);
    assert.ok(foreign);
    await put(scene, 'foreign', Buffer.from(foreign.ciphertext, 'base64'), foreign.metadata);
    await assert.rejects(cat('foreign'), { code: 'unauthenticated' });
    for (const range of [{}, { 'range': '0-', 'unverified-range': true }]) {
      const { stdout, stderr, exitCode } = await cat('foreign', { 'allow-unauthenticated': true, ...range });
      assert.ok(stdout.equals(vectorPlaintext(foreign.size)));
      assert.match(stderr, /^warning: foreign: read unauthenticated; it may have been changed, or opened with the wrong key\n$/);
      assert.equal(exitCode, 0);
    }
    await assert.rejects(cat('foreign', { range: '0-0', 'unverified-range': true }), { code: 'unauthenticated' });
  });
});

describe('sealift inspect', () => {
  it('explains a sealed object, and names the key that opens it', async (t) => {
    const { scene, inspect, url } = await openShell(t);
    await scene.bucket().putObject('naïve', 'x', { metadata: { author: 'Ada' }, storageClass: 'IA' });
    const { stdout, exitCode } = await inspect('naïve');
    const text = stdout.toString();
    assert.equal(text.split('\n')[0], url('naïve'));
    for (const fact of [/class +IA\n/, /envelope +oss-crypto/, /sealed +by Sealift, format version 1, as "naïve"/, /OAEP-SHA-1 \(rsa\)/, /opens with +RSA-2048 SHA256:[0-9a-f]{64}; name, length and attributes are authentic/, /Python SDK, 2\.4\.0/, /ciphertext without an error/, /metadata +author: Ada/]) {
      assert.match(text, fact);
    }
    assert.equal(exitCode, 0);
    assert.doesNotMatch(text, /[A-Za-z0-9+/]{100}/);
  });

  it('tells what it knows without a key and with a wrong one', async (t) => {
    const { scene, inspect } = await openShell(t);
    await scene.bucket().putObject('a', 'x');
    const without = await inspect('a', { key: [] });
    assert.match(without.stdout.toString(), /opens with +a private RSA key, and none was given: --key/);
    assert.equal(without.exitCode, 0);
    const stranger = scene.path('stranger.pem');
    writeFileSync(stranger, strangersKey().privateKey?.export({ type: 'pkcs8', format: 'pem' }) ?? '', { mode: 0o600 });
    const wrong = await inspect('a', { key: [stranger] });
    assert.match(wrong.stdout.toString(), /opens with +not with RSA-2048 SHA256:[0-9a-f]{64}: failed to authenticate/);
    assert.equal(wrong.exitCode, 4);
    const both = await inspect('a', { key: [stranger, scene.path('key.pem')], json: true });
    const { opens } = JSON.parse(both.stdout.toString()) as { opens: Record<string, unknown> };
    assert.deepEqual([opens['kind'], opens['key'], opens['proven'], both.exitCode], ['opens', `RSA-2048 ${scene.key.fingerprint}`, true, 0]);
  });

  it('says who reads which envelope', async (t) => {
    const { scene, inspect } = await openShell(t);
    const expected = [
      [{ envelope: 'client-side-encryption' }, /Java, Go, C\+\+, Python \(2\.11 and later\) and PHP/],
      [{ envelope: 'client-side-encryption', cryptoProvider: scene.kms() }, /official Java and Go SDKs/],
      [{ envelope: 'client-side-encryption', cryptoProvider: scene.kms({ flavour: 'python' }) }, /official Python SDK, 2\.11 and later/],
      [{ envelope: 'oss-crypto', cryptoProvider: scene.kms() }, /opens with +KMS \(cn-hangzhou\); name/],
    ] as const;
    for (const [options, pattern] of expected) {
      await scene.bucket(options).putObject('a', 'x');
      assert.match((await inspect('a')).stdout.toString(), pattern);
    }
    const [foreign] = loadObjects('python-legacy-rsa');
    assert.ok(foreign);
    await put(scene, 'a', Buffer.from(foreign.ciphertext, 'base64'), foreign.metadata);
    assert.match((await inspect('a')).stdout.toString(), /sealed +by another SDK[^]*AES-256-CTR, labelled AES\/GCM\/NoPadding[^]*cannot be told from a wrong key[^]*--allow-unauthenticated/);
  });

  it('tells plain, renamed and damaged objects apart', async (t) => {
    const { scene, inspect } = await openShell(t);
    await put(scene, 'plain', Buffer.from('plain'), {});
    assert.match((await inspect('plain')).stdout.toString(), /encrypted +no/);
    await scene.bucket().putObject('a', 'x');
    const { metadata, body } = await scene.raw('a');
    await put(scene, 'moved', body, metadata);
    assert.match((await inspect('moved')).stdout.toString(), /as "a"[^]*sealed under another name/);
    await put(scene, 'damaged', body, { ...metadata, 'x-oss-meta-sealift-mac': 'f'.repeat(32) });
    assert.equal((await inspect('damaged')).exitCode, 4);
    await put(scene, 'broken', body, { ...metadata, 'x-oss-meta-sealift-mac': 'f' });
    await assert.rejects(inspect('broken'), { name: 'EnvelopeError', code: 'envelope-invalid', message: /broken/ });
    await assert.rejects(inspect('nothing'), { code: 'not-found' });
  });
});

async function put(scene: Scene, key: string, body: Buffer, metadata: Readonly<Record<string, string>>): Promise<void> {
  await scene.store.put(key, body, { metadata, crc64: crc.digestOf(body) });
}
