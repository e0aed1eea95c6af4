import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { plant } from '../support/trees.js';
import { makeWorld, type World } from '../support/world.js';

const onLinux = { skip: process.platform === 'linux' ? false : 'needs the proc file system' };
/** A directory that exists and in which nobody can make a file. */
const NO_PLACE = '/proc';

/** What the descriptors of this process stand for. */
function openNow(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(join('/proc/self/fd', fd))];
    } catch {
      // The one that was read from.
      return [];
    }
  });
}

async function pushedWorld(t: Parameters<typeof makeWorld>[0]): Promise<{ readonly world: World; readonly manifest: string }> {
  const world = await makeWorld(t);
  plant(world.source, { a: 'a' });
  const { result } = await world.push();
  return { world, manifest: result.manifest ?? '' };
}

describe('nothing of a manifest stays open', onLinux, () => {
  it('after the plan of a push', async (t) => {
    const { world, manifest } = await pushedWorld(t);
    const { result } = await world.push({ dryRun: true });
    assert.deepEqual([result.skipped, result.exitCode], [1, 0]);
    assert.ok(!openNow().includes(manifest));
  });

  it('after the plan of a push that was interrupted', async (t) => {
    const { world, manifest } = await pushedWorld(t);
    await assert.rejects(world.push({ dryRun: true, signal: AbortSignal.abort() }), { code: 'interrupted' });
    assert.ok(!openNow().includes(manifest));
  });

  it('after the plan of a pull', async (t) => {
    const { world, manifest } = await pushedWorld(t);
    const { result } = await world.pull(world.path('back'), { dryRun: true, manifest });
    assert.deepEqual([result.done, result.exitCode], [1, 0]);
    assert.ok(!openNow().includes(manifest));
  });

  it('after the plan of a pull that was begun, or that names forbid', async (t) => {
    const { world } = await pushedWorld(t);
    const { result: { manifest = '' } } = await world.pull(world.path('back'));
    assert.equal((await world.pull(world.path('back'), { dryRun: true })).result.skipped, 1);
    await world.putPlain('backup/A', 'A');
    assert.equal((await world.pull(world.path('back'), { dryRun: true })).result.error?.code, 'collision');
    assert.deepEqual(openNow().filter((path) => path === manifest || path === world.path('back')), []);
  });

  it('after a verification whose report cannot be made, nor of the directory for it', async (t) => {
    const { world, manifest } = await pushedWorld(t);
    await assert.rejects(world.verify({ manifest, report: join(NO_PLACE, 'report.json') }), { code: 'write-failed' });
    assert.deepEqual(openNow().filter((path) => path === manifest || path === NO_PLACE), []);
  });
});
