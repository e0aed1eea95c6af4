import assert from 'node:assert/strict';
import { linkSync, rmSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { RunEvent } from '../../src/run/events.js';
import { describeTree, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

const TWO_NAMES = ['info: hard links under 2 names: the content is sent for each, and each comes back as a file of its own'];

function noticesOf({ events }: { readonly events: readonly RunEvent[] }): string[] {
  return events.flatMap((event) => (event.event === 'notice' ? [`${event.level}: ${event.message}`] : []));
}

describe('hard links', () => {
  it('are told once, at the end of the walk, and come back as files of their own', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'shared', 'sub/alone': 'alone' });
    linkSync(world.path('source', 'a'), world.path('source', 'sub', 'b'));
    assert.deepEqual(noticesOf(await world.push({ dryRun: true })).slice(0, 1), TWO_NAMES);
    const pushed = await world.push();
    assert.deepEqual([noticesOf(pushed), pushed.result.done, pushed.result.exitCode], [TWO_NAMES, 3, 0]);
    await world.pull(world.path('back'));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    assert.equal(statSync(world.path('back', 'a')).nlink, 1);
  });

  it('to what is not taken count with the name that is, and where there are none nothing is said', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'shared', c: 'c' });
    linkSync(world.path('source', 'a'), world.path('source', 'b'));
    assert.match(noticesOf(await world.push({ exclude: ['b'] }))[0] ?? '', /^info: hard links under 1 name: /);
    rmSync(world.path('source', 'b'));
    assert.deepEqual(noticesOf(await world.push()), []);
  });
});
