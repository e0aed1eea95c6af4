import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import type { MasterKey } from '../../src/keys/master-key.js';
import { rsaKey } from '../../src/keys/rsa.js';
import type { EnvelopeFamily } from '../../src/keys/wrapper.js';
import type { RequestRecord } from '../../src/local/cloud.js';
import { anyKmsKey, kmsCalls, kmsKey } from '../support/kms-keys.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, publicHalf, SMALL, strangersKey, TWO_THREADS, warmThreads, type World } from '../support/world.js';

const FAMILIES: readonly EnvelopeFamily[] = ['oss-crypto', 'client-side-encryption'];
const LARGE = 4 * 1024 * 1024 + 3 * SMALL.partBytes + 5;

interface Cell {
  readonly name: string;
  readonly seal: (world: World) => MasterKey;
  readonly open: (world: World) => MasterKey;
  readonly envelopes: readonly EnvelopeFamily[];
  readonly wrapAlgorithms: Readonly<Record<EnvelopeFamily, string>>;
}

const CELLS: readonly Cell[] = [
  {
    name: 'RSA', envelopes: FAMILIES, seal: ({ key }) => publicHalf(key), open: ({ key }) => key,
    wrapAlgorithms: { 'oss-crypto': 'rsa', 'client-side-encryption': 'RSA/NONE/PKCS1Padding' },
  },
  {
    name: 'KMS', envelopes: FAMILIES, seal: (world) => kmsKey(world), open: (world) => anyKmsKey(world),
    wrapAlgorithms: { 'oss-crypto': 'kms', 'client-side-encryption': 'KMS/ALICLOUD' },
  },
  {
    name: 'KMS of the Python flavour with a passphrase', envelopes: ['client-side-encryption'],
    seal: (world) => kmsKey(world, { flavour: 'python', passphrase: 'open sesame' }),
    open: (world) => anyKmsKey(world, { passphrase: 'open sesame' }),
    wrapAlgorithms: { 'oss-crypto': 'kms', 'client-side-encryption': 'KMS/ALICLOUD' },
  },
];

describe('a directory comes back, and verifies', () => {
  it('under every kind of key, in every envelope, whole and in parts', async (t) => {
    const world = await makeWorld(t);
    const pushes = CELLS.flatMap((cell) => cell.envelopes.map((envelope) => ({ cell, envelope, name: `${cell.name} ${envelope}` })));
    for (const { cell, envelope, name } of pushes) {
      await t.test(`sealed under ${name}`, async () => {
        plant(world.path('source', name), { 'small.txt': 'hello', empty: '', 'block.bin': content(4096), 'large.bin': content(LARGE) });
        world.requests.length = 0;
        const { result } = await world.push({ source: world.path('source', name), target: { ...world.target, prefix: `all/${name}` }, keys: [cell.seal(world)], envelope });
        assert.deepEqual([result.done, result.exitCode], [4, 0], JSON.stringify(result.failures));
        assertHeaders(world.requests, envelope, cell.wrapAlgorithms[envelope]);
      });
    }
    const everything = { target: { ...world.target, prefix: 'all' }, keys: CELLS.map(({ open }) => open(world)) };
    const back = await world.pull(world.path('back'), everything);
    assert.equal(back.result.exitCode, 0, JSON.stringify(back.result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    const verified = await world.verify({ ...everything, against: world.source });
    assert.deepEqual([verified.result.done, verified.result.exitCode], [4 * pushes.length, 0], JSON.stringify(verified.result.failures));
  });
});

/** What foreign readers look at; of an upload in parts, on every request that may carry metadata. */
function assertHeaders(requests: readonly RequestRecord[], envelope: EnvelopeFamily, wrapAlgorithm: string): void {
  const prefix = envelope === 'oss-crypto' ? 'x-oss-meta-oss-' : 'x-oss-meta-client-side-encryption-';
  const whole = only(requests, 'PutObject');
  const begun = only(requests, 'InitiateMultipartUpload');
  assert.deepEqual([whole.length, begun.length], [3, 1]);
  for (const { metadata } of [...whole, ...begun]) {
    assert.equal(metadata[`${prefix}wrap-alg`], wrapAlgorithm);
    assert.equal(metadata[`${prefix}cek-alg`], envelope === 'oss-crypto' ? 'AES/GCM/NoPadding' : 'AES/CTR/NoPadding');
  }
  const parts = only(requests, 'UploadPart');
  assert.equal(parts.length, Math.ceil(LARGE / SMALL.partBytes));
  const ofUpload = begun[0]?.metadata ?? {};
  if (envelope === 'oss-crypto') {
    assert.deepEqual(parts.filter(({ metadata }) => Object.keys(metadata).length > 0), []);
    return;
  }
  assert.deepEqual([ofUpload[`${prefix}data-size`], ofUpload[`${prefix}part-size`]], [String(LARGE), String(SMALL.partBytes)]);
  for (const { metadata } of parts) {
    assert.deepEqual(metadata, ofUpload);
  }
}

describe('a bucket under several keys', () => {
  it('pulls in one run: both kinds, both envelopes, both flavours, several key ids and passphrases', async (t) => {
    const world = await makeWorld(t);
    const second = strangersKey();
    const other = world.cloud.createKmsKey('alias/other');
    const pushes: readonly { name: string; key: MasterKey; envelope: EnvelopeFamily }[] = [
      { name: 'rsa-a', key: world.key, envelope: 'oss-crypto' },
      { name: 'rsa-b', key: second, envelope: 'client-side-encryption' },
      { name: 'kms-a', key: kmsKey(world), envelope: 'oss-crypto' },
      { name: 'kms-b', key: kmsKey(world, { keyId: other }), envelope: 'client-side-encryption' },
      { name: 'kms-c', key: kmsKey(world, { keyId: 'alias/other', flavour: 'python', passphrase: 'p c' }), envelope: 'client-side-encryption' },
      { name: 'kms-d', key: kmsKey(world, { passphrase: 'p d' }), envelope: 'oss-crypto' },
    ];
    for (const { name, key, envelope } of pushes) {
      plant(world.source, { [`${name}/file`]: name, [`${name}/more`]: content(5000) });
      const { result } = await world.push({ source: world.path('source', name), target: { ...world.target, prefix: `all/${name}` }, keys: [key], envelope });
      assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    }
    const keys = [second, world.key, anyKmsKey(world, { passphrase: 'p c' }), anyKmsKey(world, { passphrase: 'p d' }), anyKmsKey(world)];
    const pulled = await world.pull(world.path('back'), { target: { ...world.target, prefix: 'all' }, keys, tuning: TWO_THREADS, pool: warmThreads(2) });
    assert.deepEqual([pulled.result.done, pulled.result.failures], [12, []]);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });

  it('writes the description of a key that has one, and chooses by it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'A', 'large.bin': content(LARGE) });
    const named = rsaKey(world.key.privateKey ?? world.key.publicKey, { z: '1', 'key': 'mine' });
    await world.push({ keys: [named] });
    const sent = [...only(world.requests, 'PutObject'), ...only(world.requests, 'InitiateMultipartUpload')];
    assert.deepEqual(sent.map(({ metadata }) => metadata['x-oss-meta-oss-matdesc']), ['{"key":"mine","z":"1"}', '{"key":"mine","z":"1"}']);
    const { result } = await world.verify({ keys: [strangersKey(), named] });
    assert.deepEqual([result.done, result.failures], [2, []]);
  });

  it('lists the keys that were tried when none opens, and does not say why each failed', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'A' });
    await world.push();
    const [one, two] = [strangersKey(0), strangersKey(1)];
    const { result } = await world.verify({ keys: [one, two, anyKmsKey(world)] });
    assert.equal(result.exitCode, 4);
    const [{ message, remedy = '' } = { message: '' }] = result.failures;
    assert.ok(remedy.includes(one.fingerprint) && remedy.includes(two.fingerprint), remedy);
    assert.doesNotMatch(`${message} ${remedy}`, /padding|OAEP|PKCS|KMS/i);
  });
});

describe('the number of KMS calls', () => {
  const FILES = 120;

  for (const envelope of FAMILIES) {
    it(`stays within 1.01 per object and one per worker, sealed and opened (${envelope})`, async (t) => {
      const world = await makeWorld(t, TWO_THREADS);
      mkdirSync(world.path('source', 'd'));
      plant(world.source, Object.fromEntries(Array.from({ length: FILES - 2 }, (_, i) => [`d/${i}`, `file ${i}`])));
      plant(world.source, { 'large-1.bin': content(LARGE), 'large-2.bin': content(LARGE, 2) });
      const limit = 1.01 * FILES + TWO_THREADS.threads;
      const { result } = await world.push({ keys: [kmsKey(world)], envelope });
      assert.deepEqual([result.done, result.failures], [FILES, []]);
      const sealing = kmsCalls(world.requests);
      assert.ok(sealing.length >= FILES && sealing.length <= limit, `${sealing.length} calls to seal ${FILES} objects`);
      world.requests.length = 0;
      const opened = await (envelope === 'oss-crypto' ? world.pull(world.path('back'), { keys: [anyKmsKey(world)] }) : world.verify({ keys: [anyKmsKey(world)] }));
      assert.deepEqual([opened.result.done, opened.result.failures], [FILES, []]);
      const opening = kmsCalls(world.requests);
      assert.ok(opening.length >= FILES && opening.length <= limit, `${opening.length} calls to open ${FILES} objects`);
    });
  }

  it('is not spent on files that are skipped', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'A', b: 'B' });
    const keys = [kmsKey(world)];
    await world.push({ keys });
    const sealed = kmsCalls(world.requests).length;
    await world.push({ keys });
    assert.equal(kmsCalls(world.requests).length, sealed);
    const checked = await world.push({ keys, checksum: true });
    assert.equal(checked.result.skipped, 2, JSON.stringify(checked.result));
    assert.deepEqual([...new Set(kmsCalls(world.requests).slice(sealed).map(({ operation }) => operation))], ['Decrypt']);
  });
});

/** Changes the last bit of what these headers of an object carry. */
async function changeBlobs({ store }: World, key: string, names: readonly string[]): Promise<void> {
  const { metadata } = await store.head(key);
  const changed = names.map((name): [string, string] => {
    const blob = Buffer.from(metadata[name] ?? '', 'base64');
    blob.writeUInt8(blob.readUInt8(blob.length - 1) ^ 1, blob.length - 1);
    return [name, blob.toString('base64')];
  });
  const body = await buffer((await store.get(key)).body);
  await store.put(key, body, { metadata: { ...metadata, ...Object.fromEntries<string>(changed) }, crc64: Crc64.create().digestOf(body) });
}

describe('a KMS that refuses', () => {
  const FILES = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, `file ${i}`]));

  it('with a disabled key stops the push at the first file, names the key, and lets it resume', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, FILES);
    const { keyId } = world.cloud.kms;
    const keys = [kmsKey(world)];
    world.cloud.setKmsKeyEnabled(keyId, false);
    const stopped = await world.push({ keys });
    assert.deepEqual([stopped.result.exitCode, stopped.result.done, stopped.result.failed, stopped.result.complete], [5, 0, 1, false]);
    assert.match(stopped.result.failures[0]?.message ?? '', new RegExp(`KMS key ${keyId}: .*Rejected\\.Disabled`));
    assert.equal(only(world.requests, 'PutObject').length, 0);
    world.cloud.setKmsKeyEnabled(keyId, true);
    const resumed = await world.push({ keys });
    assert.deepEqual([resumed.result.exitCode, resumed.result.done, resumed.result.run], [0, 20, stopped.result.run]);
  });

  it('with a disabled key stops the pull, names that key though another is configured, and lets it resume', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, FILES);
    const other = world.cloud.createKmsKey();
    await world.push({ keys: [kmsKey(world, { keyId: other })] });
    world.cloud.setKmsKeyEnabled(other, false);
    for (const key of [kmsKey(world), anyKmsKey(world)]) {
      const { result } = await world.pull(world.path('back'), { keys: [key] });
      assert.deepEqual([result.exitCode, result.done, result.failed], [5, 0, 1]);
      assert.match(result.failures[0]?.message ?? '', new RegExp(`KMS key ${other}: Decrypt refused \\(Rejected\\.Disabled`));
    }
    world.cloud.setKmsKeyEnabled(other, true);
    const resumed = await world.pull(world.path('back'), { keys: [anyKmsKey(world)] });
    assert.deepEqual([resumed.result.exitCode, resumed.result.failures], [0, []]);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });

  it('with another context stops the pull at the first object', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, FILES);
    await world.push({ keys: [kmsKey(world, { passphrase: 'right' })] });
    const { result } = await world.pull(world.path('back'), { keys: [anyKmsKey(world, { passphrase: 'wrong' })] });
    assert.deepEqual([result.exitCode, result.done, result.failed], [5, 0, 1]);
    assert.match(result.failures[0]?.remedy ?? '', /passphrase/);
    const again = await world.pull(world.path('back'), { keys: [anyKmsKey(world, { passphrase: 'right' })] });
    assert.deepEqual([again.result.exitCode, again.result.failures], [0, []]);
  });

  for (const action of ['GenerateDataKey', 'Encrypt']) {
    it(`without the permission for ${action} stops the push and lets it resume`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, FILES);
      const keys = [kmsKey(world)];
      world.faults = ({ operation }) => (operation === action ? { kind: 'answer', status: 403, body: JSON.stringify({ Code: 'Forbidden.NoPermission', Message: 'no', RequestId: 'r' }) } : undefined);
      const { result } = await world.push({ keys });
      assert.deepEqual([result.exitCode, result.done, result.failed], [5, 0, 1], JSON.stringify(result.failures));
      assert.match(result.failures[0]?.message ?? '', new RegExp(`KMS key ${world.cloud.kms.keyId}: ${action} refused \\(Forbidden\\.NoPermission`));
      world.faults = () => undefined;
      const resumed = await world.push({ keys });
      assert.deepEqual([resumed.result.exitCode, resumed.result.done], [0, 20]);
    });
  }

  it('one changed object only, once its context is proven, with that object alone', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'A', z: 'Z' });
    await world.push({ keys: [kmsKey(world)] });
    await changeBlobs(world, 'backup/z', ['x-oss-meta-oss-crypto-key']);
    const { result } = await world.pull(world.path('back'), { keys: [anyKmsKey(world)], tuning: { ...SMALL, concurrency: 1 }, pool: warmThreads() });
    assert.deepEqual([result.exitCode, result.done, result.failures.map(({ path, code }) => [path, code])], [4, 1, [['z', 'authentication-failed']]]);
  });

  it('one changed object only, though it is the first, where there is no context', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'A', z: 'Z' });
    await world.push({ keys: [kmsKey(world)], envelope: 'client-side-encryption' });
    await changeBlobs(world, 'backup/a', ['x-oss-meta-client-side-encryption-key', 'x-oss-meta-client-side-encryption-start']);
    const { result } = await world.pull(world.path('back'), { keys: [anyKmsKey(world)], tuning: { ...SMALL, concurrency: 1 }, pool: warmThreads() });
    assert.deepEqual([result.exitCode, result.done, result.failures.map(({ path, code }) => [path, code])], [4, 1, [['a', 'authentication-failed']]]);
  });

  it('to seal with no key at all is an error before anything is sent', async (t) => {
    const world = await makeWorld(t);
    await assert.rejects(world.push({ keys: [anyKmsKey(world)] }), { code: 'master-key-missing' });
    await assert.rejects(world.push({ keys: [kmsKey(world, { passphrase: 'x' })], envelope: 'client-side-encryption' }), { code: 'config-invalid' });
    assert.equal(world.requests.length, 0);
  });
});

describe('an interrupted upload in parts under a KMS key', () => {
  /** More than the memory budget holds, so that parts are left to send when the run stops. */
  const HUGE = 8 * 1024 * 1024;

  /** Pushes until a few parts are there. */
  async function interrupted(world: World, keys: readonly MasterKey[]): Promise<void> {
    const stop = new AbortController();
    let parts = 0;
    world.faults = ({ operation }) => {
      parts += operation === 'UploadPart' ? 1 : 0;
      if (parts === 8) {
        stop.abort();
      }
      return undefined;
    };
    const { result } = await world.push({ keys, signal: stop.signal });
    assert.deepEqual([result.exitCode, result.complete], [130, false]);
    world.faults = () => undefined;
    world.requests.length = 0;
  }

  it('goes on with the same data key, at the cost of unwrapping it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'large.bin': content(HUGE) });
    const keys = [kmsKey(world)];
    await interrupted(world, keys);
    const { result } = await world.push({ keys });
    assert.deepEqual([result.exitCode, result.done], [0, 1], JSON.stringify(result.failures));
    assert.deepEqual(kmsCalls(world.requests).map(({ operation }) => operation), ['Decrypt', 'Decrypt']);
    assert.ok(only(world.requests, 'UploadPart').length < Math.ceil(HUGE / SMALL.partBytes));
    const verified = await world.verify({ keys, against: world.source });
    assert.deepEqual([verified.result.exitCode, verified.result.done], [0, 1]);
  });

  it('starts afresh and says so where Decrypt is not permitted', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'large.bin': content(HUGE) });
    const keys = [kmsKey(world)];
    await interrupted(world, keys);
    world.faults = ({ operation }) => (operation === 'Decrypt' ? { kind: 'answer', status: 403, body: JSON.stringify({ Code: 'Forbidden.NoPermission', Message: 'no', RequestId: 'r' }) } : undefined);
    const { result, events } = await world.push({ keys });
    assert.deepEqual([result.exitCode, result.done], [0, 1], JSON.stringify(result.failures));
    assert.ok(events.some((event) => event.event === 'notice' && event.message.includes('fresh data key')));
    assert.equal(only(world.requests, 'AbortMultipartUpload').length, 1);
    assert.equal(only(world.requests, 'GenerateDataKey').length, 1);
  });
});
