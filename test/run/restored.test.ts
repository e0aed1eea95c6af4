import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, type World } from '../support/world.js';

/** Freshly written, so that the system gives each a time to the nanosecond: no call of Node's could. */
const FILES = { 'a.txt': 'a', 'd/b.txt': 'b', 'large.bin': content(4_300_000) };

/** Pushed and pulled. The pull's manifest and the push's are in directories of their own. */
async function restored(t: TestContext): Promise<World> {
  const world = await makeWorld(t);
  plant(world.source, FILES);
  const times = Object.keys(FILES).map((name) => lstatSync(join(world.source, name), { bigint: true }).mtimeNs);
  assert.ok(times.some((ns) => ns % 1000n !== 0n), 'a file system without nanoseconds proves nothing');
  assert.equal((await world.push()).result.exitCode, 0);
  assert.equal((await world.pull(world.path('back'))).result.done, 3);
  assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  return world;
}

describe('a restored tree', () => {
  it('is what the manifest of its push knows, though its times end at the microsecond', async (t) => {
    const world = await restored(t);
    for (const dryRun of [true, false]) {
      const { result } = await world.pull(world.path('back'), { newRun: true, dryRun });
      assert.deepEqual([result.skipReasons, result.scanned, result.failures], [{ unchanged: 3 }, 3, []]);
    }
    assert.equal((await world.pull(world.source, { newRun: true })).result.skipped, 3, 'the tree that was pushed, too');
  });

  it('is what stands in the bucket, for a push that has no manifest', async (t) => {
    const world = await restored(t);
    const before = world.requests.length;
    const { result, events } = await world.push({ source: world.path('back'), manifestDirectories: [world.path('others')] });
    assert.deepEqual([result.skipReasons, result.scanned, result.failures], [{ unchanged: 3 }, 3, []]);
    assert.deepEqual(events.filter((event) => event.event === 'notice'), []);
    assert.deepEqual(only(world.requests.slice(before), 'CompleteMultipartUpload'), []);
  });
});
