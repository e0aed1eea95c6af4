import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { onlyFor, openProxy } from '../support/proxy.js';
import { SMALL, TWO_THREADS, makeWorld } from '../support/world.js';

describe('a run behind a proxy', () => {
  it('has no more tunnels than requests in flight, files in parts included, and its threads know the password', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    const proxy = await openProxy(t, { refuse: onlyFor('user', 'word') });
    const target = { ...world.target, proxy: proxy.urlWith('user', 'word') };
    Array.from({ length: 50 }, (_, n) => writeFileSync(world.path('source', `${n}`), `${n}`));
    writeFileSync(world.path('source', 'large'), Buffer.alloc(5 * 1024 * 1024, 'x'));
    const pushed = await world.push({ target });
    assert.equal(pushed.result.exitCode, 0);
    // Those of the threads, and of the coordinator.
    assert.ok(proxy.seen.length <= 3 * TWO_THREADS.concurrency, `${proxy.seen.length} tunnels`);
    assert.equal((await world.pull(world.path('out'), { target })).result.exitCode, 0);
    assert.equal((await world.verify({ target, against: world.source })).result.exitCode, 0);
    assert.doesNotMatch(JSON.stringify(pushed), /word/);
  });

  it('does not begin with a proxy that is none', async (t) => {
    const world = await makeWorld(t, SMALL);
    const target = { ...world.target, proxy: 'https://p' };
    await assert.rejects(world.push({ target }), { code: 'config-invalid' });
    await assert.rejects(world.pull(world.path('out'), { target }), { code: 'config-invalid' });
    await assert.rejects(world.verify({ target }), { code: 'config-invalid' });
    assert.deepEqual(world.requests, []);
  });
});
