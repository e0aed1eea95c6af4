import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { Pace, paceMemory } from '../../src/store/pace.js';

const AT_ONCE = 1000;
/** Milliseconds: fractions are rounded to nanoseconds, upwards. */
const ROUNDING = 1e-3;

interface Turn {
  readonly at: number;
  readonly bytes: number;
}

/** What goes in each stretch of time that begins and ends with a turn, less what the rate allows: the most of all stretches. */
function largestExcess(turns: readonly Turn[], perSecond: number): number {
  const sorted = [...turns].sort((one, other) => one.at - other.at);
  return Math.max(0, ...sorted.map((first, index) => {
    let bytes = 0;
    return Math.max(...sorted.slice(index).map((last) => {
      bytes += last.bytes;
      return bytes - ((last.at - first.at) / 1000) * perSecond;
    }));
  }));
}

describe('a pace', () => {
  const steps = fc.array(fc.record({ after: fc.double({ min: 0, max: 300, noNaN: true }), bytes: fc.integer({ min: 1, max: AT_ONCE }), who: fc.nat(3) }), { minLength: 1, maxLength: 60 });
  const rates = fc.integer({ min: 1, max: 10_000_000 });

  it('lets no more go, in any stretch of time, than the rate allows and one piece', () => {
    fc.assert(fc.property(steps, rates, (asked, perSecond) => {
      const memory = paceMemory();
      const paces = Array.from({ length: 4 }, () => new Pace({ perSecond, atOnce: AT_ONCE, memory }));
      let now = 12_345_678.9;
      const turns = asked.map(({ after, bytes, who }) => {
        now += after;
        return { at: now + (paces[who]?.take(bytes, now) ?? assert.fail()), bytes };
      });
      assert.ok(largestExcess(turns, perSecond) <= AT_ONCE + (ROUNDING / 1000) * perSecond + ROUNDING, `${largestExcess(turns, perSecond)}`);
    }));
  });

  it('lets no less go, where there is always something that waits', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: AT_ONCE }), { minLength: 1, maxLength: 100 }), rates, (amounts, perSecond) => {
      const pace = new Pace({ perSecond, atOnce: AT_ONCE, memory: paceMemory() });
      const last = amounts.map((bytes) => pace.take(bytes, 1000)).at(-1) ?? 0;
      const bytes = amounts.reduce((sum, one) => sum + one, 0);
      assert.ok(Math.abs(last - Math.max(0, (bytes - AT_ONCE) / perSecond) * 1000) <= ROUNDING, `${last} ms for ${bytes} bytes`);
    }));
  });

  it('makes up for timers that are late, and for no longer pause', () => {
    const pace = new Pace({ perSecond: 1000, atOnce: 100, memory: paceMemory() });
    assert.deepEqual([pace.take(50, 0), pace.take(50, 0), pace.take(50, 0)], [0, 0, 50]);
    assert.deepEqual([pace.take(50, 90), pace.take(50, 90)], [10, 60], 'late by 40 milliseconds');
    assert.deepEqual([pace.take(50, 9000), pace.take(50, 9000), pace.take(50, 9000)], [0, 0, 50], 'after a rest');
  });

  it('is one for all threads', async () => {
    const memory = paceMemory();
    const takes = 20_000;
    const program = `
      const { workerData: { module, memory, takes } } = require('node:worker_threads');
      import(module).then(({ Pace }) => {
        const pace = new Pace({ perSecond: 1000, atOnce: 1, memory });
        for (let take = 0; take < takes; take += 1) pace.take(1, 0);
      });`;
    const module = new URL('../../src/store/pace.js', import.meta.url).href;
    await Promise.all([1, 2].map(() => new Promise((resolve, reject) => {
      const thread = new Worker(program, { eval: true, workerData: { module, memory, takes } });
      thread.once('exit', resolve).once('error', reject);
    })));
    assert.equal(new Pace({ perSecond: 1000, atOnce: 1, memory }).take(1, 0), 2 * takes, 'a take was lost');
  });
});
