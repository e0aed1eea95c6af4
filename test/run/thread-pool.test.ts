import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { isSealiftError, type SealiftError } from '../../src/errors.js';
import { MAX_THREADS } from '../../src/limits.js';
import type { Pool } from '../../src/run/threads/pool.js';
import { ThreadPool } from '../../src/run/threads/thread-pool.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, SMALL, strangersKey } from '../support/world.js';

const LOADING = new URL('../support/loading-worker.js', import.meta.url);
const HANGING = new URL('../support/hanging-worker.js', import.meta.url);

function poolOf(t: TestContext, options: ConstructorParameters<typeof ThreadPool>[0]): ThreadPool {
  const pool = new ThreadPool(options);
  t.after(async () => await pool.destroy());
  return pool;
}

/** Of jobs one by one, until they are refused at once: the first may still have been in a thread that was starting. */
async function failuresOf(jobs: Pool): Promise<SealiftError[]> {
  const failures: SealiftError[] = [];
  while (failures.length < 20 && failures.at(-1)?.code !== 'internal') {
    const failure: unknown = await jobs.run({ kind: 'issue' }).catch((error: unknown) => error);
    assert.ok(isSealiftError(failure));
    failures.push(failure);
  }
  return failures;
}

describe('a thread pool', () => {
  it('takes numbers that threads can have, as the options of a run do', () => {
    for (const options of [{ threads: 0 }, { threads: -1 }, { threads: NaN }, { threads: MAX_THREADS + 1 }, { concurrency: 0 }, { concurrency: NaN }, { concurrency: Infinity }]) {
      const [name = ''] = Object.keys(options);
      assert.throws(() => new ThreadPool(options), (error) => isSealiftError(error) && error.code === 'usage' && error.message.startsWith(`--${name} is `), inspect(options));
    }
    assert.deepEqual([1.5, 2.9].map((threads) => new ThreadPool({ threads }).threads), [1, 2]);
  });

  it('serves runs at once, each with its own keys, and takes its numbers of threads over theirs', async (t) => {
    const world = await makeWorld(t);
    const pool = poolOf(t, { threads: 2, threadsAtOnce: 1, concurrency: 4 });
    const keys = { a: world.key, b: strangersKey() };
    const names = ['a', 'b'] as const;
    names.forEach((name, seed) => plant(world.path('source', name), { small: content(100, seed), 'large.bin': content(4_300_000, seed) }));
    const placeOf = (name: 'a' | 'b'): object => ({ target: { ...world.target, prefix: `backup/${name}` }, pool, tuning: SMALL });
    const pushed = await Promise.all(names.map(async (name) => await world.push({ source: world.path('source', name), keys: [keys[name]], ...placeOf(name) })));
    for (const { result, events } of pushed) {
      assert.deepEqual([result.done, result.exitCode], [2, 0], JSON.stringify(result.failures));
      assert.ok(events[0]?.event === 'start');
      assert.deepEqual([events[0].effective.threads, events[0].effective.threadsAtOnce], [2, 1]);
    }
    const pulled = await Promise.all(names.map(async (name) => await world.pull(world.path('back', name), { keys: [keys[name]], ...placeOf(name) })));
    assert.deepEqual(pulled.map(({ result }) => result.failures), [[], []]);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    const crossed = await world.verify({ keys: [keys.a], ...placeOf('b') });
    assert.deepEqual([crossed.result.failed, crossed.result.exitCode], [2, 4], 'what another run could open');
  });

  it('keeps nothing of a run open when it is over', async (t) => {
    const world = await makeWorld(t);
    const pool = poolOf(t, { threads: 2, concurrency: 4 });
    plant(world.source, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`directory-${i}/file`, `${i}`])));
    await world.push({ pool });
    const descriptorsAfterPull = async (name: string): Promise<number> => {
      assert.equal((await world.pull(world.path(name), { pool })).result.done, 20);
      return readdirSync('/dev/fd').length;
    };
    const counts: number[] = [];
    for (let pull = 0; pull < 10; pull += 1) {
      counts.push(await descriptorsAfterPull(`${pull}`));
    }
    // Threads give back what they hold of a run when they hear of its end, which may be after the run: 20 directories at most.
    assert.ok((counts[9] ?? Infinity) < (counts[1] ?? 0) + 60, `${counts.join(', ')} descriptors after the pulls`);
  });

  it('gives its threads up for a run that ends with a job under way, and goes on with others in fresh ones', async (t) => {
    const pool = poolOf(t, { threads: 1, worker: HANGING });
    const [hanging, other] = [pool.open({ channel: 'hangs' }), pool.open({ channel: 'other' })];
    assert.equal(await other.run({ kind: 'issue' }), 'other');
    const stuck = assert.rejects(hanging.run({ kind: 'issue' }), { code: 'interrupted' });
    await hanging.end();
    await stuck;
    await assert.rejects(hanging.run({ kind: 'issue' }), { code: 'interrupted' });
    assert.equal(await other.run({ kind: 'issue' }), 'other', 'the new thread is told of the run again');
  });

  it('ends no thread that still loads its modules, since that may end the whole process', async (t) => {
    const file = (await makeWorld(t)).path('loaded');
    process.env['SEALIFT_TEST_LOADED_FILE'] = file;
    t.after(() => delete process.env['SEALIFT_TEST_LOADED_FILE']);
    const pool = poolOf(t, { threads: 1, worker: LOADING });
    pool.start();
    await pool.destroy();
    assert.ok(existsSync(file));
  });

  it('says why its threads cannot start, and is of no use once it is destroyed', async (t) => {
    const pool = poolOf(t, { threads: 2, worker: new URL('./no-such-worker.js', import.meta.url) });
    for (const channel of ['first', 'second']) {
      const failures = await failuresOf(pool.open({ channel }));
      assert.ok(failures.every(({ message }) => message.includes('no-such-worker')), failures.join('\n'));
      assert.equal(failures.at(-1)?.code, 'internal', failures.join('\n'));
    }
    await pool.destroy();
    assert.throws(() => pool.open({ channel: 'late' }), { code: 'usage', exitCode: 2 });
  });
});
