import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MiB } from '../../src/limits.js';
import { assertEqualFiles, pushThroughKills } from '../support/kill-rounds.js';
import { makeWorld } from '../support/world.js';

describe('a file of 192 MiB in parts of 1 MiB', () => {
  it('survives five kills: nothing confirmed is sent again, little else is, and it comes back as it was', async (t) => {
    const world = await makeWorld(t);
    const survived = await pushThroughKills(world, { sizeBytes: 192 * MiB, partBytes: MiB, kills: 5, threads: 2, concurrency: 4, memoryBytes: 32 * MiB });
    assert.equal(survived.kills, 5);
    const bound = survived.kills * survived.inFlightBytes;
    assert.ok(survived.resentBytes <= bound, `${survived.resentBytes} bytes were sent again, ${bound} at most may be`);
    world.faults = () => undefined;
    const { result } = await world.pull(world.path('back'), { tuning: { threads: 2, concurrency: 4, memoryBytes: 32 * MiB, partBytes: MiB } });
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assertEqualFiles(world.path('back', 'file'), `${world.source}/file`);
  });
});
