import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CallGate } from '../../src/keys/call-gate.js';

/** Time that only sleeping moves. */
function clock(): { now: () => number; sleep: (ms: number) => Promise<void>; slept: number[] } {
  let time = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => time,
    sleep: (ms) => {
      slept.push(ms);
      time += ms;
      return Promise.resolve();
    },
  };
}

const tooMuch = new Error('too much');
const isTooMuch = (error: unknown) => error === tooMuch;
const unlimited = 1e9;

/** Calls that end when the test says so. */
function calls() {
  const open: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let peak = 0;
  let active = 0;
  const call = () => new Promise<void>((resolve, reject) => {
    active += 1;
    peak = Math.max(peak, active);
    const end = (settle: () => void) => () => {
      active -= 1;
      settle();
    };
    open.push({ resolve: end(resolve), reject: (error) => end(() => reject(error))() });
  });
  return { call, open, peak: () => peak };
}

/** Lets everything that is ready to run, run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('CallGate', () => {
  it('never lets more than so many calls run at once, and all of them in the end', async () => {
    const gate = new CallGate({ concurrency: 3, callsPerSecond: unlimited }, clock());
    const { call, open, peak } = calls();
    const all = Array.from({ length: 10 }, () => gate.run(call, isTooMuch));
    for (let done = 0; done < 10; done += 1) {
      await turn();
      open.shift()?.resolve();
    }
    await Promise.all(all);
    assert.equal(peak(), 3);
  });

  it('spaces calls out', async () => {
    const time = clock();
    const gate = new CallGate({ concurrency: 8, callsPerSecond: 100 }, time);
    for (let count = 0; count < 5; count += 1) {
      await gate.run(() => Promise.resolve(), isTooMuch);
    }
    assert.deepEqual(time.slept, [10, 10, 10, 10]);
  });

  it('halves once per round of throttling, down to one', async () => {
    const gate = new CallGate({ concurrency: 16, callsPerSecond: unlimited }, clock());
    for (const expected of [8, 4, 2, 1, 1]) {
      const { call, open } = calls();
      const round = Array.from({ length: gate.allowed }, () => gate.run(call, isTooMuch));
      await turn();
      open.forEach(({ reject }) => reject(tooMuch));
      await Promise.allSettled(round);
      assert.equal(gate.allowed, expected);
    }
  });

  it('comes back by one per round of successes, and no further than it started', async () => {
    const gate = new CallGate({ concurrency: 4, callsPerSecond: unlimited }, clock());
    await assert.rejects(gate.run(() => Promise.reject(tooMuch), isTooMuch));
    assert.equal(gate.allowed, 2);
    const seen: number[] = [];
    for (let count = 0; count < 40; count += 1) {
      await gate.run(() => Promise.resolve(), isTooMuch);
      seen.push(gate.allowed);
    }
    assert.equal(seen[1], 2, 'not at once');
    assert.equal(seen[2], 3);
    assert.equal(Math.max(...seen), 4);
  });

  it('takes other failures as they are, and goes on', async () => {
    const gate = new CallGate({ concurrency: 1, callsPerSecond: unlimited }, clock());
    await assert.rejects(gate.run(() => Promise.reject(new Error('other')), isTooMuch), /other/);
    assert.equal(gate.allowed, 1);
    assert.equal(await gate.run(() => Promise.resolve('next'), isTooMuch), 'next');
  });
});
