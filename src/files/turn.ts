import { WRITE_PATIENCE_MS } from '../limits.js';

const FREE = 0;
const TAKEN = 1;

/** Four bytes that all threads see: whether one of them is writing to a file. */
export function makeTurn(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Runs `work` while no other thread does so in the same turn. The system lets one thread at a time write to a file in any case, and
 * those who wait for it there spin; here they sleep. So it is no harm when a thread that was ended never gives its turn
 * back: nobody waits for longer than `patienceMs`.
 */
export function alone(turn: SharedArrayBuffer, work: () => void, patienceMs = WRITE_PATIENCE_MS): void {
  const state = new Int32Array(turn);
  while (Atomics.compareExchange(state, 0, FREE, TAKEN) !== FREE) {
    if (Atomics.wait(state, 0, TAKEN, patienceMs) === 'timed-out') {
      break;
    }
  }
  try {
    work();
  } finally {
    Atomics.store(state, 0, FREE);
    Atomics.notify(state, 0, 1);
  }
}
