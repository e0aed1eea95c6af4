import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Exchange } from '../../src/store/transport-exchange.js';

function open(streamed: boolean): Exchange {
  const rate = { windowMs: 1000, bytesPerSecond: 1, now: performance.now.bind(performance) };
  return new Exchange({ subject: { object: 'oss://b/k', origin: 'http://127.0.0.1' }, streamed, signal: undefined, rate });
}

describe('an exchange', () => {
  it('hands its answer on together with the others that arrive in the same turn of the loop', async () => {
    const exchanges = [open(false), open(false)];
    const told: number[] = [];
    const heard = exchanges.map(async ({ answer }, index) => {
      await answer;
      told.push(index);
      await Promise.resolve();
      told.push(index);
    });
    for (const exchange of exchanges) {
      exchange.answered(200, {});
      exchange.ended();
      await new Promise((resolve) => process.nextTick(resolve));
    }
    assert.deepEqual(told, []);
    await Promise.all(heard);
    assert.deepEqual(told, [0, 1, 0, 1]);
  });

  it('hands a stream on at once, because whoever reads it hears when it breaks', async () => {
    const exchange = open(true);
    exchange.answered(200, { 'content-length': '5' });
    let begun = false;
    const heard = exchange.answer.then(() => (begun = true));
    await new Promise((resolve) => process.nextTick(resolve));
    assert.ok(begun);
    await heard;
  });
});
