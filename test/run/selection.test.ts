import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { describeTree, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

const CASES: readonly (readonly [chosen: { readonly include?: readonly string[]; readonly exclude?: readonly string[] }, names: readonly string[]])[] = [
  [{ exclude: ['.git'] }, ['keep/e', 'keep/f', 'other/e2']],
  [{ exclude: ['other', '**/.git'] }, ['keep/e', 'keep/f']],
  [{ exclude: ['other/e2'] }, ['.git/deep/c', 'keep/e', 'keep/f']],
  [{ include: ['keep/**'] }, ['keep/e', 'keep/f']],
  [{ include: ['keep/**', '!keep/e'] }, ['keep/f']],
];

describe('a selection', () => {
  for (const [chosen, names] of CASES) {
    it(`is the same set for push, pull and verify: ${JSON.stringify(chosen)}`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { '.git/deep/c': 'c', 'keep/f': 'f' });
      ['keep/e', 'other/e2'].forEach((name) => mkdirSync(join(world.source, name), { recursive: true }));
      await world.push();
      await world.pull(world.path('back'), chosen);
      assert.deepEqual([...describeTree(world.path('back')).keys()].sort(), names);
      const planned = await world.pull(world.path('planned'), { ...chosen, dryRun: true });
      const pulled = names.filter((name) => name.endsWith('/f') || name.endsWith('/c'));
      assert.deepEqual(planned.events.flatMap((event) => (event.event === 'file' && event.state === 'planned' ? [event.path] : [])), pulled);

      const part = { target: { ...world.target, prefix: 'part' } };
      const pushed = await world.push({ ...part, ...chosen });
      assert.equal(pushed.result.done, pulled.length);
      const [manifest] = pushed.events.flatMap((event) => (event.event === 'start' && event.manifest !== undefined ? [event.manifest] : []));
      assert.ok(manifest !== undefined);
      const { result } = await world.verify({ ...part, ...chosen, manifest, against: world.source });
      assert.deepEqual([result.done, result.failures, result.exitCode], [pulled.length, [], 0]);
      assert.equal((await world.verify({ ...chosen, against: world.source })).result.done, pulled.length);
    });
  }

  it('that is none is refused before anything is made, planned or not', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    for (const wrong of [{ include: [''] }, { exclude: ['!a'] }]) {
      for (const dryRun of [true, false]) {
        const usage = { code: 'usage', exitCode: 2 };
        await assert.rejects(world.push({ ...wrong, dryRun, resumeSecret: world.path('secret') }), usage);
        await assert.rejects(world.pull(world.path('back'), { ...wrong, dryRun }), usage);
      }
    }
    assert.deepEqual([readdirSync(world.manifests), existsSync(world.path('secret')), existsSync(world.path('back'))], [[], false, false]);
    assert.deepEqual(world.requests, []);
  });
});
