import assert from 'node:assert/strict';
import { readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readLastSession } from '../../src/manifest/last-session.js';
import type { TransferOptions } from '../../src/run/options.js';
import { callCli, reach } from '../support/cli.js';
import { interruptUpload } from '../support/interrupted.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, type Told, type World } from '../support/world.js';

const TREE = { 'a/0': '', 'a/9': content(9), 'a/10': content(10), 'b/11': content(11), 'b/20': content(20), 'b/21': content(21) };
const CASES: readonly (readonly [sizes: Pick<TransferOptions, 'minBytes' | 'maxBytes' | 'exclude'>, names: readonly string[]])[] = [
  [{ minBytes: 0 }, ['a/0', 'a/10', 'a/9', 'b/11', 'b/20', 'b/21']],
  [{ minBytes: 1, maxBytes: 10 }, ['a/10', 'a/9']],
  [{ minBytes: 10, maxBytes: 20 }, ['a/10', 'b/11', 'b/20']],
  [{ minBytes: 11, exclude: ['b/20'] }, ['b/11', 'b/21']],
  [{ maxBytes: 0 }, ['a/0']],
  [{ minBytes: 22 }, []],
];

function failures({ result }: Told): unknown {
  return result.failures.map(({ path, code }) => `${path} ${code}`).sort();
}

function sums({ result: { scanned, done, skipped, failed, skipReasons, exitCode } }: Told): unknown {
  return { scanned, done, skipped, failed, skipReasons: { ...skipReasons }, exitCode };
}

describe('sizes', () => {
  it('are the same set for push, pull and verify, planned or not', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, TREE);
    await world.push();
    let round = 0;
    for (const [sizes, names] of CASES) {
      const [part, back] = [{ target: { ...world.target, prefix: `part-${round}` } }, world.path(`back-${round += 1}`)];
      const planned = await world.push({ ...part, ...sizes, dryRun: true });
      const pushed = await world.push({ ...part, ...sizes });
      assert.deepEqual(sums(pushed), sums(planned));
      assert.deepEqual(pushed.result.skipReasons ?? {}, names.length === 6 ? {} : { excluded: 6 - names.length });
      const { manifest = '' } = pushed.result;
      assert.deepEqual(sums(await world.verify({ ...part, ...sizes, manifest, against: world.source })), { scanned: names.length, done: names.length, skipped: 0, failed: 0, skipReasons: {}, exitCode: 0 });

      const plan = await world.pull(back, { ...sizes, dryRun: true });
      const pulled = await world.pull(back, { ...sizes, newRun: true });
      assert.deepEqual([sums(pulled), pulled.result.done], [sums(plan), names.length]);
      assert.deepEqual([...describeTree(back).keys()].sort(), names);
      assert.deepEqual(sums(await world.verify({ ...sizes, against: world.source })), sums(pulled));
    }
  });

  it('that are none are refused before anything is made', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, TREE);
    for (const wrong of [{ minBytes: -1 }, { maxBytes: 0.5 }, { minBytes: 2, maxBytes: 1 }]) {
      const usage = { code: 'usage', exitCode: 2 };
      await assert.rejects(world.push({ ...wrong, resumeSecret: world.path('secret') }), usage);
      await assert.rejects(world.push({ ...wrong, dryRun: true }), usage);
      await assert.rejects(world.pull(world.path('back'), wrong), usage);
      await assert.rejects(world.verify(wrong), usage);
    }
    assert.deepEqual([readdirSync(world.manifests), readdirSync(world.directory).sort(), world.requests], [[], ['cloud', 'manifests', 'source'], []]);
  });

  it('keep names that collide out of a pull', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { name: content(9), NAME: content(10) });
    await world.push();
    assert.equal((await world.pull(world.path('back'))).result.error?.code, 'collision');
    const { result } = await world.pull(world.path('back'), { minBytes: 10 });
    assert.deepEqual([result.done, result.skipped, result.exitCode], [1, 1, 0]);
  });

  it('of what a manifest records hold where an object is missing or has outgrown them', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, TREE);
    const { result: { manifest = '' } } = await world.push();
    await world.store.delete('backup/a/9');
    await world.store.delete('backup/b/20');
    await world.putPlain('backup/a/10', 'more than ten bytes');
    const verified = await world.verify({ manifest, maxBytes: 10 });
    assert.deepEqual(failures(verified), ['a/10 not-sealed', 'a/9 missing']);
    assert.deepEqual([verified.result.scanned, verified.result.skipped], [5, 2]);
    assert.deepEqual(failures(await world.verify({ manifest, maxBytes: 10, against: world.source })), failures(verified));
    const pulled = await world.pull(world.path('back'), { manifest, minBytes: 11, maxBytes: 21 });
    assert.deepEqual(failures(pulled), ['a/10 not-sealed', 'b/20 missing']);
  });

  it('that an object has and the file of its name has not do not hide that the two differ', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { cut: 'long before', grown: 'short', gone: 'long before', kept: 'kept' });
    await world.push();
    plant(world.source, { cut: 'cut', grown: 'long by now' });
    rmSync(join(world.source, 'gone'));
    const told = await world.verify({ maxBytes: 10, against: world.source });
    assert.deepEqual(failures(told), ['cut differs', 'grown differs']);
    assert.deepEqual([told.result.done, told.result.skipReasons], [1, { excluded: 1 }]);
  });
});

describe('what was pushed and is left out by a later push', () => {
  const large = 4_300_000;
  const outcome = async (world: World, chosen: Parameters<World['push']>[0]): Promise<unknown> => {
    const told = [await world.push(chosen), await world.push({ ...chosen, checksum: true }), await world.push()];
    return [told.map(sums), (await world.store.listUploads('')).length];
  };
  for (const [what, chosen] of Object.entries({ 'by name': { exclude: ['old', 'large'] }, 'by size': { maxBytes: 10 }, 'by time': { modifiedSince: new Date('2020-01-01T00:00:00Z') } })) {
    it(`is excluded, and unchanged when it comes back: ${what}`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { old: content(11), large: content(large), young: content(10) });
      ['old', 'large'].forEach((name) => utimesSync(join(world.source, name), 0, 0));
      await world.push({ exclude: ['large'] });
      await interruptUpload(world);
      assert.deepEqual(await outcome(world, chosen), [[
        { scanned: 3, done: 0, skipped: 3, failed: 0, skipReasons: { unchanged: 1, excluded: 2 }, exitCode: 0 },
        { scanned: 3, done: 0, skipped: 3, failed: 0, skipReasons: { unchanged: 1, excluded: 2 }, exitCode: 0 },
        { scanned: 3, done: 1, skipped: 2, failed: 0, skipReasons: { unchanged: 2 }, exitCode: 0 },
      ], 0]);
    });
  }
});

describe('push --modified-since and --modified-before', () => {
  it('count from the start of the run, and resume goes by the same moments', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { old: 'o', young: 'y', new: 'n' });
    const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);
    utimesSync(join(world.source, 'old'), daysAgo(8), daysAgo(8));
    utimesSync(join(world.source, 'young'), daysAgo(6), daysAgo(6));
    const { env, options } = reach(world);
    const call = async (...words: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await callCli([...words, ...options, '--json'], { cwd: world.directory, env });
      const { done, skipped, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      return [code, done, skipped, failed, stderr.includes('is not accepted')];
    };
    const place = `oss://${world.target.bucket}/aged`;
    assert.deepEqual(await call('push', 'source', place, '--modified-since', '7d', '--modified-before', '1d', '--dry-run'), [0, 1, 2, 0, false]);
    assert.deepEqual(await call('push', 'source', place, '--modified-since', '7d', '--modified-before', '1d', '--manifest', 'm.jsonl'), [0, 1, 2, 0, false]);

    const { 'modified-since': from, 'modified-before': before } = (await readLastSession(world.path('m.jsonl')))?.options ?? {};
    assert.ok(typeof from === 'string' && typeof before === 'string');
    assert.equal(Date.parse(before) - Date.parse(from), 6 * 86_400_000);
    plant(world.source, { first: '1', 'too-old': '2', last: '3' });
    // A millisecond beside the bounds: Node may set a time that is a microsecond too early.
    const times = { first: Date.parse(from) + 1, 'too-old': Date.parse(from) - 1, last: Date.parse(before) - 1, new: Date.parse(before) + 1 };
    Object.entries(times).forEach(([name, ms]) => utimesSync(join(world.source, name), ms / 1000, ms / 1000));
    assert.deepEqual(await call('resume', 'm.jsonl', '--dry-run'), [0, 2, 4, 0, false]);
    assert.deepEqual(await call('resume', 'm.jsonl'), [0, 2, 4, 0, false]);
    assert.deepEqual((await readLastSession(world.path('m.jsonl')))?.options['modified-since'], from);

    utimesSync(join(world.source, 'old'), 0, 0);
    assert.deepEqual(await call('push', 'source', place, '--modified-before', '1970-01-01T08:00:01+08:00', '--min-size', '1', '--max-size', '1', '--manifest', 'm.jsonl'), [0, 1, 5, 0, false]);
  });

  it('and sizes that say nothing end with exit code 2', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const { env, options } = reach(world);
    const push = ['push', 'source', `oss://${world.target.bucket}`];
    const table: readonly (readonly [words: readonly string[], message: RegExp])[] = [
      [[...push, '--min-size', '1MB'], /--min-size: "1MB" is not accepted/],
      [[...push, '--max-size=-1'], /--max-size: "-1" is not accepted/],
      [[...push, '--min-size', '2', '--max-size', '1'], /no file has 2 bytes or more and 1 or less/],
      [[...push, '--modified-since', 'yesterday'], /--modified-since: "yesterday" is not accepted/],
      [[...push, '--modified-before', '2026-02-30'], /--modified-before: "2026-02-30" is not accepted/],
      [[...push, '--modified-since', '1d', '--modified-before', '7d'], /no file has changed at/],
      [['pull', `oss://${world.target.bucket}`, 'back', '--modified-since', '7d'], /modified-since/],
      [['verify', `oss://${world.target.bucket}`, '--modified-before', '7d'], /modified-before/],
    ];
    for (const [words, message] of table) {
      const { code, stderr } = await callCli([...words, ...options], { cwd: world.directory, env });
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, message);
    }
    assert.deepEqual(world.requests, []);
  });
});
