import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { DEAR_TOUCH_NS, KiB } from '../../src/limits.js';
import { Budget } from '../../src/run/budget.js';
import { cut, inTurn, onEveryPiece, travelling, withSlots } from '../../src/run/large-file.js';
import { Shelf } from '../../src/run/push/shelf.js';
import { Arena } from '../../src/run/threads/arena.js';

const PLACE = 4 * KiB;
const MEMORY = 64 * KiB;
const LARGEST_BATCH = MEMORY / 2;

interface Scene {
  readonly memory: Arena;
  readonly slots: Budget;
  readonly scanning: Budget;
  readonly shelf: Shelf;
  /** A thread does something, as long as it likes. */
  readonly job: () => Promise<void>;
}

describe('memory and slots', () => {
  it('make nobody wait for ever, whoever comes, whatever is dear, and in whatever order the threads are done', async () => {
    const largeFiles = fc.array(fc.integer({ min: 1, max: MEMORY + 2 * PLACE }), { maxLength: 5 });
    const batches = fc.array(fc.record({ bytes: fc.integer({ min: 0, max: LARGEST_BATCH }), count: fc.integer({ min: 1, max: 2 }) }), { maxLength: 8 });
    await fc.assert(fc.asyncProperty(largeFiles, batches, fc.integer({ min: 1, max: 4 }), fc.infiniteStream(fc.nat()), async (files, small, slotCount, random) => {
      const choose = (among: number): number => Number(random.next().value) % among;
      const memory = new Arena(MEMORY);
      const slots = new Budget(slotCount);
      const jobs: (() => void)[] = [];
      const job = async (): Promise<void> => await new Promise((resolve) => jobs.push(resolve));
      const scene = { memory, slots, job, scanning: new Budget(1), shelf: new Shelf(memory, () => (choose(3) === 0 ? DEAR_TOUCH_NS : 0)) };
      const works = [...files.map((bytes) => () => large(bytes, scene)), ...small.map((batch) => () => whole(batch, scene))];
      let unfinished = works.length;
      while (unfinished > 0) {
        const [work] = works.splice(choose(works.length + 1), 1);
        void work?.().then(() => (unfinished -= 1));
        await setImmediate();
        const [done] = jobs.splice(choose(Math.max(1, jobs.length)), 1);
        assert.ok(done !== undefined || works.length > 0 || unfinished === 0, `${unfinished} wait, and no thread works`);
        done?.();
        await setImmediate();
      }
      assert.deepEqual([memory.used, slots.used], [0, 0]);
    }), { numRuns: 200 });
  });
});

/** As a push does it. */
async function large(bytes: number, { memory, slots, scanning, shelf, job }: Scene): Promise<void> {
  const pieces = cut(bytes, PLACE);
  const held = await scanning.with(1, async () => {
    const opened = await shelf.open(pieces);
    await onEveryPiece(pieces, inTurn(new Budget(2), opened.filling()), job);
    return opened;
  });
  const road = { pool: { watchIdleness: () => () => 0 }, slots, bounds: { threads: 1, partBytes: PLACE, bandwidthBytesPerSecond: undefined } };
  await onEveryPiece(pieces, travelling(road, held.sending()), job);
  held.release();
  assert.ok(memory.used <= MEMORY);
}

async function whole({ bytes, count }: { readonly bytes: number; readonly count: number }, { memory, slots, job }: Scene): Promise<void> {
  const lender = withSlots(slots, count, memory);
  const region = await lender.take(bytes);
  await job();
  lender.give(region);
}
