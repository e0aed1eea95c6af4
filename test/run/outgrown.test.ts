import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MiB } from '../../src/limits.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, type World } from '../support/world.js';

/** The memory of the tests has room for one of these at a time, and none for more than 4 MiB. */
const HEAVY = 3 * MiB;
const NAMES = ['b1', 'b2', 'b3', 'b4'];
const LISTED_BYTES = 10;

describe('an object that is larger than the listing said', () => {
  for (const operation of ['pull', 'verify'] as const) {
    it(`waits for memory like any other of its size, and travels in parts where it is large: ${operation}`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { ...Object.fromEntries(NAMES.map((name, seed) => [name, content(HEAVY, seed)])), large: content(5 * MiB) });
      await world.push();
      const atOnce = mostAtOnce(world, 'GetObject', () => listing([...NAMES, 'large']));
      const { result } = await (operation === 'pull' ? world.pull(world.path('back')) : world.verify());
      assert.deepEqual([result.done, result.failed], [NAMES.length + 1, 0], JSON.stringify(result.failures));
      assert.equal(atOnce(), 1);
      assert.ok(only(world.requests, 'GetObject').filter(({ key }) => key === 'backup/large').length > 1);
      if (operation === 'pull') {
        assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
      }
    });
  }
});

describe('a file that is larger than the walk has seen', () => {
  it('waits for memory like any other of its size', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries([...['a1', 'a2', 'a3', 'a4'], ...NAMES].map((name) => [name, name])));
    const refused = new Set<string>();
    let hasGrown = false;
    const atOnce = mostAtOnce(world, 'PutObject', ({ key }) => {
      if (!hasGrown && refused.has(key)) {
        hasGrown = true;
        NAMES.forEach((name, seed) => writeFileSync(join(world.source, name), content(HEAVY, seed)));
      }
      refused.add(key);
      return hasGrown ? undefined : { kind: 'answer', status: 503, code: 'ServiceUnavailable' };
    });
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed], [8, 0], JSON.stringify(result.failures));
    assert.equal(atOnce(), 1);
    world.faults = () => undefined;
    await world.pull(world.path('back'));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

/** How many heavy objects were under way at once. `faults` decides about requests for a listing, or of the operation. */
function mostAtOnce(world: World, operation: string, faults: World['faults']): () => number {
  const isHeavy = (request: { readonly operation: string; readonly key: string }): boolean => request.operation === operation && NAMES.includes(request.key.replace('backup/', ''));
  let now = 0;
  let most = 0;
  world.faults = (request) => {
    now += isHeavy(request) ? 1 : 0;
    most = Math.max(most, now);
    return request.operation.startsWith('ListObjects') || request.operation === 'PutObject' ? faults(request) : undefined;
  };
  world.answered = (request) => {
    now -= isHeavy(request) ? 1 : 0;
  };
  return () => most;
}

function listing(names: readonly string[]): ReturnType<World['faults']> {
  const objects = names.map((name) => `<Contents><Key>backup/${name}</Key><ETag>"AB"</ETag><Size>${LISTED_BYTES}</Size></Contents>`);
  return { kind: 'answer', status: 200, headers: { 'content-type': 'application/xml' }, body: `<ListBucketResult><IsTruncated>false</IsTruncated>${objects.join('')}</ListBucketResult>` };
}
