import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

describe('the report of a verification', () => {
  it('says what stopped it', async (t) => {
    const world = await makeWorld(t);
    const report = world.path('report.json');
    await world.verify({ target: { ...world.target, bucket: 'nobody-has-this' }, report });
    const { complete, exitCode, error } = JSON.parse(readFileSync(report, 'utf8')) as { complete: boolean; exitCode: number; error: { code: string } };
    assert.deepEqual([complete, exitCode, error.code], [false, 2, 'bucket-missing']);
  });

  it('takes the place of a regular file only', async (t) => {
    const world = await makeWorld(t);
    const server = createServer();
    t.after(() => server.close());
    await once(server.listen(world.path('socket')), 'listening');
    for (const report of [world.source, world.path('socket')]) {
      await assert.rejects(world.verify({ report }), { code: 'usage', object: report });
    }
    assert.ok(statSync(world.path('socket')).isSocket());
  });
});

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
