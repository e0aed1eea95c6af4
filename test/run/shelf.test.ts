import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { ARENA_GRAIN_BYTES, DEAR_TOUCH_NS, KiB, MiB, TOUCHED_PAGES, TOUCHED_STRETCHES } from '../../src/limits.js';
import { measureFirstTouch } from '../../src/run/first-touch.js';
import { cut } from '../../src/run/large-file.js';
import { Shelf, type HeldPieces } from '../../src/run/push/shelf.js';
import { Arena, type Region } from '../../src/run/threads/arena.js';
import { assertApart } from '../support/regions.js';

const PLACE = 4 * KiB;
const MEMORY = 64 * KiB;

describe('a shelf for the pieces of large files', () => {
  it('holds what fits the memory, and nothing of what does not', async () => {
    const countHeld = async (bytes: number): Promise<number> => heldOf(await fill(await cheap(new Arena(MEMORY)).open(cut(bytes, PLACE)), bytes)).length;
    assert.deepEqual([await countHeld(MEMORY), await countHeld(MEMORY + 1)], [MEMORY / PLACE, 0]);
  });

  it('keeps what was put there, in its order, until it is taken away', async () => {
    const arena = new Arena(MEMORY);
    const held = await opened(cheap(arena), 3 * PLACE - 1);
    const filled = heldOf(await fill(held, 3 * PLACE - 1));
    assert.deepEqual(filled.map(({ bytes }) => bytes), [PLACE, PLACE, PLACE - 1]);
    const sending = held.sending();
    for (const region of filled) {
      const lease = await sending.take(region.bytes);
      assert.deepEqual(lease, { region, isHeld: true });
      sending.give(lease);
    }
    assert.equal(arena.used, 3 * PLACE);
    held.release();
    assert.equal(arena.used, 0);
  });

  it('takes a new place only where touching it is cheap, and lets pieces travel in another', async () => {
    const arena = new Arena(MEMORY);
    const costs = [DEAR_TOUCH_NS - 1, DEAR_TOUCH_NS, 0, Infinity];
    const held = await opened(new Shelf(arena, () => costs.shift() ?? Infinity), 4 * PLACE);
    const filled = await fill(held, 4 * PLACE);
    assert.deepEqual(filled.map(({ isHeld }) => isHeld), [true, false, true, false]);
    assert.equal(arena.used, 4 * PLACE);
    const sending = held.sending();
    const leases = [await sending.take(PLACE), await sending.take(PLACE), await sending.take(PLACE), await sending.take(PLACE)];
    assert.deepEqual(leases.map(({ isHeld }) => isHeld), [true, false, true, false]);
    assertApart(leases.map(({ region }) => region), 4 * PLACE);
    leases.forEach((lease) => sending.give(lease));
    held.release();
    assert.equal(arena.used, 0);
  });

  it('gives the places of one file to the next as they are left, and takes no more memory for it', async () => {
    const arena = new Arena(MEMORY);
    const shelf = cheap(arena);
    const first = await opened(shelf, 3 * PLACE);
    await fill(first, 3 * PLACE);
    const second = await opened(shelf, 2 * PLACE);
    const filling = second.filling();
    const waiting = filling.take(PLACE);
    const left = await first.sending().take(PLACE);
    first.sending().give(left);
    assert.equal((await waiting).offset, left.region.offset);
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
      const arena = new Arena(MEMORY);
      const shelf = cheap(arena);
      const first = await opened(shelf, 4 * PLACE);
      const other = arena.take(wanted);
      let isThere = false;
      const next = shelf.open(pieces).finally(() => { isThere = true; });
      await setImmediate();
      assert.equal(isThere, false);
      first.release();
      arena.give(await other);
      (await next).release();
      assert.deepEqual([isThere, arena.used], [true, 0]);
    });
  }

  it('never has two pieces in one place, and none outside, whatever is filled, left and too dear in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 10 * PLACE }), { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat()), async (sizes, random) => {
      const choose = (): number => Number(random.next().value);
      const arena = new Arena(MEMORY);
      const shelf = new Shelf(arena, () => (choose() % 3 === 0 ? DEAR_TOUCH_NS : 0));
      const full: Full[] = [];
      const inUse: Region[] = [];
      for (const bytes of sizes) {
        const held = opened(shelf, bytes);
        const filled = held.then((one) => fill(one, bytes, inUse));
        while ((await Promise.race([filled, setImmediate()])) === undefined) {
          await leaveOne(full, inUse, choose());
        }
        full.push({ held: await held, pieces: await filled });
        assertApart(inUse, MEMORY);
      }
      while (full.length > 0) {
        await leaveOne(full, inUse, choose());
      }
      assert.deepEqual([arena.used, inUse.length], [0, 0]);
    }), { numRuns: 100 });
  });

  it('lets nobody wait for a place, nor take one, after an interruption', async () => {
    const arena = new Arena(MEMORY);
    const shelf = cheap(arena);
    const first = await opened(shelf, 2 * PLACE);
    await fill(first, PLACE);
    arena.close();
    await assert.rejects(first.filling().take(PLACE), { code: 'interrupted' });
    first.release();
    assert.equal(arena.used, 0);
    await assert.rejects(opened(shelf, PLACE), { code: 'interrupted' });
  });
});

describe('the cost of new memory', () => {
  it('is measured by touching pages, some and not all of them', () => {
    const fresh = new Uint8Array(new SharedArrayBuffer(64 * MiB));
    assert.ok(measureFirstTouch(fresh) > 0);
    const touched = fresh.reduce((count, byte) => count + byte, 0);
    assert.equal(touched, TOUCHED_PAGES * TOUCHED_STRETCHES);
    assert.ok(measureFirstTouch(fresh.subarray(0, TOUCHED_STRETCHES * ARENA_GRAIN_BYTES)) > 0, 'the least there may be');
  });
});

const cheap = (arena: Arena): Shelf => new Shelf(arena, () => 0);

async function opened(shelf: Shelf, bytes: number): Promise<HeldPieces> {
  return await shelf.open(cut(bytes, PLACE));
}

/** A piece after pass 1. */
interface Filled {
  readonly region: Region;
  readonly isHeld: boolean;
}

/** As pass 1 does it: what is not held gives its memory back. */
async function fill(held: HeldPieces, bytes: number, inUse: Region[] = []): Promise<Filled[]> {
  const filled: Filled[] = [];
  const filling = held.filling();
  for (const piece of cut(bytes, PLACE)) {
    const region = await filling.take(piece.bytes);
    inUse.push(region);
    assertApart(inUse, MEMORY);
    const isHeld = held.holds(region);
    filled.push({ region, isHeld });
    filling.give(region);
    if (!isHeld) {
      inUse.pop();
    }
  }
  return filled;
}

function heldOf(filled: readonly Filled[]): Region[] {
  return filled.filter(({ isHeld }) => isHeld).map(({ region }) => region);
}

interface Full {
  readonly held: HeldPieces;
  readonly pieces: Filled[];
}

/** The oldest of the full files sends a piece, or fails. */
async function leaveOne(full: Full[], inUse: Region[], choice: number): Promise<void> {
  const oldest = full[0];
  assert.ok(oldest !== undefined, 'somebody waits, and nobody has anything');
  const { held, pieces } = oldest;
  const fails = choice % 5 === 0;
  const left = fails ? pieces.splice(0) : pieces.splice(0, 1);
  heldOf(left).forEach((region) => inUse.splice(inUse.indexOf(region), 1));
  for (const { region, isHeld } of fails ? [] : left) {
    const lease = await held.sending().take(region.bytes);
    assert.equal(lease.isHeld, isHeld);
    assertApart(isHeld ? inUse : [...inUse, lease.region], MEMORY);
    held.sending().give(lease);
  }
  if (pieces.length === 0) {
    full.shift();
    held.release();
  }
}
