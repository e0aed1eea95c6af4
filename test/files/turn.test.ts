import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { alone, makeTurn } from '../../src/files/turn.js';
import { countUp, ROUNDS, type Counter } from './turn-thread.js';

describe('a turn', () => {
  it('is one thread’s at a time', async () => {
    const counter: Counter = { turn: makeTurn(), count: new SharedArrayBuffer(4) };
    const threads = [1, 2, 3].map(() => new Worker(new URL('./turn-thread.js', import.meta.url), { workerData: counter }));
    // Whichever is fast may be done before another has begun.
    const ends = threads.map((thread) => once(thread, 'exit'));
    await Promise.all(threads.map((thread) => once(thread, 'online')));
    countUp(counter);
    await Promise.all(ends);
    assert.equal(new DataView(counter.count).getInt32(0), 4 * ROUNDS, 'none has written what another had not seen');
  });

  it('is given back by work that fails', () => {
    const turn = makeTurn();
    assert.throws(() => alone(turn, () => assert.fail('disk full')), { message: 'disk full' });
    assert.equal(isDone(turn, Infinity), true);
  });

  it('that a dead thread has kept is waited for, and then taken', () => {
    const turn = makeTurn();
    new Int32Array(turn)[0] = 1;
    assert.equal(isDone(turn, 1), true);
    assert.equal(isDone(turn, Infinity), true, 'and given back');
  });
});

function isDone(turn: SharedArrayBuffer, patienceMs: number): boolean {
  let done = false;
  alone(turn, () => { done = true; }, patienceMs);
  return done;
}
