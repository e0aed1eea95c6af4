import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { callCli, CLI, reach } from '../support/cli.js';
import { interruptUpload } from '../support/interrupted.js';
import { describeTree, plant, plantHostile } from '../support/trees.js';
import { makeWorld, only } from '../support/world.js';

const NAMES = ['a', 'd/a', 'd/b', 'd/e/f', 'd-/a', 'new\nline', 'per%cent', 'üñï/файл'];

describe('a push of a list of files', () => {
  it('puts into the bucket what a push of a tree of these alone does', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(NAMES.map((name) => [name, name])));
    let round = 0;
    await fc.assert(fc.asyncProperty(fc.subarray(NAMES), async (files) => {
      round += 1;
      const [subset, back] = [world.path(`subset-${round}`), world.path(`back-${round}`)];
      mkdirSync(subset);
      for (const file of files) {
        cpSync(join(world.source, file), join(subset, file), { recursive: true, preserveTimestamps: true });
      }
      const target = { ...world.target, prefix: `list-${round}` };
      const { result } = await world.push({ target, files });
      const alone = await world.push({ target: { ...target, prefix: `alone-${round}` }, source: subset });
      assert.deepEqual([result.scanned, result.done, result.exitCode], [alone.result.scanned, alone.result.done, 0]);
      await world.pull(back, { target });
      assert.deepEqual([...describeTree(back).keys()].sort(), [...describeTree(subset).keys()].sort());
      [subset, back].forEach((directory) => rmSync(directory, { recursive: true }));
    }), { numRuns: 15 });
  });

  it('fails for what is not there by name, and goes on with the rest; nothing else is counted', async (t) => {
    const world = await makeWorld(t);
    plantHostile(world.source);
    const { result } = await world.push({ files: ['plain.txt', 'none', Buffer.from('not-\xff\xfe-utf8', 'latin1')] });
    assert.deepEqual([result.exitCode, result.scanned, result.done], [3, 3, 2]);
    assert.deepEqual(result.failures.map(({ path, code }) => [path, code]), [['none', 'vanished']]);
    const planned = await world.push({ files: ['plain.txt', 'none', 'empty'], dryRun: true });
    assert.deepEqual([planned.result.scanned, planned.result.done, planned.result.skipped, planned.result.failed], [3, 1, 1, 1]);
  });

  it('refuses a path that leads out of the source before anything is made', async (t) => {
    const world = await makeWorld(t);
    await assert.rejects(world.push({ files: ['a', '../a'] }), { code: 'usage' });
    assert.deepEqual(world.requests, []);
  });

  it('leaves the unfinished upload of a file alone that is not on the list', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { large: Buffer.alloc(5_000_000, 'x'), small: 'small' });
    await interruptUpload(world);
    assert.equal((await world.push({ files: ['small'] })).result.exitCode, 0);
    assert.equal((await world.store.listUploads('')).length, 1);
    assert.equal((await world.push()).result.exitCode, 0);
    assert.equal(only(world.requests, 'InitiateMultipartUpload').length, 1);
  });
});

describe('push --files-from', () => {
  it('reads lines, or what NUL ends, of a file or of standard input, and resume reads the file again', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a': 'a', 'b\nb': 'b', 'raw:c-\xff': 'c' });
    const { env, options } = reach(world);
    const place = { cwd: world.directory, env };
    const push = ['push', 'source', `oss://${world.target.bucket}/list`, ...options, '--json'];
    writeFileSync(world.path('lines'), Buffer.from('\na\nc-\xff\nnone', 'latin1'));
    const lines = await callCli([...push, '--files-from', 'lines', '--manifest', 'm.jsonl'], place);
    assert.deepEqual([lines.code, summaryOf(lines.stdout)], [3, [3, 2, 0, 1]], lines.stderr);
    writeFileSync(world.path('lines'), 'a\n');
    const resumed = await callCli(['resume', 'm.jsonl', ...options, '--json'], place);
    assert.deepEqual([resumed.code, summaryOf(resumed.stdout)], [0, [1, 0, 1, 0]], resumed.stderr);

    const words = [...push, '--manifest', 'in.jsonl', '--files-from', '-'];
    const child = spawn(process.execPath, [CLI, ...words, '--from0=1'], { cwd: world.directory, env: { HOME: world.directory, ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.end('b\nb\0none\0');
    const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')]);
    assert.deepEqual([child.exitCode, summaryOf(stdout)], [3, [2, 1, 0, 1]]);
    const lost = await callCli(['resume', 'in.jsonl', ...options], place);
    assert.equal(lost.code, 2);
    assert.match(lost.stderr, /came from standard input.*\n.*--files-from/);
    writeFileSync(world.path('again'), 'b\nb\0');
    const given = await callCli(['resume', 'in.jsonl', ...options, '--json', '--files-from', 'again'], place);
    assert.deepEqual([given.code, summaryOf(given.stdout)], [0, [1, 0, 1, 0]], given.stderr);
  });

  it('refuses a list that cannot be read', async (t) => {
    const world = await makeWorld(t);
    const { env, options } = reach(world);
    const { code, stderr } = await callCli(['push', 'source', `oss://${world.target.bucket}`, ...options, '--files-from', 'nowhere'], { cwd: world.directory, env });
    assert.equal(code, 2);
    assert.match(stderr, /cannot read the list of files .*nowhere/);
  });
});

function summaryOf(stdout: string): unknown[] {
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  return ['scanned', 'done', 'skipped', 'failed'].map((name) => summary[name]);
}
