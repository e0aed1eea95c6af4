import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { DEAR_TOUCH_NS, KiB } from '../../src/limits.js';
import { Arena, type Region } from '../../src/run/arena.js';
import { measureFirstTouch } from '../../src/run/first-touch.js';
import { cut } from '../../src/run/large-file.js';
import { Shelf, type HeldPieces } from '../../src/run/shelf.js';
import { assertApart } from '../support/regions.js';

const PLACE = 4 * KiB;
const MEMORY = 64 * KiB;

describe('a shelf for the pieces of large files', () => {
  it('is there where memory is cheap and holds them, and only there', async () => {
    const isHeld = async (bytes: number, firstTouchNs: number): Promise<boolean> => (await new Shelf(new Arena(MEMORY, firstTouchNs)).open(cut(bytes, PLACE))) !== undefined;
    assert.deepEqual([await isHeld(MEMORY, DEAR_TOUCH_NS - 1), await isHeld(MEMORY, DEAR_TOUCH_NS), await isHeld(MEMORY + 1, 0)], [true, false, false]);
  });

  it('keeps what was put there, in its order, until it is taken away', async () => {
    const arena = new Arena(MEMORY, 0);
    const held = await opened(new Shelf(arena), 3 * PLACE - 1);
    const filled = await fill(held, 3 * PLACE - 1);
    assert.deepEqual(filled.map(({ bytes }) => bytes), [PLACE, PLACE, PLACE - 1]);
    assert.deepEqual([await held.take(), await held.take(), await held.take()], filled);
    await assert.rejects(held.take(), RangeError);
    filled.forEach((region) => held.give(region));
    assert.equal(arena.used, 3 * PLACE);
    held.release();
    assert.equal(arena.used, 0);
  });

  it('gives the places of one file to the next as they are left, and takes no more memory for it', async () => {
    const arena = new Arena(MEMORY, 0);
    const shelf = new Shelf(arena);
    const first = await opened(shelf, 3 * PLACE);
    await fill(first, 3 * PLACE);
    const second = await opened(shelf, 2 * PLACE);
    const filling = second.filling();
    const waiting = filling.take(PLACE);
    const left = await first.take();
    first.give(left);
    assert.equal((await waiting).offset, left.offset);
    assert.equal(arena.used, 3 * PLACE);
    first.release();
    await filling.take(PLACE);
    second.release();
    assert.equal(arena.used, 0);
  });

  for (const [name, wanted, pieces] of [
    ['a file with more pieces', 0, cut(5 * PLACE, PLACE)], ['a file with longer ones', 0, cut(4 * PLACE, 2 * PLACE)], ['whoever waits for memory', 56 * KiB, cut(PLACE, PLACE)],
  ] as const) {
    it(`is given back, and made anew, for ${name}`, async () => {
      const arena = new Arena(MEMORY, 0);
      const shelf = new Shelf(arena);
      const first = await opened(shelf, 4 * PLACE);
      const other = arena.take(wanted);
      let isThere = false;
      const next = shelf.open(pieces).finally(() => { isThere = true; });
      await setImmediate();
      assert.equal(isThere, false);
      first.release();
      arena.give(await other);
      (await next)?.release();
      assert.deepEqual([isThere, arena.used], [true, 0]);
    });
  }

  it('never has two pieces in one place, and none outside, whatever is filled and left in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 10 * PLACE }), { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat()), async (sizes, random) => {
      const choose = (): number => Number(random.next().value);
      const arena = new Arena(MEMORY, 0);
      const shelf = new Shelf(arena);
      const full: { readonly held: HeldPieces; readonly regions: Region[] }[] = [];
      const inUse: Region[] = [];
      for (const bytes of sizes) {
        const held = opened(shelf, bytes);
        const filled = held.then((one) => fill(one, bytes, inUse));
        while ((await Promise.race([filled, setImmediate()])) === undefined) {
          await leaveOne(full, inUse, choose());
        }
        full.push({ held: await held, regions: await filled });
        assertApart(inUse, MEMORY);
      }
      while (full.length > 0) {
        await leaveOne(full, inUse, choose());
      }
      assert.deepEqual([arena.used, inUse.length], [0, 0]);
    }), { numRuns: 60 });
  });

  it('lets nobody wait for a place, nor take one, after an interruption', async () => {
    const arena = new Arena(MEMORY, 0);
    const shelf = new Shelf(arena);
    const first = await opened(shelf, 2 * PLACE);
    await fill(first, PLACE);
    arena.close();
    await assert.rejects(first.filling().take(PLACE), { code: 'interrupted' });
    first.release();
    assert.equal(arena.used, 0);
    await assert.rejects(opened(shelf, PLACE), { code: 'interrupted' });
  });

  it('causes one measurement per arena, when it is first wanted', async () => {
    const arena = new Arena(MEMORY);
    const shelf = new Shelf(arena);
    const known: (number | undefined)[] = [];
    for (const bytes of [MEMORY + 1, KiB, KiB]) {
      (await shelf.open(cut(bytes, PLACE)))?.release();
      known.push(arena.firstTouchNs);
    }
    const [unasked, first = 0, again] = known;
    assert.equal(unasked, undefined, 'they could not be held anyway');
    assert.ok(first > 0);
    assert.equal(again, first);
  });

  it('depends on a measurement of memory that nobody had touched', () => {
    const faults = process.resourceUsage().minorPageFault;
    assert.ok(Number.isFinite(measureFirstTouch()));
    assert.ok(process.resourceUsage().minorPageFault > faults);
  });
});

async function opened(shelf: Shelf, bytes: number): Promise<HeldPieces> {
  const held = await shelf.open(cut(bytes, PLACE));
  assert.ok(held !== undefined);
  return held;
}

async function fill(held: HeldPieces, bytes: number, inUse: Region[] = []): Promise<Region[]> {
  const regions: Region[] = [];
  for (const piece of cut(bytes, PLACE)) {
    const region = await held.filling().take(piece.bytes);
    regions.push(region);
    inUse.push(region);
    assertApart(inUse, MEMORY);
  }
  return regions;
}

/** The oldest of the full files sends a piece, or fails. */
async function leaveOne(full: { readonly held: HeldPieces; readonly regions: Region[] }[], inUse: Region[], choice: number): Promise<void> {
  const oldest = full[0];
  assert.ok(oldest !== undefined, 'somebody waits, and nobody has anything');
  const { held, regions } = oldest;
  const left = choice % 5 === 0 ? regions.splice(0) : regions.splice(0, 1);
  left.forEach((region) => inUse.splice(inUse.indexOf(region), 1));
  if (choice % 5 !== 0) {
    held.give(await held.take());
  }
  if (regions.length === 0) {
    full.shift();
    held.release();
  }
}
