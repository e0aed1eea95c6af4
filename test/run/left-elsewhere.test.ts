import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine } from '../../src/files/machine.js';
import { tagOf, temporaryName } from '../../src/files/temporary.js';
import { plant } from '../support/trees.js';
import { makeWorld, type World } from '../support/world.js';

const KILLED = { ...thisMachine, host: 'a-container', pid: 7, startTime: '4711' };
const OTHER = { ...KILLED, host: 'another-container' };

/** A push, and what a pull leaves that was killed in a container: temporary files, a lock, an unfinished manifest. */
async function killedElsewhere(t: TestContext): Promise<World> {
  const world = await makeWorld(t);
  plant(world.source, { 'a/file': Buffer.from('plain'), file: Buffer.from('text') });
  await world.push();
  const manifest = world.path('pull.jsonl');
  await world.pull(world.path('back'), { manifest });
  const { host, bootId, namespace, pid, startTime } = KILLED;
  writeFileSync(`${manifest}.lock`, JSON.stringify({ host, bootId, namespace, pid, startTime, since: new Date(0).toISOString() }));
  for (const directory of ['back', 'back/a']) {
    writeFileSync(world.path(directory, temporaryName(tagOf(KILLED))), 'plain');
  }
  return world;
}

function temporaries(world: World): string[] {
  return readdirSync(world.path('back'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.sealift-'));
}

describe('a pull after one that was killed in another container', () => {
  it('removes what that one left, once it is told that it is gone', async (t) => {
    const world = await killedElsewhere(t);
    const manifest = world.path('pull.jsonl');
    await assert.rejects(world.pull(world.path('back'), { manifest }), { code: 'locked' });
    assert.equal(temporaries(world).length, 2);
    const { result, events } = await world.pull(world.path('back'), { manifest, breakLock: true });
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.deepEqual(temporaries(world), []);
    assert.deepEqual(events.filter(({ event }) => event === 'notice'), []);
  });

  it('leaves alone what others have there, and says how many files and what removes them', async (t) => {
    const world = await killedElsewhere(t);
    const names = [temporaryName(tagOf(OTHER)), `a/${temporaryName(tagOf(OTHER))}`];
    names.forEach((name) => writeFileSync(world.path('back', name), 'plain'));
    const { events } = await world.pull(world.path('back'), { manifest: world.path('pull.jsonl'), breakLock: true });
    assert.deepEqual(temporaries(world).sort(), names.sort());
    const notices = events.flatMap((event) => (event.event === 'notice' ? [event.message] : []));
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? '', /^2 temporary files .*sealift doctor ".*back" --remove --force$/);
  });
});
