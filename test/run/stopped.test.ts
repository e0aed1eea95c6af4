import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { RunEvent } from '../../src/run/events.js';
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

  it('is there when the summary comes, or there is none', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    await world.push();
    mkdirSync(world.path('out'));
    const report = world.path('out', 'report.json');
    const events: string[] = [];
    const onEvent = ({ event }: RunEvent): void => {
      events.push(event);
      if (event === 'file') {
        rmSync(world.path('out'), { recursive: true });
      }
    };
    await assert.rejects(world.verify({ report, onEvent }), { exitCode: 6 });
    assert.ok(!events.includes('summary'), events.join());
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
