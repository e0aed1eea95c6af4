import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

describe('the result of a run that stopped', () => {
  it('says why, for each kind of run', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const target = { ...world.target, bucket: 'nobody-has-this' };
    for (const run of [world.push({ target }), world.pull(world.path('back'), { target }), world.verify({ target })]) {
      const { result, events } = await run;
      assert.deepEqual([result.exitCode, result.complete, result.error?.code], [2, false, 'bucket-missing']);
      assert.match(result.error?.message ?? '', /nobody-has-this/);
      const summary = events.at(-1);
      assert.deepEqual(summary?.event === 'summary' ? summary.error : undefined, result.error);
    }
  });
});
