import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Manifest } from '../../src/manifest/manifest.js';
import type { PullOptions } from '../../src/run/options.js';
import { content, plant } from '../support/trees.js';
import { makeWorld, type Told, type World } from '../support/world.js';

const LARGE = 4_300_000;

/** State and code of every file; what is planned counts as done. */
function states({ events }: Told): readonly string[] {
  return events.flatMap((event) => {
    if (event.event !== 'file') {
      return [];
    }
    const state = event.state === 'planned' ? 'done' : event.state;
    return [[event.path, state, event.code].filter((part) => part !== undefined).join(' ')];
  }).sort();
}

function sums({ result }: Told): unknown {
  const { scanned, done, skipped, failed, exitCode, complete, error, skipReasons, failures } = result;
  return { scanned, done, skipped, failed, exitCode, complete, error, skipReasons, failures: new Set(failures) };
}

/** Plans, then pulls, and asserts that both say the same. */
async function pullAsPlanned(world: World, more: Partial<PullOptions> = {}): Promise<{ readonly plan: Told; readonly run: Told; readonly states: readonly string[] }> {
  const plan = await world.pull(world.path('back'), { ...more, dryRun: true });
  const run = await world.pull(world.path('back'), more);
  assert.deepEqual(states(plan), states(run));
  assert.deepEqual(sums(plan), sums(run));
  return { plan, run, states: states(run) };
}

/** The push's manifest, elsewhere, does not speak for what the pull's own should know. */
async function pushedWorld(t: Parameters<typeof makeWorld>[0], files: Parameters<typeof plant>[1]): Promise<World> {
  const world = await makeWorld(t);
  plant(world.source, files);
  assert.equal((await world.push({ manifestDirectories: [world.path('pushes')] })).result.exitCode, 0);
  return world;
}

describe('the plan of a pull is what the run then does', () => {
  it('where the same pull is complete already', async (t) => {
    const world = await pushedWorld(t, { a: 'a', 'd/b': 'b' });
    await world.pull(world.path('back'));
    const { states } = await pullAsPlanned(world);
    assert.deepEqual(states, ['a skipped unchanged', 'd/b skipped unchanged']);
    assert.deepEqual((await pullAsPlanned(world, { newRun: true })).states, ['a failed exists', 'd/b failed exists']);
  });

  it('while a run holds the manifest, which it leaves as it is', async (t) => {
    const world = await pushedWorld(t, { a: 'a' });
    const { result: { manifest = '' } } = await world.pull(world.path('back'));
    const before = readFileSync(manifest);
    const held = await Manifest.load(manifest);
    const files = readdirSync(world.manifests);
    const { result } = await world.pull(world.path('back'), { dryRun: true });
    assert.deepEqual([result.skipped, result.exitCode], [1, 0]);
    assert.deepEqual([readFileSync(manifest), readdirSync(world.manifests)], [before, files]);
    await held.release();
  });

  it('where the named manifest is not that of this pull, or not there yet', async (t) => {
    const world = await pushedWorld(t, { a: 'a' });
    const { result: { manifest = '' } } = await world.pull(world.path('elsewhere'));
    for (const dryRun of [true, false]) {
      await assert.rejects(world.pull(world.path('back'), { manifest, dryRun }), { code: 'usage' });
      await assert.rejects(world.pull(world.path('elsewhere'), { manifest, dryRun, newRun: true }), { code: 'usage' });
    }
    assert.deepEqual((await pullAsPlanned(world, { manifest: world.path('new.jsonl') })).states, ['a done']);
  });

  it('where names collide, whatever is to happen then', async (t) => {
    const world = await pushedWorld(t, { Alone: '1', alone: '2', other: '3' });
    const { plan, states } = await pullAsPlanned(world);
    assert.deepEqual([states, plan.result.exitCode, plan.result.error?.code], [[], 3, 'collision']);
    assert.deepEqual((await pullAsPlanned(world, { exclude: ['Alone'] })).states, ['Alone skipped excluded', 'alone done', 'other done']);
    rmSync(world.path('back'), { recursive: true });
    const renamed = await pullAsPlanned(world, { onCollision: 'rename', newRun: true });
    assert.deepEqual([renamed.run.result.done, renamed.states.length, renamed.states.includes('alone done')], [3, 3, false]);
    rmSync(world.path('back'), { recursive: true });
    assert.deepEqual((await pullAsPlanned(world, { onCollision: 'keep', newRun: true })).states, ['Alone done', 'alone done', 'other done']);
  });

  it('where a file has the name of a directory', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'd/x': 'x', e: 'e' });
    ['d/empty', 'empty'].forEach((name) => mkdirSync(join(world.source, name)));
    await world.push();
    plant(world.path('back'), { d: 'mine' });
    const { states } = await pullAsPlanned(world);
    assert.deepEqual(states, ['d/empty failed path-escape', 'd/x failed path-escape', 'e done', 'empty skipped empty-directory']);
  });

  it('where a directory has the name of a file, which nothing replaces', async (t) => {
    const world = await pushedWorld(t, { a: 'a', 'd/b': 'b', c: 'c', large: content(LARGE) });
    ['a', 'd/b', 'large'].forEach((name) => mkdirSync(world.path('back', name), { recursive: true }));
    plant(world.path('back'), { c: 'mine' });
    for (const overwrite of [true, false]) {
      const { run, plan, states } = await pullAsPlanned(world, { overwrite });
      assert.deepEqual(states, ['a failed exists', overwrite ? 'c done' : 'c skipped unchanged', 'd/b failed exists', 'large failed exists']);
      for (const { remedy } of [...plan.result.failures, ...run.result.failures]) {
        assert.equal(remedy, 'move the directory away, or pull into another one');
      }
    }
    ['a', 'd/b', 'large'].forEach((name) => rmdirSync(world.path('back', name)));
    assert.deepEqual((await pullAsPlanned(world)).states, ['a done', 'c skipped unchanged', 'd/b done', 'large done']);
  });

  it('where there is no destination yet, and a name is no file name', async (t) => {
    const world = await pushedWorld(t, { a: 'a' });
    await world.putPlain('backup//x', 'x');
    const { states } = await pullAsPlanned(world);
    assert.deepEqual(states, ['/x failed path-escape', 'a done']);
  });

  it('where half of a pull is done', async (t) => {
    const world = await pushedWorld(t, { a: 'a', b: 'b', c: 'c' });
    plant(world.path('back'), { c: 'mine' });
    world.faults = ({ operation, key }) => (operation === 'GetObject' && key === 'backup/b' ? { kind: 'answer', status: 404, code: 'NoSuchKey' } : undefined);
    const { result: { manifest = '', done } } = await world.pull(world.path('back'));
    assert.equal(done, 1);
    world.faults = () => undefined;
    const { states } = await pullAsPlanned(world, { manifest });
    assert.deepEqual(states, ['a skipped unchanged', 'b done', 'c failed exists']);
  });
});
