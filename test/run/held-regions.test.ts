import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEAR_TOUCH_NS, KiB } from '../../src/limits.js';
import { Arena } from '../../src/run/arena.js';
import { measureFirstTouch } from '../../src/run/first-touch.js';
import { HeldRegions } from '../../src/run/held-regions.js';

describe('regions that stay lent between the passes', () => {
  it('are taken where memory is cheap and holds them, and only there', async () => {
    const held = async (bytes: number, firstTouchNs: number): Promise<boolean> => (await HeldRegions.take(new Arena(64 * KiB, firstTouchNs), [bytes, bytes])) !== undefined;
    assert.deepEqual([await held(32 * KiB, DEAR_TOUCH_NS - 1), await held(32 * KiB, DEAR_TOUCH_NS), await held(33 * KiB, 0)], [true, false, false]);
  });

  it('are lent twice in one order, and given back one by one or all at once', async () => {
    const arena = new Arena(64 * KiB, 0);
    const held = await HeldRegions.take(arena, [KiB, 2 * KiB, 3 * KiB]);
    assert.ok(held !== undefined);
    const loan = held.onLoan();
    const first = [await loan.take(KiB), await loan.take(2 * KiB), await loan.take(3 * KiB)];
    first.forEach((region) => loan.give(region));
    await assert.rejects(loan.take(KiB), RangeError);
    const used = arena.used;
    held.give(await held.take());
    assert.ok(arena.used < used);
    assert.deepEqual(await held.take(), first[1]);
    held.release();
    assert.equal(arena.used, 4 * KiB, 'all but the one that is in use');
  });

  it('cause one measurement per arena, when they are first wanted', async () => {
    const arena = new Arena(64 * KiB);
    const known: (number | undefined)[] = [];
    for (const bytes of [65 * KiB, KiB, KiB]) {
      await HeldRegions.take(arena, [bytes]);
      known.push(arena.firstTouchNs);
    }
    const [unasked, first = 0, again] = known;
    assert.equal(unasked, undefined, 'they could not be held anyway');
    assert.ok(first > 0);
    assert.equal(again, first);
  });

  it('depend on a measurement of memory that nobody had touched', () => {
    const faults = process.resourceUsage().minorPageFault;
    assert.ok(Number.isFinite(measureFirstTouch()));
    assert.ok(process.resourceUsage().minorPageFault > faults);
  });
});
