import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MiB, PARTS_PER_THREAD } from '../../src/limits.js';
import { PartWindow, type WindowBounds } from '../../src/run/part-window.js';

const THREADS = 3;
const FIRST = PARTS_PER_THREAD * THREADS;
const BOUNDS: WindowBounds = { threads: THREADS, partBytes: 8 * MiB, bandwidthBytesPerSecond: undefined };

describe('the parts of a file that are under way at once', () => {
  it('stay as few as they were while the threads are busy', async () => {
    const window = new PartWindow({ watchIdleness: () => () => 0.1 }, BOUNDS);
    await takeAll(window, FIRST);
    for (let round = 0; round < 5; round += 1) {
      assert.equal(await next(window), 'waits');
      for (let part = 0; part < FIRST; part += 1) {
        window.give(1);
      }
      await takeAll(window, FIRST - 1);
    }
  });

  it('double with every round in which the threads waited, and no earlier', async () => {
    const shares = [0.9, 0.5, 0];
    await assertRounds(shares, [10, 10, 10, 10], [FIRST, 2 * FIRST, 4 * FIRST, 4 * FIRST]);
  });

  it('double no more where twice as many have taken twice as long', async () => {
    await assertRounds([0.9, 0.9, 0.9, 0.9], [10, 20, 20, 12], [FIRST, 2 * FIRST, 2 * FIRST, 2 * FIRST, 4 * FIRST]);
  });

  it('are no more than a bandwidth lets through in ten seconds, and one at least', async () => {
    const limited = (mebibytesPerSecond: number): WindowBounds => ({ ...BOUNDS, bandwidthBytesPerSecond: mebibytesPerSecond * MiB });
    const idle = [0.9, 0.9, 0.9];
    await assertRounds(idle, [10, 10, 10], [1, 1, 1], limited(0.25));
    await assertRounds(idle, [10, 10, 10], [2, 2, 2], limited(2));
    await assertRounds(idle, [10, 10, 10], [FIRST, 2 * FIRST, 2 * FIRST], limited(16));
  });
});

/** So many parts are under way in each round, which takes so many milliseconds and leaves the threads idle for such a share. */
async function assertRounds(shares: readonly number[], milliseconds: readonly number[], expected: readonly number[], bounds = BOUNDS): Promise<void> {
  let now = 0;
  let round = 0;
  const window = new PartWindow({ watchIdleness: () => () => shares[round] ?? 0 }, bounds, () => now);
  for (const parts of expected) {
    await takeAll(window, parts);
    assert.equal(await next(window), 'waits', `round ${round}`);
    now += milliseconds[round] ?? 10;
    for (let part = 0; part < parts + 1; part += 1) {
      window.give(1);
    }
    round += 1;
  }
}

async function takeAll(window: PartWindow, parts: number): Promise<void> {
  for (let part = 0; part < parts; part += 1) {
    await window.take(1);
  }
}

/** One more part: whether it has a place at once; it takes the next one that is given back otherwise. */
async function next(window: PartWindow): Promise<string> {
  return await Promise.race([window.take(1).then(() => 'begins'), new Promise<string>((resolve) => { setImmediate(() => resolve('waits')); })]);
}
