import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunResult } from '../../src/run/options.js';
import { content, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

const LARGE = 4_300_000;

function failuresOf({ failures }: RunResult): string[] {
  return failures.map(({ path, code }) => `${path}: ${code}`).sort();
}

/** Directories so deep that no system call takes their whole name: they cannot be read, not even by root. */
function plantUnreadable(root: string): { readonly top: string; clear(): void } {
  const half = Array<string>(10).fill('d'.repeat(250)).join('/');
  const top = join(root, 'd'.repeat(250));
  mkdirSync(join(root, half), { recursive: true });
  mkdirSync(join(root, 'other', half), { recursive: true });
  renameSync(join(root, 'other'), join(root, half, 'other'));
  return {
    top,
    clear: () => {
      renameSync(join(root, half, 'other'), join(root, 'other'));
      rmSync(join(root, 'other'), { recursive: true });
    },
  };
}

describe('verify against a directory', () => {
  it('fails by name what cannot be read there, as a push does', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', z: 'z' });
    const unreadable = plantUnreadable(world.source);
    try {
      const pushed = await world.push();
      const { result } = await world.verify({ against: world.source });
      assert.equal(result.exitCode, 3, JSON.stringify(result.failures));
      assert.deepEqual(result.failures.map(({ path, code }) => [path.length > 3000, code]), [[true, 'unreadable']]);
      assert.deepEqual(result.failures.map(({ path }) => path), pushed.result.failures.map(({ path }) => path));
      assert.deepEqual([result.scanned, result.done, result.failed, result.complete], [3, 2, 1, false]);
      const elsewhere = await world.verify({ against: world.source, exclude: ['ddd*'] });
      assert.equal(elsewhere.result.exitCode, 0, JSON.stringify(elsewhere.result.failures));
    } finally {
      unreadable.clear();
    }
  });

  it('takes a file in the place of a directory for a difference, and for no bug', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'turned/small': 'small', 'turned/large': content(LARGE), same: 'same' });
    await world.push();
    rmSync(join(world.source, 'turned'), { recursive: true });
    writeFileSync(join(world.source, 'turned'), 'a file now');
    const { result } = await world.verify({ against: world.source });
    assert.deepEqual(failuresOf(result), ['turned/large: differs', 'turned/small: differs', 'turned: missing']);
    assert.deepEqual([result.done, result.exitCode], [1, 4]);
  });

  it('gives advice that ends the difference, whichever side is right', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { local: '1', object: '2', gone: '3', turned: '4' });
    await world.push();
    const { mtime } = statSync(join(world.source, 'local'));
    writeFileSync(join(world.source, 'local'), 'L');
    utimesSync(join(world.source, 'local'), mtime, mtime);
    writeFileSync(join(world.source, 'object'), 'O');
    ['gone', 'turned'].forEach((name) => rmSync(join(world.source, name)));
    mkdirSync(join(world.source, 'turned'));
    const { result } = await world.verify({ against: world.source });
    assert.deepEqual(failuresOf(result), ['gone: differs', 'local: differs', 'object: differs', 'turned: differs']);
    const remedy = 'if the local file is right, push it again with --checksum; if the object is right, move what is there away and pull it with --include';
    assert.deepEqual(new Set(result.failures.map((failure) => failure.remedy)), new Set([remedy]));
    ['object', 'turned'].forEach((name) => renameSync(join(world.source, name), world.path(name)));
    await world.pull(world.source, { include: ['object', 'gone', 'turned'] });
    assert.equal((await world.push({ checksum: true })).result.exitCode, 0);
    assert.deepEqual(failuresOf((await world.verify({ against: world.source })).result), []);
  });

  it('refuses what is not there, and a file for a whole bucket or for a manifest, before anything is asked of the bucket', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const { result: { manifest = '' } } = await world.push();
    const against = join(world.source, 'a');
    world.requests.length = 0;
    for (const name of ['a/b', 'not-there']) {
      await assert.rejects(world.verify({ against: join(world.source, name) }), { code: 'source-missing', exitCode: 2 });
    }
    await assert.rejects(world.verify({ against, target: { ...world.target, prefix: '' } }), { code: 'usage', message: /a is one file, and oss:\/\/sealift is no object/ });
    await assert.rejects(world.verify({ against, manifest }), { code: 'usage', message: /a is one file, and a manifest tells of many/ });
    assert.deepEqual(world.requests, []);
  });

  for (const size of [5, LARGE]) {
    it(`compares one object of ${size} bytes with one file: that of its name in a directory, or the file that is named`, async (t) => {
      const world = await makeWorld(t);
      const one = content(size);
      plant(world.source, { 'd/one': one, 'd/sibling': 'sibling' });
      await world.push();
      plant(world.path('back'), { one, unsent: 'unsent' });
      plant(world.directory, { 'other-name': one });
      const target = { ...world.target, prefix: 'backup/d/one' };
      for (const against of [join(world.source, 'd'), world.path('back'), world.path('back', 'one'), world.path('other-name')]) {
        const { result } = await world.verify({ target, against });
        assert.deepEqual([failuresOf(result), result.scanned, result.done, result.complete], [[], 1, 1, true], against);
      }
      plant(world.path('back'), { one: content(size, 2) });
      for (const against of [world.path('back'), world.path('back', 'one')]) {
        assert.deepEqual(failuresOf((await world.verify({ target, against })).result), ['one: differs']);
      }
      assert.deepEqual(failuresOf((await world.verify({ target, against: world.directory })).result), ['one: differs'], 'no file of its name');
    });
  }

  it('says that it looked for no other files, and looks for them where the prefix has objects, or a manifest', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'd/one': '1', 'd/two': '2' });
    const { result: { manifest = '' } } = await world.push();
    const against = join(world.source, 'd');
    const one = await world.verify({ target: { ...world.target, prefix: 'backup/d/one' }, against });
    assert.deepEqual(one.events.flatMap((event) => (event.event === 'notice' ? [event.message] : [])), ['backup/d/one is one object: compared with one file, whatever else is there']);
    await world.putPlain('backup', 'an object of the name of the prefix');
    plant(world.source, { unsent: 'unsent', backup: 'b' });
    assert.deepEqual(failuresOf((await world.verify({ against: world.source })).result), ['backup: not-sealed', 'unsent: missing']);
    await world.store.delete('backup/d/one');
    await world.store.delete('backup/d/two');
    assert.deepEqual(failuresOf((await world.verify({ against: world.source, manifest })).result), ['backup: not-sealed', 'd/one: missing', 'd/two: missing', 'unsent: missing']);
  });

  it('misses the one object of a file, and takes no prefix for it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'd/one': '1' });
    await world.push();
    const against = join(world.source, 'd/one');
    const { result, events } = await world.verify({ target: { ...world.target, prefix: 'backup/d/none' }, against });
    assert.deepEqual([failuresOf(result), result.exitCode], [['one: missing'], 4]);
    assert.deepEqual(events.flatMap((event) => (event.event === 'file' ? [event.key] : [])), ['backup/d/none']);
    const prefix = await world.verify({ target: { ...world.target, prefix: 'backup/d' }, against });
    assert.deepEqual([prefix.result.exitCode, prefix.result.error?.code, prefix.result.scanned], [2, 'usage', 0]);
    assert.match(String(prefix.result.error?.message), /one is one file, and oss:\/\/sealift\/backup\/d is no object/);
  });

  it('fails a name that is too long for a key, and searches on', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    await world.push();
    const long = [...Array<string>(6).fill('l'.repeat(200)), 'file'].join('/');
    plant(world.source, { [long]: 'too long', zz: 'never sent' });
    const { result } = await world.verify({ against: world.source });
    assert.deepEqual(failuresOf(result), [`${long}: key-too-long`, 'zz: missing']);
    assert.deepEqual([result.done, result.exitCode, result.error], [1, 4, undefined]);
  });

  it('takes a followed link for the file that it leads to', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', 'd/b': 'b', 'large.bin': content(LARGE) });
    plant(world.path('outside'), { c: 'c' });
    const links = { link: 'a', directory: 'd', 'large-link': 'large.bin', outside: '../outside' };
    Object.entries(links).forEach(([name, target]) => symlinkSync(target, join(world.source, name)));
    await world.push({ symlinks: 'follow' });
    const equal = await world.verify({ against: world.source });
    assert.deepEqual([failuresOf(equal.result), equal.result.done], [[], 7]);
    writeFileSync(world.path('outside', 'c'), 'C');
    writeFileSync(join(world.source, 'a'), 'A');
    const { result } = await world.verify({ against: world.source });
    assert.deepEqual(failuresOf(result), ['a: differs', 'link: differs', 'outside/c: differs']);
  });

  it('fails a link that leads nowhere it could read', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { loop: 'loop', 'large-loop': content(LARGE), broken: 'broken' });
    await world.push();
    for (const [name, target] of [['loop', 'loop'], ['large-loop', 'large-loop'], ['broken', 'nothing']] as const) {
      rmSync(join(world.source, name));
      symlinkSync(target, join(world.source, name));
    }
    assert.deepEqual(failuresOf((await world.verify({ against: world.source })).result), ['broken: differs', 'large-loop: unreadable', 'loop: unreadable']);
  });

  it('does not miss what a push never sends: manifests of its own, and what it was told is Sealift\'s', async (t) => {
    const world = await makeWorld(t);
    const manifests = join(world.source, 'manifests');
    plant(world.source, { a: 'a', 'store/object': 'sealed', 'manifests/deployment.yaml': 'kind: Deployment' });
    const common = { manifestDirectories: [manifests], ownPaths: [join(world.source, 'store')] };
    const { result: { manifest = '' } } = await world.push(common);
    await world.pull(world.path('back'), common);
    const report = join(world.source, 'report.json');
    for (const round of [1, 2]) {
      const { result } = await world.verify({ ...common, against: world.source, report });
      assert.deepEqual([failuresOf(result), result.done], [[], 2], `round ${round}`);
    }
    const named = await world.verify({ ...common, manifestDirectories: [], manifest, against: world.source, report });
    assert.ok(!failuresOf(named.result).includes(`manifests/${basename(manifest)}: missing`));
    plant(world.source, { 'manifests/service.yaml': 'kind: Service' });
    const unsent = await world.verify({ ...common, against: world.source, report });
    assert.deepEqual(failuresOf(unsent.result), ['manifests/service.yaml: missing']);
  });
});
