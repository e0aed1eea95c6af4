import { BANDWIDTH_PIECES_PER_SECOND, SEND_CHUNK_BYTES } from '../limits.js';
import { Pace, paceMemory } from './pace.js';

/** A limit that all threads of a run keep to together: plain data that crosses to them. */
export interface SharedBandwidth {
  readonly bytesPerSecond: number;
  /** Of the pace. */
  readonly memory: SharedArrayBuffer;
  /** Whether the run has stopped, which a thread may have to know that meets it only then. */
  readonly stopped: SharedArrayBuffer;
}

export function shareBandwidth(bytesPerSecond: number): SharedBandwidth {
  return { bytesPerSecond, memory: paceMemory(), stopped: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) };
}

interface Waiter {
  readonly timer: NodeJS.Timeout;
  readonly refuse: () => void;
}

/** The bandwidth of a run, as one of its threads has it: bodies that are sent and received wait for their turn, piece by piece. */
export class Bandwidth {
  /** Of one turn at most. */
  readonly pieceBytes: number;
  readonly #pace: Pace;
  readonly #stopped: Int32Array;
  readonly #waiting = new Set<Waiter>();

  constructor({ bytesPerSecond, memory, stopped }: SharedBandwidth) {
    this.#stopped = new Int32Array(stopped);
    this.pieceBytes = Math.min(SEND_CHUNK_BYTES, Math.ceil(bytesPerSecond / BANDWIDTH_PIECES_PER_SECOND));
    this.#pace = new Pace({ perSecond: bytesPerSecond, atOnce: this.pieceBytes, memory });
  }

  /**
   * Calls `go` when so many bytes have their turn, or `refuse` when nothing more is to begin. Where that is not decided at once,
   * what it returns forgets the turn.
   */
  turn(bytes: number, go: () => void, refuse: () => void): (() => void) | undefined {
    if (Atomics.load(this.#stopped, 0) !== 0) {
      refuse();
      return undefined;
    }
    const waitMs = this.#pace.take(bytes, machineTime());
    if (waitMs === 0) {
      go();
      return undefined;
    }
    // Timers drop fractions, and would fire too early.
    const timer = setTimeout(() => {
      this.#waiting.delete(waiter);
      go();
    }, Math.ceil(waitMs));
    const waiter = { timer, refuse };
    this.#waiting.add(waiter);
    return () => this.#forget(waiter);
  }

  /** Refuses everyone who waits in this thread, and everyone to come in any. */
  close(): void {
    Atomics.store(this.#stopped, 0, 1);
    for (const waiter of [...this.#waiting]) {
      this.#forget(waiter);
      waiter.refuse();
    }
  }

  #forget(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
  }
}

/** Milliseconds. Unlike `performance.now` it counts from the same moment in every thread. */
function machineTime(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
