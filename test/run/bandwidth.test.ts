import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { KiB, MIN_BANDWIDTH, MiB } from '../../src/limits.js';
import { ThreadHub } from '../../src/run/threads/thread-hub.js';
import { ThreadLink } from '../../src/run/threads/thread-link.js';
import { Bandwidth, shareBandwidth } from '../../src/store/bandwidth.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, TWO_THREADS, warmThreads, type Told, type World } from '../support/world.js';

const tuned = (bandwidthBytesPerSecond: number) => ({ tuning: { ...TWO_THREADS, bandwidthBytesPerSecond }, pool: warmThreads(2) });
const FAST = tuned(64 * MiB);
/** Of what the tests send under it, nothing is through before a minute has passed. */
const SLOW = tuned(MIN_BANDWIDTH);

describe('a run with a bandwidth', () => {
  it('brings everything there and back', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    const small = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`small/${index}`, content(index * 300, index)]));
    plant(world.source, { ...small, 'whole.bin': content(MiB + 7), 'parts.bin': content(3 * MiB + 5) });
    const runs = [await world.push(FAST), await world.pull(world.path('back'), FAST), await world.verify({ ...FAST, against: world.source })];
    assert.deepEqual(runs.map(({ result }) => [result.exitCode, result.complete, result.done]), runs.map(() => [0, true, 42]));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    assert.equal(only(world.requests, 'CompleteMultipartUpload').length, 1);
  });

  it('says in its first event how much it is', async (t) => {
    const world = await makeWorld(t);
    const numbers = [await world.push({ ...FAST, dryRun: true }), await world.push({ dryRun: true })].map(({ events: [start] }) => (start?.event === 'start' ? start.effective.bandwidthBytesPerSecond : assert.fail()));
    assert.deepEqual(numbers, [64 * MiB, undefined]);
  });

  const trees = { 'a file in one request': { 'a.bin': content(MiB) }, 'a file in parts': { 'a.bin': content(3 * MiB) }, 'small files': Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`${index}`, content(200 * KiB, index)])) };
  for (const [what, tree] of Object.entries(trees)) {
    it(`that is aborted does not wait for ${what}, nor end a thread for it`, async (t) => {
      const world = await makeWorld(t, TWO_THREADS);
      plant(world.source, tree);
      const count = Object.keys(tree).length;
      stopsShort(await abortedAt(world, /^(?:PutObject|UploadPart)$/, (signal) => world.push({ ...SLOW, signal })));
      assert.deepEqual([...only(world.requests, 'PutObject'), ...only(world.requests, 'UploadPart')].filter(({ status }) => status === 200), []);
      const threads = threadsFrom(t);
      assert.equal((await world.push()).result.done, count);
      stopsShort(await abortedAt(world, /^GetObject$/, (signal) => world.verify({ ...SLOW, signal })));
      stopsShort(await abortedAt(world, /^GetObject$/, (signal) => world.pull(world.path('back'), { ...SLOW, signal })));
      assert.equal((await world.pull(world.path('back'))).result.done, count);
      assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
      assert.deepEqual(threads, []);
    });
  }

  it('that stops says so to all of its threads', async (t) => {
    const [channel, shared] = [randomUUID(), shareBandwidth(MIN_BANDWIDTH)];
    const hub = new ThreadHub(channel, () => assert.fail(), new Bandwidth(shared));
    const link = new ThreadLink(channel, 1, { bandwidth: new Bandwidth(shared) });
    // An unreferenced channel does not keep a process without anything else to do alive.
    const keepAlive = setInterval(() => undefined, 1000);
    t.after(() => {
      clearInterval(keepAlive);
      [link, hub].forEach((end) => end.close());
    });
    const refused = [hub.bandwidth, link.bandwidth].map((bandwidth) => new Promise<void>((resolve) => {
      bandwidth?.turn(MiB, () => assert.fail('a minute has passed'), resolve);
    }));
    hub.stop();
    await Promise.all(refused);
  });
});

/** Aborts a run as soon as a request of that kind arrives. */
async function abortedAt(world: World, operations: RegExp, run: (signal: AbortSignal) => Promise<Told>): Promise<Told> {
  const abort = new AbortController();
  world.faults = ({ operation }) => {
    if (operations.test(operation)) {
      abort.abort();
    }
    return undefined;
  };
  try {
    return await run(abort.signal);
  } finally {
    world.faults = () => undefined;
  }
}

function stopsShort({ result: { exitCode, done, failed } }: Told): void {
  assert.deepEqual([exitCode, done, failed], [130, 0, 0]);
}

/** Those that start from now on. */
function threadsFrom(t: TestContext): Worker[] {
  const started: Worker[] = [];
  const listen = (worker: Worker): number => started.push(worker);
  process.on('worker', listen);
  t.after(() => process.off('worker', listen));
  return started;
}
