import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Arena, divide, viewOf, type Region } from '../../src/run/threads/arena.js';
import { assertApart } from '../support/regions.js';

const KiB = 1024;

describe('an arena', () => {
  it('lends regions that never overlap, to everyone in the order of their asking, and gets all of itself back', async () => {
    const wishes = fc.array(fc.integer({ min: 0, max: 250 * KiB }), { maxLength: 40 });
    await fc.assert(fc.asyncProperty(wishes, fc.infiniteStream(fc.nat()), async (asked, random) => {
      const arena = new Arena(300 * KiB);
      const lent: Region[] = [];
      const order: number[] = [];
      const everyone = asked.map(async (bytes, index) => {
        const region = await arena.take(bytes);
        order.push(index);
        assert.equal(region.bytes, bytes);
        lent.push(region);
        assertApart(lent, arena.capacity);
      });
      while (order.length < asked.length) {
        await new Promise(setImmediate);
        const [returned] = lent.splice((random.next().value ?? 0) % Math.max(1, lent.length), 1);
        if (returned !== undefined) {
          arena.give(returned);
        }
      }
      await Promise.all(everyone);
      assert.equal(arena.isWanted, false);
      lent.forEach((region) => arena.give(region));
      assert.deepEqual(order, asked.map((_, index) => index));
      assert.equal(arena.used, 0);
      assert.equal((await arena.take(arena.capacity)).bytes, arena.capacity, 'in one piece again');
    }), { numRuns: 60 });
  });

  it('lends itself whole to whoever wants more than there is, and says beforehand that it is less', async () => {
    const arena = new Arena(64 * KiB);
    assert.equal((await arena.take(KiB * KiB)).bytes, 64 * KiB);
    assert.deepEqual([arena.holds(64 * KiB), arena.holds(64 * KiB + 1)], [true, false]);
  });

  it('refuses those who wait and those who come once it is closed', async () => {
    const arena = new Arena(8 * KiB);
    await arena.take(8 * KiB);
    const waiting = arena.take(1);
    assert.equal(arena.isWanted, true);
    arena.assertOpen();
    arena.close();
    await assert.rejects(waiting, { code: 'interrupted' });
    await assert.rejects(arena.take(1), { code: 'interrupted' });
    assert.throws(() => arena.assertOpen(), { code: 'interrupted' });
  });

  it('says so when the system has no such memory', () => {
    assert.throws(() => new Arena(Number.MAX_SAFE_INTEGER), { code: 'usage', object: '--memory' });
  });

  it('is the same memory in every view', () => {
    const arena = new Arena(8 * KiB);
    viewOf(arena.memory, { offset: 4096, bytes: 4 })[0] = 7;
    assert.equal(viewOf(arena.memory, { offset: 0, bytes: 8192 })[4096], 7);
  });

  it('is cut into neighbours, as far as it goes', () => {
    const regions = divide({ offset: 100, bytes: 10 }, [4, 0, 7, 6]);
    assert.deepEqual(regions, [{ offset: 100, bytes: 4 }, { offset: 104, bytes: 0 }, { offset: 104, bytes: 0 }, { offset: 104, bytes: 6 }]);
  });
});
