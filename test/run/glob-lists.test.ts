import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readLastSession } from '../../src/manifest/last-session.js';
import { callCli, reach } from '../support/cli.js';
import { describeTree, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

const TREE = { 'a.log': 'a', 'b.txt': 'b', 'src/a.log': 'a', 'src/b.txt': 'b', 'cache/b.txt': 'b', 'end ': 'e', '#f.txt': 'f' };
const LISTED = ['--include-from', 'wanted', '--exclude-from', 'more', '--exclude-from', 'cache'];
const BY_HAND = ['--include', '**/*.{txt,log}', '--include', 'end[ ]', '--include', '\\#f.txt', '--exclude', '**/*.log', '--exclude', 'cache/'];
const NAMES = ['#f.txt', 'b.txt', 'end ', 'src/b.txt'];

describe('--include-from and --exclude-from', () => {
  it('choose for push, pull, verify and resume what the same globs by hand do', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, TREE);
    writeFileSync(world.path('wanted'), '\ufeff# kinds\r\n**/*.{txt,log}\r\nend[ ]  \r\n\\#f.txt\r\n');
    writeFileSync(world.path('more'), '\n  **/*.log\n');
    writeFileSync(world.path('cache'), 'cache/');
    const { env, options } = reach(world);
    const call = async (...words: string[]): Promise<{ readonly code: number | null; readonly sums: unknown; readonly stderr: string }> => {
      const { code, stdout, stderr } = await callCli([...words, ...options, '--json'], { cwd: world.directory, env });
      return { code, sums: sumsOf(stdout), stderr };
    };
    const [listed, byHand] = ['listed', 'byhand'].map((prefix) => `oss://${world.target.bucket}/${prefix}`);
    assert.ok(listed !== undefined && byHand !== undefined);
    const planned = await call('push', 'source', listed, ...LISTED, '--dry-run');
    const pushed = await call('push', 'source', listed, ...LISTED, '--manifest', 'listed.jsonl');
    const typed = await call('push', 'source', byHand, ...BY_HAND, '--manifest', 'byhand.jsonl');
    assert.deepEqual([pushed.code, pushed.sums], [0, typed.sums], pushed.stderr);
    assert.deepEqual([planned.code, planned.sums, typed.code], [0, typed.sums, 0], planned.stderr);
    assert.deepEqual(await globsIn(world.path('listed.jsonl')), await globsIn(world.path('byhand.jsonl')));

    assert.deepEqual((await call('pull', listed, 'back', ...LISTED)).code, 0);
    assert.deepEqual([...describeTree(world.path('back')).keys()].sort(), NAMES);
    await world.push({ target: { ...world.target, prefix: 'all' } });
    const all = `oss://${world.target.bucket}/all`;
    assert.equal((await call('pull', all, 'part', ...LISTED)).code, 0);
    assert.deepEqual([...describeTree(world.path('part')).keys()].sort(), NAMES);
    const verified = await call('verify', listed, ...LISTED, '--against', 'source', '--manifest', 'listed.jsonl');
    assert.deepEqual([verified.code, verified.sums], [0, { scanned: 4, done: 4, skipped: 0, failed: 0 }], verified.stderr);
    assert.deepEqual((await call('verify', all, ...LISTED)).sums, { scanned: 7, done: 4, skipped: 3, failed: 0 });

    ['wanted', 'more', 'cache'].forEach((file) => rmSync(world.path(file)));
    plant(world.source, { 'new.txt': 'n', 'new.log': 'n' });
    const again = { ...env, SEALIFT_EXCLUDE_FROM: 'gone', SEALIFT_INCLUDE_FROM: 'gone' };
    for (const manifest of ['listed.jsonl', 'byhand.jsonl']) {
      const { code, stdout, stderr } = await callCli(['resume', manifest, ...options, '--json'], { cwd: world.directory, env: again });
      assert.deepEqual([code, sumsOf(stdout)], [0, { scanned: 9, done: 1, skipped: 8, failed: 0 }], stderr);
    }
  });

  it('are refused by file and line before anything is made', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, TREE);
    writeFileSync(world.path('bad'), 'a\n!b\n');
    const { env, options } = reach(world);
    for (const words of [['push', 'source', `oss://${world.target.bucket}`], ['pull', `oss://${world.target.bucket}`, 'back'], ['verify', `oss://${world.target.bucket}`]]) {
      const { code, stderr, stdout } = await callCli([...words, ...options, '--exclude-from', 'bad', '--json'], { cwd: world.directory, env });
      assert.equal(code, 2);
      assert.match(stderr, /bad, line 2: the glob "!b" is not usable/);
      assert.deepEqual(sumsOf(stdout), { scanned: 0, done: 0, skipped: 0, failed: 0 });
    }
    assert.deepEqual(world.requests, []);
  });
});

async function globsIn(manifest: string): Promise<unknown> {
  const { include, exclude, ...others } = (await readLastSession(manifest))?.options ?? {};
  assert.deepEqual(Object.keys(others).filter((name) => name.endsWith('-from')), []);
  return { include, exclude };
}

function sumsOf(stdout: string): unknown {
  const { scanned, done, skipped, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  return { scanned, done, skipped, failed };
}
