import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { callCli, reach } from '../support/cli.js';
import { describeTree, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

const NAME = '.sealiftignore';

describe('push --ignore-file', () => {
  it('leaves out what the files say, planned or not, and resume repeats it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.o': 'a', b: 'b', 'd/a.o': 'a', 'd/keep.o': 'k', 'out/x': 'x', [NAME]: '*.o\nout/\n', [`d/${NAME}`]: '!keep.o' });
    const { env, options } = reach(world);
    const call = async (...words: string[]): Promise<unknown> => {
      const { code, stdout } = await callCli([...words, ...options, '--json'], { cwd: world.directory, env });
      const { done, skipped, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      return [code, done, skipped, failed];
    };
    const push = ['push', 'source', `oss://${world.target.bucket}/${world.target.prefix}`, '--ignore-file', NAME, '--manifest', 'm.jsonl'];
    assert.deepEqual(await call(...push, '--dry-run'), [0, 4, 3, 0]);
    assert.deepEqual(await call(...push), [0, 4, 3, 0]);
    plant(world.source, { 'new.o': 'n', 'd/new': 'n' });
    assert.deepEqual(await call('resume', 'm.jsonl'), [0, 1, 8, 0]);
    await world.pull(world.path('back'));
    assert.deepEqual([...describeTree(world.path('back')).keys()].sort(), [NAME, 'b', `d/${NAME}`, 'd/keep.o', 'd/new']);
  });

  it('fails a directory whose file cannot be followed, and sends nothing of it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', 'd/secret': 's', [`d/${NAME}`]: 'secret\0' });
    const { result } = await world.push({ ignoreFile: NAME });
    assert.deepEqual([result.exitCode, result.done, result.failures.map(({ path, code }) => [path, code])], [3, 1, [['d', 'unreadable']]]);
    assert.deepEqual((await world.store.list('', undefined)).objects.map(({ key }) => key), ['backup/a']);
  });

  it('refuses what is no name of a file before anything is made', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    for (const ignoreFile of ['', '.', '..', 'a/b', '/a', 'a\0b']) {
      await assert.rejects(world.push({ ignoreFile }), { code: 'usage', exitCode: 2 });
    }
    assert.deepEqual([readdirSync(world.manifests), world.requests], [[], []]);
  });
});
