import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { KmsKey } from '../../src/keys/kms.js';
import type { MasterKey } from '../../src/keys/master-key.js';
import type { RsaKey } from '../../src/keys/rsa.js';
import type { RunResult } from '../../src/run/options.js';
import type { Metadata } from '../../src/store/store.js';
import { keyFile, reach, startCli } from '../support/cli.js';
import { anyKmsKey, kmsCalls, kmsKey } from '../support/kms-keys.js';
import { fetchStored, store, strip } from '../support/stored.js';
import { content, describeTree, plant, plantHostile } from '../support/trees.js';
import { makeWorld, only, publicHalf, strangersKey, TWO_THREADS, type World } from '../support/world.js';

const LARGE = 4_300_000;
const START = 'x-oss-meta-oss-crypto-start';
const WRAPPING = /^x-oss-meta-oss-(?:crypto-key|crypto-start|wrap-alg)$/;

function failuresOf({ failures }: RunResult): string[] {
  return failures.map(({ path, code }) => `${path}: ${code}`).sort();
}

async function pushed(t: TestContext, keys?: readonly MasterKey[]): Promise<World> {
  const world = await makeWorld(t, TWO_THREADS);
  plantHostile(world.source);
  plant(world.source, { large: content(LARGE) });
  const { result } = await world.push(keys === undefined ? {} : { keys });
  assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  world.requests.length = 0;
  return world;
}

async function small(t: TestContext, names: readonly string[] = ['a', 'b', 'c']): Promise<World> {
  const world = await makeWorld(t);
  plant(world.source, Object.fromEntries(names.map((name) => [name, `content of ${name}`])));
  await world.push();
  world.requests.length = 0;
  return world;
}

async function assertOpensWith(world: World, key: MasterKey): Promise<void> {
  const { result } = await world.pull(world.path('back'), { keys: [key] });
  assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
}

describe('rewrap', () => {
  it('puts whole objects and those of parts under another RSA key, and moves no body', async (t) => {
    const world = await pushed(t);
    const fresh = strangersKey();
    const { result, events } = await world.rewrap([fresh, world.key]);
    assert.deepEqual([result.run, result.exitCode, result.failed, result.complete], ['rewrap', 0, 0, true], JSON.stringify(result.failures));
    assert.equal(result.done, only(world.requests, 'CopyObject').length);
    assert.equal(events.at(-1)?.event, 'summary');
    const progress = events.findLast((event) => event.event === 'progress');
    assert.ok(progress !== undefined && progress.scannedBytes > LARGE && progress.movedBytes === progress.scannedBytes, JSON.stringify(progress));
    assert.deepEqual(world.requests.filter(({ operation }) => !/^(?:HeadObject|CopyObject|ListObjectsV2)$/.test(operation)), []);
    await assertOpensWith(world, fresh);
    const withOld = await world.verify({ keys: [world.key] });
    assert.deepEqual([withOld.result.done, withOld.result.failed], [0, result.done]);
  });

  it('leaves what a manifest has recorded as it was', async (t) => {
    const world = await pushed(t);
    const { result: { manifest = '' } } = await world.push();
    await world.rewrap([strangersKey(), world.key]);
    const { result } = await world.verify({ keys: [strangersKey()], manifest, against: world.source });
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  });

  it('changes nothing of an object but what wraps its keys', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'content' });
    await world.push({ storageClass: 'IA' });
    const before = await world.store.head('backup/a');
    const { body } = await fetchStored(world, 'backup/a');
    await world.rewrap([strangersKey(), world.key]);
    const after = await world.store.head('backup/a');
    const rest = (metadata: Metadata): unknown => Object.entries(metadata).filter(([name]) => !WRAPPING.test(name)).sort();
    assert.deepEqual(rest(after.metadata), rest(before.metadata));
    assert.notEqual(after.metadata['x-oss-meta-oss-crypto-key'], before.metadata['x-oss-meta-oss-crypto-key']);
    assert.deepEqual([after.etag, after.crc64, after.kept], [before.etag, before.crc64, before.kept]);
    assert.equal(after.storageClass, 'IA');
    assert.deepEqual((await fetchStored(world, 'backup/a')).body, body);
  });

  it('writes the description of the new key in place of that of the old one', async (t) => {
    const described = (key: RsaKey, name: string): RsaKey => ({ ...key, materialDescription: { name } });
    const world = await makeWorld(t);
    const [old, fresh] = [described(world.key, 'old'), described(strangersKey(), 'new')];
    plant(world.source, { a: 'content' });
    await world.push({ keys: [old] });
    await world.rewrap([fresh, old]);
    assert.equal((await world.store.head('backup/a')).metadata['x-oss-meta-oss-matdesc'], '{"name":"new"}');
    await world.rewrap([publicHalf(world.key), fresh]);
    assert.equal((await world.store.head('backup/a')).metadata['x-oss-meta-oss-matdesc'], undefined);
    await assertOpensWith(world, world.key);
  });

  it('leads from a key file to KMS and back', async (t) => {
    const world = await pushed(t);
    const toKms = await world.rewrap([kmsKey(world), world.key]);
    assert.equal(toKms.result.exitCode, 0, JSON.stringify(toKms.result.failures));
    await assertOpensWith(world, anyKmsKey(world));
    const back = await world.rewrap([world.key, anyKmsKey(world)]);
    assert.deepEqual([back.result.exitCode, back.result.done], [0, toKms.result.done], JSON.stringify(back.result.failures));
    assert.equal((await world.verify({ keys: [world.key] })).result.exitCode, 0);
  });

  it('skips what is under the new key already', async (t) => {
    const world = await pushed(t);
    const { result } = await world.rewrap([strangersKey(), world.key], { include: ['sizes/**'] });
    assert.deepEqual([result.done, result.skipReasons?.excluded], [6, result.scanned - 6]);
    const rest = await world.rewrap([strangersKey(), world.key]);
    assert.deepEqual([rest.result.done, rest.result.skipReasons], [result.scanned - 6, { 'same-key': 6 }]);
    world.requests.length = 0;
    assert.deepEqual((await world.rewrap([strangersKey(), world.key])).result.skipReasons, { 'same-key': result.scanned });
    assert.deepEqual(only(world.requests, 'CopyObject'), []);
  });

  it('shows how far it is, though no body moves', async (t) => {
    const world = await small(t, ['a', 'b', 'c']);
    await world.rewrap([strangersKey(), world.key], { include: ['a'] });
    const { events } = await world.rewrap([strangersKey(), world.key]);
    const [progress] = events.filter((event) => event.event === 'progress').slice(-1);
    assert.deepEqual([progress?.scannedBytes, progress?.movedBytes], [36, 24]);
    assert.deepEqual(events.filter((event) => event.event === 'file').map(({ path, bytes }) => [path, bytes]).sort(), [['a', 12], ['b', 12], ['c', 12]]);
  });

  it('skips what KMS has wrapped under the same version of its key, at two calls each at most', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', b: 'b' });
    await world.push({ keys: [kmsKey(world)] });
    world.requests.length = 0;
    assert.deepEqual((await world.rewrap([kmsKey(world)])).result.skipReasons, { 'same-key': 2 });
    assert.deepEqual(kmsCalls(world.requests).map(({ operation }) => operation).filter((operation) => operation === 'Encrypt'), ['Encrypt']);
    assert.deepEqual(only(world.requests, 'CopyObject'), []);
  });

  it('takes over a start block, too, that is under another KMS key than its data key', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', b: 'b' });
    const [one, two] = ['alias/one', 'alias/two'].map((alias) => kmsKey(world, { keyId: world.cloud.createKmsKey(alias) })) as [KmsKey, KmsKey];
    await world.push({ keys: [one] });
    const { metadata: { [START]: underOne = '' } } = await world.store.head('backup/a');
    await world.rewrap([two]);
    for (const name of ['backup/a', 'backup/b']) {
      const head = await world.store.head(name);
      await world.store.replaceMetadata(name, { head, metadata: { ...head.metadata, [START]: underOne } });
    }
    assert.deepEqual((await world.rewrap([two])).result.done, 2);
    assert.notEqual((await world.store.head('backup/b')).metadata[START], underOne);
    assert.deepEqual((await world.rewrap([two])).result.skipReasons, { 'same-key': 2 });
    assert.equal((await world.verify({ keys: [anyKmsKey(world)] })).result.exitCode, 0);
  });

  it('needs the new public key alone, but cannot recognise then what it has done', async (t) => {
    const world = await small(t);
    const sealing = publicHalf(strangersKey());
    assert.deepEqual((await world.rewrap([sealing, world.key])).result.exitCode, 0);
    await assertOpensWith(world, strangersKey());
    const again = await world.rewrap([sealing, world.key]);
    assert.deepEqual(failuresOf(again.result), ['a: authentication-failed', 'b: authentication-failed', 'c: authentication-failed']);
    assert.deepEqual(only(world.requests, 'CopyObject').length, 3);
  });

  it('asks OSS for no change in a dry run, and tells what could not be opened', async (t) => {
    const world = await small(t);
    const before = await fetchStored(world, 'backup/a');
    await world.putPlain('backup/plain', 'plain');
    const { result, events } = await world.rewrap([strangersKey(), world.key], { dryRun: true });
    assert.deepEqual([result.run, result.done, failuresOf(result)], ['dry-run', 3, ['plain: not-sealed']]);
    assert.equal(events.filter((event) => event.event === 'file' && event.state === 'planned').length, 3);
    assert.deepEqual(only(world.requests, 'CopyObject'), []);
    assert.deepEqual(await fetchStored(world, 'backup/a'), before);
  });

  it('fails for what no key fits for certain, or OSS keeps, and does the rest', async (t) => {
    const world = await small(t, ['good', 'stripped', 'changed']);
    plant(world.path('other'), { kept: 'kept' });
    await world.push({ source: world.path('other'), envelope: 'client-side-encryption', newRun: true });
    await world.putPlain('backup/plain', 'plain');
    await strip(world, 'backup/stripped');
    const { body, metadata } = await fetchStored(world, 'backup/changed');
    await store(world, 'backup/changed', body, { ...metadata, 'x-oss-meta-sealift-mac': '0'.repeat(32) });
    const { result } = await world.rewrap([strangersKey(), world.key]);
    assert.deepEqual([result.done, result.exitCode], [1, 4]);
    assert.deepEqual(failuresOf(result), ['changed: authentication-failed', 'kept: not-rewrappable', 'plain: not-sealed', 'stripped: unauthenticated']);
    assert.deepEqual(only(world.requests, 'CopyObject').map(({ key }) => key), ['backup/good']);
    assert.equal((await world.verify({ keys: [world.key], include: ['kept'] })).result.exitCode, 0);
  });

  it('takes an object of another name only when told to', async (t) => {
    const world = await small(t, ['a']);
    const { body, metadata } = await fetchStored(world, 'backup/a');
    await store(world, 'backup/b', body, metadata);
    assert.deepEqual(failuresOf((await world.rewrap([strangersKey(), world.key])).result), ['b: renamed']);
    assert.equal((await world.rewrap([strangersKey(), world.key], { allowRenamed: true })).result.done, 1);
  });

  it('counts an object whose answer was lost, with the new public key alone too', async (t) => {
    for (const fresh of [strangersKey(), publicHalf(strangersKey())]) {
      const world = await small(t);
      plant(world.source, { large: content(LARGE) });
      await world.push();
      const lost = new Set<string>();
      world.faults = ({ operation, key }) => {
        if (operation !== 'CopyObject' || lost.has(key)) {
          return undefined;
        }
        lost.add(key);
        return { kind: 'lose-answer' };
      };
      const { result } = await world.rewrap([fresh, world.key]);
      assert.deepEqual([result.exitCode, result.done, lost.size], [0, 4, 4], JSON.stringify(result.failures));
      assert.equal((await world.verify({ keys: [strangersKey()] })).result.exitCode, 0);
    }
  });

  it('knows its own work where the server has given the object another ETag for it', async (t) => {
    const world = await small(t, ['a']);
    let copies = 0;
    world.faults = ({ operation }) => {
      if (operation !== 'CopyObject') {
        return undefined;
      }
      copies += 1;
      return copies === 1 ? { kind: 'lose-answer' } : { kind: 'answer', status: 412, code: 'PreconditionFailed' };
    };
    const { result } = await world.rewrap([publicHalf(strangersKey()), world.key]);
    assert.deepEqual([result.done, copies], [1, 2], JSON.stringify(result.failures));
  });

  it('begins again with an object that was replaced meanwhile, and fails when that goes on', async (t) => {
    const world = await small(t, ['a']);
    const { body, metadata } = await fetchStored(world, 'backup/a');
    let refusals = 1;
    world.faults = ({ operation }) => (operation === 'CopyObject' && refusals-- > 0 ? { kind: 'answer', status: 412, code: 'PreconditionFailed' } : undefined);
    assert.equal((await world.rewrap([strangersKey(), world.key])).result.done, 1);
    await store(world, 'backup/a', body, metadata);
    refusals = Number.MAX_SAFE_INTEGER;
    assert.deepEqual(failuresOf((await world.rewrap([strangersKey(), world.key])).result), ['a: replaced']);
  });

  it('does not believe a server that says yes and keeps the old headers', async (t) => {
    const world = await small(t, ['a']);
    const etag = await world.etag('backup/a');
    const body = `<?xml version="1.0" encoding="UTF-8"?><CopyObjectResult><ETag>"${etag}"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyObjectResult>`;
    world.faults = ({ operation }) => (operation === 'CopyObject' ? { kind: 'answer', status: 200, body, headers: { 'content-type': 'application/xml' } } : undefined);
    const { result } = await world.rewrap([strangersKey(), world.key]);
    assert.deepEqual([failuresOf(result), result.exitCode], [['a: checksum-mismatch'], 4]);
    assert.equal((await world.verify()).result.exitCode, 0);
  });

  it('does not believe a server that holds another body afterwards', async (t) => {
    const world = await small(t, ['a']);
    const otherBody = { kind: 'wrong-checksums', crc64: '1' } as const;
    let copies = 0;
    world.faults = ({ operation }) => {
      copies += operation === 'CopyObject' ? 1 : 0;
      if (copies > 1 && operation === 'CopyObject') {
        return { kind: 'answer', status: 412, code: 'PreconditionFailed' };
      }
      return copies > 0 ? otherBody : undefined;
    };
    const { result } = await world.rewrap([strangersKey(), world.key]);
    assert.deepEqual([failuresOf(result), result.exitCode, copies], [['a: checksum-mismatch'], 4, 2]);
  });

  it('stops in good order on an abort, and the next one does the rest', async (t) => {
    const names = Array.from({ length: 40 }, (_, index) => `file-${index}`);
    const world = await small(t, names);
    const aborting = new AbortController();
    world.answered = ({ operation }) => {
      if (operation === 'CopyObject') {
        aborting.abort();
      }
    };
    const { result } = await world.rewrap([strangersKey(), world.key], { signal: aborting.signal });
    assert.deepEqual([result.exitCode, result.complete], [130, false]);
    assert.ok(result.done > 0 && result.done < names.length, `${result.done}`);
    const rest = await world.rewrap([strangersKey(), world.key]);
    assert.deepEqual([rest.result.exitCode, rest.result.done, rest.result.skipReasons], [0, names.length - result.done, { 'same-key': result.done }]);
    assert.equal((await world.verify({ keys: [strangersKey()] })).result.exitCode, 0);
  });

  it('lets a host that may only push go on with its run, under the new key', async (t) => {
    const world = await small(t);
    const [old, fresh] = [publicHalf(world.key), publicHalf(strangersKey())];
    const { result: { manifest = '' } } = await world.push({ keys: [old], manifest: world.path('run.jsonl') });
    await world.rewrap([strangersKey(), world.key]);
    plant(world.source, { d: 'content of d' });
    world.faults = ({ operation }) => (/^(?:Head|Get|List)/.test(operation) ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined);
    const both = { keys: [fresh, old], manifest };
    assert.equal((await world.push({ ...both, dryRun: true })).result.done, 1);
    const { result } = await world.push(both);
    assert.deepEqual([result.exitCode, result.done, result.skipReasons], [0, 1, { unchanged: 3 }], JSON.stringify(result.failures));
    const alone = await world.push({ keys: [fresh], newRun: true });
    assert.deepEqual([...new Set(alone.result.failures.map(({ code }) => code))], ['exists']);
    await assert.rejects(world.push({ keys: [fresh], manifest }), { code: 'usage', message: /run under another master key, SHA256:/, remedy: /--key NEW --key OLD/ });
    world.faults = () => undefined;
    await assertOpensWith(world, strangersKey());
  });

  it('finds the run of a further key where the first has none', async (t) => {
    const world = await small(t);
    const under = async (...keys: RsaKey[]): Promise<string | undefined> => (await world.push({ keys })).result.manifest;
    const ofOld = await under(world.key);
    assert.equal(await under(strangersKey(), world.key), ofOld);
    const ofNew = await under(strangersKey());
    assert.notEqual(ofNew, ofOld);
    assert.equal(await under(strangersKey(), world.key), ofNew);
    assert.equal(await under(world.key, strangersKey()), ofOld);
  });

  it('loses no object to SIGKILL, whether the server has heard of its new key or not', async (t) => {
    const names = Array.from({ length: 24 }, (_, index) => `file-${index}`);
    const world = await small(t, names);
    const keys = ['--key', keyFile(world, strangersKey(), 'new'), '--key', keyFile(world, world.key, 'old')];
    const { env } = reach(world);
    for (const kind of ['reset', 'lose-answer'] as const) {
      const { child, finished } = startCli(['rewrap', 'oss://sealift/backup', ...keys, '--threads', '1', '--concurrency', '4', '--quiet'], { cwd: world.directory, env });
      let copies = 0;
      world.faults = ({ operation }) => {
        copies += operation === 'CopyObject' ? 1 : 0;
        if (copies < 8) {
          return undefined;
        }
        child.kill('SIGKILL');
        return { kind };
      };
      assert.equal((await finished).signal, 'SIGKILL');
    }
    world.faults = () => undefined;
    assert.equal((await world.verify({ keys: [strangersKey(), world.key] })).result.exitCode, 0);
    const { result } = await world.rewrap([strangersKey(), world.key]);
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.ok(result.done > 0 && result.done < names.length, `${result.done}`);
    await assertOpensWith(world, strangersKey());
  });

  it('refuses to begin without a key that can take over, or without one that opens', async (t) => {
    const world = await small(t);
    await assert.rejects(world.rewrap([publicHalf(strangersKey()), publicHalf(world.key)]), { code: 'master-key-missing' });
    await assert.rejects(world.rewrap([anyKmsKey(world), world.key]), { code: 'master-key-missing' });
    assert.deepEqual(world.requests, []);
  });
});
