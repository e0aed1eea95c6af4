import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { SealiftError } from '../../src/errors.js';
import { Manifest } from '../../src/manifest/manifest.js';
import type { EncodedPath } from '../../src/run/types.js';
import { fetchStored, store, strip } from '../support/stored.js';
import { content, plant } from '../support/trees.js';
import { makeWorld, SMALL, strangersKey } from '../support/world.js';
import { loadObjects, vectorPlaintext } from '../vectors/load.js';

const LARGE = 4_300_000;

/** What a push writes that is killed before it hears of its first object. */
async function killedAt(manifest: string, path: string): Promise<void> {
  const journal = await Manifest.load(manifest);
  journal.started([path as EncodedPath]);
  await journal.release();
}

/** More than any object may hold. */
const TOO_LARGE = 2 ** 36 - 31;

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe('a changed object', () => {
  for (const size of [100, LARGE]) {
    it(`of ${size} bytes is refused wherever a bit was flipped, cut or extended, and no file appears`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { 'a.bin': content(size) });
      await world.push();
      const { body, metadata } = await fetchStored(world, 'backup/a.bin');
      const flips = [0, Math.floor(size / 2), size - 1].map((at) => flipped(body, at));
      const changed = [...flips, body.subarray(0, size - 1), body.subarray(0, 16), Buffer.concat([body, Buffer.from([0])])];
      // Stored under other names and read as renamed, so that nothing but the body can be what is refused.
      for (const [index, variant] of [...changed, body].entries()) {
        await store(world, `variants/${index}`, variant, metadata);
      }
      const variants = { target: { ...world.target, prefix: 'variants' }, allowRenamed: true };
      for (const { result } of [await world.pull(world.path('back'), variants), await world.verify(variants)]) {
        assert.deepEqual([result.done, result.failed, result.exitCode], [1, changed.length, 4], JSON.stringify(result.failures));
      }
      assert.deepEqual(readdirSync(world.path('back')), [`${changed.length}`], 'neither a changed file nor a temporary one');
    });
  }

  it('is refused when parts of it were exchanged', async (t) => {
    const world = await makeWorld(t);
    const part = SMALL.partBytes;
    plant(world.source, { 'a.bin': content(LARGE) });
    await world.push();
    const { body, metadata } = await fetchStored(world, 'backup/a.bin');
    const swapped = Buffer.concat([body.subarray(part, 2 * part), body.subarray(0, part), body.subarray(2 * part)]);
    await store(world, 'backup/a.bin', swapped, metadata);
    assert.equal((await world.pull(world.path('back'))).result.exitCode, 4);
    assert.deepEqual(readdirSync(world.path('back')), []);
  });

  it('is refused when any header was removed, changed, or taken from another object', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(100, 1), 'b.bin': content(100, 2) });
    await world.push();
    const a = await fetchStored(world, 'backup/a.bin');
    const b = await fetchStored(world, 'backup/b.bin');
    const ours = Object.keys(a.metadata).filter((name) => !name.endsWith('unencrypted-content-length'));
    assert.ok(ours.length >= 9);
    // Stored under other names and read as renamed, so that nothing but the header can be what is refused.
    for (const [index, name] of ours.entries()) {
      const { [name]: value = '', ...rest } = a.metadata;
      await store(world, `variants/removed-${index}`, a.body, rest);
      await store(world, `variants/changed-${index}`, a.body, { ...rest, [name]: `${value}x` });
    }
    await store(world, 'variants/intact', a.body, a.metadata);
    const variants = { target: { ...world.target, prefix: 'variants' }, allowRenamed: true };
    const { result } = await world.pull(world.path('back'), variants);
    assert.deepEqual([result.done, result.failed, result.exitCode], [1, 2 * ours.length, 4], JSON.stringify(result.failures));
    assert.deepEqual(readdirSync(world.path('back')), ['intact']);
    await store(world, 'backup/a.bin', b.body, b.metadata);
    const swapped = await world.verify();
    assert.equal(swapped.result.exitCode, 4);
    assert.equal(swapped.result.failures[0]?.code, 'renamed');
    assert.equal((await world.verify({ allowRenamed: true })).result.exitCode, 0);
  });

  it('is refused when all its authentication was removed, even if unauthenticated reads are allowed, as long as a manifest remembers it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(100) });
    await world.push();
    await strip(world, 'backup/a.bin');
    const refused = await world.pull(world.path('back'), { allowUnauthenticated: true });
    assert.equal(refused.result.exitCode, 4);
    assert.equal(refused.result.failures[0]?.code, 'unauthenticated');
    const elsewhere = await world.pull(world.path('elsewhere'), { allowUnauthenticated: true, manifestDirectories: [world.path('other-manifests')] });
    assert.equal(elsewhere.result.exitCode, 0, 'who has no manifest cannot know');
    assert.ok(elsewhere.events.some((event) => event.event === 'notice' && event.level === 'warning'));
  });

  it('is refused so too when later sessions of the push failed on it or were interrupted', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { failed: 'a', interrupted: 'b' });
    await world.push();
    truncateSync(join(world.source, 'failed'), TOO_LARGE);
    assert.equal((await world.push()).result.failures[0]?.code, 'too-large');
    const manifest = join(world.manifests, readdirSync(world.manifests)[0] ?? '');
    await killedAt(manifest, 'interrupted');
    await strip(world, 'backup/failed');
    await strip(world, 'backup/interrupted');
    for (const { result } of [await world.pull(world.path('back'), { allowUnauthenticated: true }), await world.verify({ manifest, allowUnauthenticated: true })]) {
      assert.deepEqual(result.failures.map(({ code }) => code), ['unauthenticated', 'unauthenticated']);
    }
    assert.deepEqual(readdirSync(world.path('back')), []);
  });

  it('is refused so too when this pull found it sealed before, whole or in part and under whatever name', async (t) => {
    const world = await makeWorld(t);
    const elsewhere = { manifestDirectories: [world.path('other-manifests')] };
    const accepting = { allowUnauthenticated: true, overwrite: true, onCollision: 'rename' } as const;
    plant(world.source, { 'Alone': '1', 'alone': '2', 'pulled': '3', 'begun': '4', 'foreign': '5', 'Later': '6' });
    await world.push(elsewhere);
    await strip(world, 'backup/foreign');
    const first = await world.pull(world.path('back'), { ...accepting, exclude: ['begun'] });
    assert.equal(first.result.done, 5, JSON.stringify(first.result.failures));
    assert.ok(first.result.manifest);
    const journal = await Manifest.load(first.result.manifest);
    const [id = 0] = journal.started(['begun' as EncodedPath]);
    await journal.fetching({ id, temporary: '.sealift-begun', etag: await world.etag('backup/begun'), commitment: '0'.repeat(64), size: 1, rangeBytes: 16 });
    await journal.release();
    await world.store.delete('backup/alone');
    plant(world.source, { later: '7' });
    await world.push({ ...elsewhere, include: ['later'] });
    for (const name of ['Alone', 'pulled', 'begun', 'Later', 'later']) {
      await strip(world, `backup/${name}`);
    }
    const again = await world.pull(world.path('back'), { ...accepting, checksum: true });
    assert.equal(again.result.manifest, first.result.manifest);
    assert.deepEqual(again.result.failures.map(({ path, code }) => `${path.replace(/~.*/, '~')}: ${code}`).sort(), [
      'Alone: unauthenticated', 'Later~: unauthenticated', 'begun: unauthenticated', 'pulled: unauthenticated',
    ]);
    assert.equal(again.result.done, 2, 'one that was foreign before, and one that nobody has seen');
  });
});

describe('an object without our authentication', () => {
  it('of the official SDK is refused, and read on request with a warning', async (t) => {
    const world = await makeWorld(t);
    const objects = loadObjects('python-legacy-rsa');
    for (const [index, object] of objects.entries()) {
      await store(world, `backup/o${index}`, Buffer.from(object.ciphertext, 'base64'), object.metadata);
    }
    const refused = await world.pull(world.path('refused'));
    assert.deepEqual([refused.result.failed, refused.result.exitCode], [objects.length, 4]);
    const read = await world.pull(world.path('read'), { allowUnauthenticated: true });
    assert.deepEqual([read.result.done, read.result.exitCode], [objects.length, 0], JSON.stringify(read.result.failures));
    for (const [index, { size }] of objects.entries()) {
      assert.deepEqual(readFileSync(world.path('read', `o${index}`)), vectorPlaintext(size), `o${index}`);
    }
    const verified = await world.verify({ allowUnauthenticated: true, report: world.path('report.json') });
    for (const { events } of [read, verified]) {
      const warnings = events.flatMap((event) => (event.event === 'notice' && event.level === 'warning' ? [event.message] : []));
      assert.equal(warnings.length, objects.length);
      assert.ok(warnings.every((message) => message.endsWith('read unauthenticated; it may have been changed, or opened with the wrong key')));
    }
    const { files, totals } = JSON.parse(readFileSync(world.path('report.json'), 'utf8')) as { files: { unauthenticated?: boolean }[]; totals: object };
    assert.ok(files.every(({ unauthenticated }) => unauthenticated === true));
    assert.deepEqual({ ...totals, bytes: 0 }, { scanned: objects.length, verified: objects.length, unauthenticated: objects.length, skipped: 0, failed: 0, bytes: 0 });
  });

  it('that is not encrypted at all is refused as a downgrade', async (t) => {
    const world = await makeWorld(t);
    await world.putPlain('backup/plain.txt', 'in the clear');
    const { result } = await world.pull(world.path('back'), { allowUnauthenticated: true });
    assert.deepEqual([result.failures[0]?.code, result.exitCode], ['not-sealed', 4]);
  });

  it('whose key leads out of the directory is not written', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(10) });
    await world.push();
    const { body, metadata } = await fetchStored(world, 'backup/a.bin');
    for (const key of ['backup/../escaped', 'backup/x/../../escaped', 'backup//absolute']) {
      await store(world, key, body, metadata);
    }
    const { result } = await world.pull(world.path('deep', 'back'), { allowRenamed: true });
    assert.equal(result.done, 1);
    assert.ok(result.failures.every(({ code }) => code === 'path-escape'), JSON.stringify(result.failures));
    assert.equal(existsSync(world.path('deep', 'escaped')), false);
    assert.deepEqual(readdirSync(world.path('deep', 'back')), ['a.bin']);
  });
});

describe('verify', () => {
  it('writes nothing and proves every object', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(100), 'large.bin': content(LARGE), 'empty': '' });
    await world.push();
    const before = readdirSync(world.directory).sort();
    const { result } = await world.verify();
    assert.deepEqual([result.done, result.failed, result.exitCode], [3, 0, 0]);
    assert.deepEqual(readdirSync(world.directory).sort(), before);
    assert.equal((await world.verify({ keys: [strangersKey()] })).result.exitCode, 4);
  });

  it('with a manifest finds what is missing, replaced and rolled back', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { kept: 'kept', missing: 'missing', replaced: 'replaced', back: 'first state' });
    await world.push();
    const manifest = join(world.manifests, readdirSync(world.manifests)[0] ?? '');
    const older = await fetchStored(world, 'backup/back');
    writeFileSync(join(world.source, 'back'), 'second state');
    await world.push();
    assert.equal((await world.verify({ manifest })).result.exitCode, 0);

    await world.store.delete('backup/missing');
    await store(world, 'backup/back', older.body, older.metadata);
    writeFileSync(join(world.source, 'replaced'), 'by another run');
    await world.push({ newRun: true, ifExists: 'overwrite', include: ['replaced'], manifestDirectories: [world.path('other-manifests')] });
    const { result } = await world.verify({ manifest });
    assert.equal(result.exitCode, 4);
    assert.deepEqual(result.failures.map(({ path, code }) => `${path}: ${code}`).sort(), ['back: rolled-back', 'missing: missing', 'replaced: replaced']);
    assert.equal(result.done, 1);
    assert.ok(result.failures.every(({ remedy }) => /push .* again with --checksum/.test(String(remedy))), JSON.stringify(result.failures));
    assert.equal((await world.push({ checksum: true })).result.exitCode, 0);
    assert.equal((await world.verify({ manifest })).result.exitCode, 0);
  });

  it('advises nothing that only a push or a pull could do', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    await world.push();
    for (const [code, status] of [['InvalidObjectState', 403], ['RequestTimeTooSkewed', 403], ['SecurityTokenExpired', 403]] as const) {
      world.faults = ({ operation }) => (operation === 'GetObject' ? { kind: 'answer', status, code } : undefined);
      const { result: { failures } } = await world.verify();
      assert.match(String(failures[0]?.remedy), /then run the same command again/, code);
    }
    world.faults = () => undefined;
    await assert.rejects(world.verify({ report: world.path('r'.repeat(300)) }), { code: 'name-invalid', remedy: 'use another name, or another file system' });
    for (const report of ['nowhere/r.json', 'source/a/r.json']) {
      await assert.rejects(world.verify({ report: world.path(report) }), { code: 'write-failed', remedy: 'check that its directory is there' });
    }
  });

  it('compares with no manifest but an existing one of a push', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    await world.push();
    const { result } = await world.pull(world.path('back'), { manifest: world.path('pull.jsonl') });
    await assert.rejects(world.verify({ manifest: world.path('none.jsonl') }), { code: 'manifest-missing', exitCode: 2, message: /there is no manifest .*none\.jsonl/ });
    await assert.rejects(world.verify({ manifest: result.manifest ?? '' }), { code: 'usage', message: /pull\.jsonl is no manifest of a push/ });
  });

  it('refuses the manifest of another place before anything is asked of the bucket, and names both', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', 'part/b': 'b' });
    const { result: { manifest = '' } } = await world.push();
    world.requests.length = 0;
    for (const [prefix, place] of [['backup/part', 'oss://sealift/backup/part'], ['', 'oss://sealift']] as const) {
      const error = await world.verify({ manifest, target: { ...world.target, prefix } }).then(() => undefined, (thrown: unknown) => thrown as SealiftError);
      assert.deepEqual([error?.code, error?.exitCode], ['usage', 2]);
      assert.ok(error?.message.endsWith(`is the manifest of a push to oss://sealift/backup, not to ${place}`), error?.message);
      assert.match(String(error?.remedy), /verify oss:\/\/sealift\/backup, a part of it with --include/);
    }
    assert.deepEqual(world.requests, []);
    assert.equal((await world.verify({ manifest, target: { ...world.target, prefix: 'backup/' }, include: ['part/**'] })).result.exitCode, 0);
  });

  it('with the manifest of a push to another bucket says so: it may be a copy of that', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const { result: { manifest = '' } } = await world.push();
    const { result, events } = await world.verify({ manifest, target: { ...world.target, bucket: 'replica' } });
    assert.equal(result.error?.code, 'bucket-missing');
    assert.ok(events.some((event) => event.event === 'notice' && event.message.includes('push to the bucket sealift: objects that replica has not got from it')), JSON.stringify(events));
  });

  it('with a manifest that did not end well knows what was pushed before, and that a newer state may be there', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { failed: 'failed', linked: 'linked', lost: 'lost', newer: 'newer' });
    await world.push();
    const manifest = join(world.manifests, readdirSync(world.manifests)[0] ?? '');
    const older = await fetchStored(world, 'backup/newer');
    writeFileSync(join(world.source, 'newer'), 'second state');
    await world.push();
    const newer = await fetchStored(world, 'backup/newer');
    truncateSync(join(world.source, 'failed'), TOO_LARGE);
    for (const name of ['linked', 'lost']) {
      rmSync(join(world.source, name));
      symlinkSync('elsewhere', join(world.source, name));
    }
    await world.push();
    await killedAt(manifest, 'newer');
    const byAnotherRun = { newRun: true, ifExists: 'overwrite', manifestDirectories: [world.path('other-manifests')] } as const;
    await world.push({ ...byAnotherRun, include: ['newer'] });
    const report = world.path('report.json');
    assert.equal((await world.verify({ manifest, report })).result.exitCode, 0);
    const { files } = JSON.parse(readFileSync(report, 'utf8')) as { files: { path: string; proofs: string[] }[] };
    assert.deepEqual(files.filter(({ proofs }) => proofs.includes('as-recorded')).map(({ path }) => path).sort(), ['failed', 'linked', 'lost']);
    assert.deepEqual(files.find(({ path }) => path === 'newer')?.proofs, ['authentic'], 'nobody knows what the killed session has sent');

    await store(world, 'backup/newer', newer.body, newer.metadata);
    assert.equal((await world.verify({ manifest })).result.exitCode, 0, 'the killed session may have sent nothing');
    await store(world, 'backup/newer', older.body, older.metadata);
    await world.store.delete('backup/lost');
    rmSync(join(world.source, 'linked'));
    writeFileSync(join(world.source, 'linked'), 'by another run');
    await world.push({ ...byAnotherRun, include: ['linked'] });
    const { result } = await world.verify({ manifest });
    assert.deepEqual(result.failures.map(({ path, code }) => `${path}: ${code}`).sort(), ['linked: replaced', 'lost: missing', 'newer: rolled-back']);
  });

  it('against a directory finds what differs, and what was never sent', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { same: 'same', edited: 'edited', 'large.bin': content(LARGE), 'large-edited.bin': content(LARGE) });
    await world.push();
    assert.equal((await world.verify({ against: world.source })).result.exitCode, 0);
    writeFileSync(join(world.source, 'edited'), 'EDITED');
    writeFileSync(join(world.source, 'unsent'), 'new');
    writeFileSync(join(world.source, 'large-edited.bin'), flipped(content(LARGE), LARGE - 5));
    const { result } = await world.verify({ against: world.source });
    assert.equal(result.exitCode, 4);
    assert.deepEqual(result.failures.map(({ path, code }) => `${path}: ${code}`).sort(), ['edited: differs', 'large-edited.bin: differs', 'unsent: missing']);
  });

  it('signs a migration off with a report whose totals add up', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'a', 'b.log': 'b', 'large.bin': content(LARGE) });
    await world.push();
    await world.store.delete('backup/a.txt');
    const manifest = join(world.manifests, readdirSync(world.manifests)[0] ?? '');
    const report = world.path('report.json');
    await world.verify({ against: world.source, manifest, report, exclude: ['*.log'] });
    interface Report {
      readonly files: readonly { path: string; state: string; proofs: readonly string[]; code?: string }[];
      readonly totals: { scanned: number; verified: number; skipped: number; failed: number; bytes: number };
      readonly complete: boolean;
    }
    const { files, totals, complete } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    assert.equal(statSync(report).mode & 0o077, 0);
    assert.equal(complete, false);
    assert.equal(totals.scanned, totals.verified + totals.skipped + totals.failed);
    assert.equal(files.length, totals.scanned);
    const byPath = new Map(files.map((file) => [file.path, file]));
    assert.deepEqual(byPath.get('large.bin')?.proofs, ['authentic', 'as-recorded', 'equal-to-local']);
    assert.equal(byPath.get('a.txt')?.code, 'missing');
    assert.equal(byPath.get('b.log')?.state, 'skipped');
    assert.equal(totals.bytes, LARGE);
  });
});
