import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RATE_HALF_LIFE_MS, etaMs, observe, startRate } from '../../src/report/rate.js';

function feed(steps: readonly (readonly [number, number])[]): ReturnType<typeof startRate> {
  return steps.reduce((rate, [atMs, total]) => observe(rate, atMs, total), startRate(0));
}

describe('observe', () => {
  it('is exact from the first observation when the speed is constant, whatever the intervals', () => {
    for (const steps of [[[1000, 500]], [[1, 0.5], [700, 350], [5000, 2500]]] as const) {
      assert.ok(Math.abs(feed(steps).perSecond - 500) < 1e-9);
    }
  });

  it('has forgotten half of the past after one half-life', () => {
    const long = feed(Array.from({ length: 1000 }, (_, index) => [(index + 1) * 100, (index + 1) * 100] as const));
    assert.ok(Math.abs(long.perSecond - 1000) < 1e-6);
    const stalled = observe(long, long.atMs + RATE_HALF_LIFE_MS, long.total);
    assert.ok(Math.abs(stalled.perSecond - 500) < 1e-3, String(stalled.perSecond));
  });

  it('gives the same whether a stall is seen in one step or in many', () => {
    const before = feed([[1000, 1000]]);
    const once = observe(before, 3000, 1000);
    const often = [1500, 2000, 2500, 3000].reduce((rate, atMs) => observe(rate, atMs, 1000), before);
    assert.ok(Math.abs(once.perSecond - often.perSecond) < 1e-9);
  });

  it('loses nothing that arrives while the clock stands still', () => {
    const still = observe(feed([[1000, 100]]), 1000, 900);
    assert.equal(still.total, 100);
    assert.equal(observe(still, 2000, 900).total, 900);
  });

  it('ignores a clock that runs backwards', () => {
    const rate = feed([[1000, 100]]);
    assert.deepEqual(observe(rate, 500, 200), rate);
  });

  it('takes a total that shrinks for no growth', () => {
    assert.equal(feed([[1000, 0], [2000, -500]]).perSecond, 0);
  });

  it('is finite and never negative', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: -10, max: 1e7 }), fc.integer({ min: 0, max: 1e15 }))), (steps) => {
      const { perSecond } = feed(steps);
      return Number.isFinite(perSecond) && perSecond >= 0;
    }));
  });
});

describe('etaMs', () => {
  const rate = feed([[1000, 200]]);

  it('divides what is left by the rate', () => assert.equal(Math.round(etaMs(rate, 1000) ?? 0), 5000));
  it('is nothing when nothing is left', () => assert.deepEqual([etaMs(rate, 0), etaMs(startRate(0), -1)], [0, 0]));
  it('is unknown while nothing moves', () => assert.equal(etaMs(startRate(0), 1), undefined));
});
