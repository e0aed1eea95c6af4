/** Counts in its turn, with work between reading and writing: two threads at once would spoil it. */
import { hash } from 'node:crypto';
import { isMainThread, workerData } from 'node:worker_threads';
import { alone } from '../../src/files/turn.js';

export const ROUNDS = 500;
const WORK = Buffer.alloc(65_536);

export interface Counter {
  readonly turn: SharedArrayBuffer;
  /** One 32-bit number. */
  readonly count: SharedArrayBuffer;
}

export function countUp({ turn, count }: Counter): void {
  const number = new DataView(count);
  for (let round = 0; round < ROUNDS; round += 1) {
    alone(turn, () => {
      const before = number.getInt32(0);
      hash('sha256', WORK);
      number.setInt32(0, before + 1);
    });
  }
}

if (!isMainThread) {
  countUp(workerData as Counter);
}
