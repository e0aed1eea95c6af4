import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { inOrder } from '../../src/commands/in-order.js';
import { writeTo } from '../../src/commands/output.js';

describe('inOrder', () => {
  it('answers in order, with as many under way as it may and no more', async () => {
    let active = 0;
    let most = 0;
    const answers: number[] = [];
    const work = async (item: number): Promise<number> => {
      active += 1;
      most = Math.max(most, active);
      for (let turns = 0; turns < 20 - item; turns += 1) {
        await setImmediate();
      }
      active -= 1;
      return item * 2;
    };
    for await (const answer of inOrder(items(20), 4, work)) {
      answers.push(answer);
    }
    assert.deepEqual(answers, Array.from({ length: 20 }, (_, item) => item * 2));
    assert.equal(most, 4);
  });

  it('fails with the first failure in order, and begins nothing more', async () => {
    const begun: number[] = [];
    const work = (item: number): Promise<number> => {
      begun.push(item);
      return item === 3 ? Promise.reject(new Error('third')) : Promise.resolve(item);
    };
    const answers: number[] = [];
    await assert.rejects(async () => {
      for await (const answer of inOrder(items(1000), 4, work)) {
        answers.push(answer);
      }
    }, /third/);
    assert.deepEqual(answers, [0, 1, 2]);
    assert.ok(begun.length <= 8, `${begun.length} were begun`);
  });

  it('answers nothing for nothing', async () => {
    for await (const answer of inOrder(items(0), 4, (item) => Promise.resolve(item))) {
      assert.fail(String(answer));
    }
  });
});

describe('writeTo', () => {
  it('waits while the reader is slow', async () => {
    const output = stream();
    const writing = writeTo(output, 'x'.repeat(100));
    let written = false;
    void writing.then(() => (written = true));
    await setImmediate();
    assert.equal(written, false);
    output.resume();
    assert.equal(await writing, true);
  });

  it('leaves no listener behind, however often it waited', async () => {
    const output = stream();
    const listeners = (): number => output.listenerCount('close') + output.listenerCount('error') + output.listenerCount('drain');
    const before = listeners();
    output.on('data', () => undefined);
    for (let round = 0; round < 20; round += 1) {
      output.pause();
      const writing = writeTo(output, 'x'.repeat(100));
      output.resume();
      assert.equal(await writing, true);
    }
    assert.equal(listeners(), before);
  });

  it('says when the reader has gone away, before and meanwhile', async () => {
    const output = stream();
    const writing = writeTo(output, 'x'.repeat(100));
    output.destroy();
    assert.equal(await writing, false);
    assert.equal(await writeTo(output, 'x'), false);
    const broken = stream();
    broken.on('error', () => undefined);
    const breaking = writeTo(broken, 'x'.repeat(100));
    broken.destroy(new Error('EPIPE'));
    assert.equal(await breaking, false);
  });
});

function stream(): NodeJS.WriteStream & PassThrough {
  return new PassThrough({ highWaterMark: 10 }) as unknown as NodeJS.WriteStream & PassThrough;
}

async function* items(count: number): AsyncGenerator<number> {
  for (let item = 0; item < count; item += 1) {
    await Promise.resolve();
    yield item;
  }
}
