import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { PullOptions } from '../../src/run/options.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, type Told, type World } from '../support/world.js';

const LARGE = 4_300_000;
const FILES = { a: 'a', 'd/b': 'b', 'd/c%': 'c', large: content(LARGE) };

interface Pushed {
  readonly world: World;
  /** Of the push. */
  readonly manifest: string;
}

async function pushed(t: TestContext, files: Parameters<typeof plant>[1] = FILES): Promise<Pushed> {
  const world = await makeWorld(t);
  plant(world.source, files);
  const { result } = await world.push();
  assert.ok(result.manifest !== undefined && result.exitCode === 0);
  return { world, manifest: result.manifest };
}

/** From now on the bucket lists these objects and no others, whatever it holds. */
async function listOnly(world: World, ...keys: string[]): Promise<void> {
  const entries = await Promise.all(keys.map(async (key) => {
    const { etag, sizeBytes } = await world.store.head(key);
    return `<Contents><Key>${key}</Key><ETag>"${etag}"</ETag><Size>${sizeBytes}</Size></Contents>`;
  }));
  const body = `<ListBucketResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListBucketResult>`;
  world.faults = ({ operation }) => (operation === 'ListObjectsV2' ? { kind: 'answer', status: 200, body, headers: { 'content-type': 'application/xml' } } : undefined);
}

function sums({ result }: Told): readonly number[] {
  const { scanned, done, skipped, failed, exitCode } = result;
  assert.equal(scanned, done + skipped + failed);
  return [done, skipped, failed, exitCode];
}

function warnings({ events }: Told): readonly string[] {
  return events.flatMap((event) => (event.event === 'notice' && event.level === 'warning' ? [event.message] : []));
}

/** Plans, then pulls, and asserts that both come to the same. */
async function pullAsPlanned(world: World, more: Partial<PullOptions> = {}): Promise<Told> {
  const plan = await world.pull(world.path('back'), { ...more, dryRun: true });
  const run = await world.pull(world.path('back'), more);
  assert.deepEqual([sums(plan), plan.result.failures, warnings(plan)], [sums(run), run.result.failures, warnings(run)]);
  return run;
}

describe('a pull whose listing leaves objects out', () => {
  it('has them all the same, where the push\'s manifest is named or found', async (t) => {
    const { world, manifest } = await pushed(t);
    await listOnly(world, 'backup/d/b');
    assert.deepEqual(sums(await pullAsPlanned(world)), [4, 0, 0, 0]);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    assert.deepEqual(sums(await pullAsPlanned(world)), [0, 4, 0, 0], 'the same pull again');
    const named = { manifest, manifestDirectories: [world.path('elsewhere')] };
    assert.deepEqual(sums(await world.pull(world.path('named'), named)), [4, 0, 0, 0]);
    assert.deepEqual(sums(await world.pull(world.path('alone'), { manifestDirectories: [world.path('others')] })), [1, 0, 0, 0], 'who has no manifest cannot know');
  });

  it('asks for what is selected, below the prefix that is pulled, and for nothing that is listed', async (t) => {
    const { world, manifest } = await pushed(t);
    const before = world.requests.length;
    await world.pull(world.path('whole'), { dryRun: true });
    assert.deepEqual(only(world.requests.slice(before), 'HeadObject').map(({ key }) => key).filter((key) => key !== 'backup'), []);
    await listOnly(world, 'backup/d/b');
    assert.deepEqual(sums(await pullAsPlanned(world, { include: ['a'] })), [1, 1, 0, 0]);
    const below = { manifest, target: { ...world.target, prefix: 'backup/d' } };
    assert.deepEqual(sums(await world.pull(world.path('below'), below)), [2, 0, 0, 0]);
    assert.deepEqual(readdirSync(world.path('below')).sort(), ['b', 'c%']);
  });

  it('looks at all names before it writes anything', async (t) => {
    const { world } = await pushed(t, { name: '1', Name: '2' });
    await listOnly(world, 'backup/name');
    const { result } = await world.pull(world.path('back'));
    assert.deepEqual([result.error?.code, readdirSync(world.path('back'))], ['collision', []]);
    assert.deepEqual(sums(await world.pull(world.path('back'), { onCollision: 'rename' })), [2, 0, 0, 0]);
    assert.equal(readdirSync(world.path('back')).length, 2);
  });

  it('goes on with them after an interruption', async (t) => {
    const { world } = await pushed(t);
    await listOnly(world, 'backup/d/b');
    const stale = world.faults;
    const stop = new AbortController();
    world.faults = (request) => {
      if (request.operation === 'GetObject' && request.key === 'backup/large') {
        stop.abort();
      }
      return stale(request);
    };
    const { result } = await world.pull(world.path('back'), { signal: stop.signal });
    assert.equal(result.exitCode, 130);
    assert.equal((await world.pull(world.path('back'))).result.manifest, result.manifest);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

describe('a pull of objects that are gone', () => {
  it('fails each one that a named manifest records, until it is there again', async (t) => {
    const { world, manifest } = await pushed(t);
    await world.store.delete('backup/a');
    await world.store.delete('backup/d/b');
    const gone = await pullAsPlanned(world, { manifest });
    assert.deepEqual(sums(gone), [2, 0, 2, 4]);
    const verified = await world.verify({ manifest });
    assert.deepEqual(gone.result.failures, verified.result.failures);
    assert.deepEqual(gone.result.failures.map(({ path, code }) => `${path} ${code}`), ['a missing', 'd/b missing']);
    assert.deepEqual(warnings(gone), []);
    assert.deepEqual(sums(await pullAsPlanned(world, { manifest, exclude: ['a', 'd'] })), [0, 2, 0, 0]);
    assert.equal((await world.push({ checksum: true })).result.done, 2);
    assert.deepEqual(sums(await pullAsPlanned(world, { manifest })), [2, 2, 0, 0]);
  });

  it('warns once of those that a manifest records which it found by itself', async (t) => {
    const { world, manifest } = await pushed(t);
    await world.store.delete('backup/a');
    await world.store.delete('backup/d/b');
    const before = world.requests.length;
    const run = await pullAsPlanned(world);
    assert.deepEqual(sums(run), [2, 0, 0, 0]);
    assert.equal(run.result.complete, true);
    assert.deepEqual(warnings(run), [`objects that the manifest ${manifest} records and the bucket has not got: 2; verify --manifest ${manifest} names them`]);
    const asked = only(world.requests.slice(before), 'HeadObject').filter(({ key }) => key === 'backup/a');
    assert.equal(asked.length, 2, 'by the plan and by the run, however often they read the listing');
    assert.deepEqual(warnings(await pullAsPlanned(world, { include: ['large'] })), []);
    writeFileSync(join(world.source, 'a'), 'again');
    await world.push();
    assert.match(String(warnings(await world.pull(world.path('back')))), /has not got: 1;/);
  });
});
