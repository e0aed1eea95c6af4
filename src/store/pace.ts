export interface PaceLimits {
  /** Of whatever is counted: bytes, calls. */
  readonly perSecond: number;
  /** What may go at once after a rest; no amount is larger. */
  readonly atOnce: number;
  /** Of {@link paceMemory}: all that have the same keep to the rate together, in whatever thread. */
  readonly memory: SharedArrayBuffer;
}

const NANOSECONDS = 1e9;
const PER_MILLISECOND = 1e6;
/** Before any clock. */
const LONG_AGO = -(2n ** 62n);

export function paceMemory(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  new BigInt64Array(memory).fill(LONG_AGO);
  return memory;
}

/**
 * Keeps to a rate: of what is taken, never more than `atOnce` and what the rate allows has its turn in any stretch of time.
 * A token bucket, of which the shared memory holds when it was, or will be, empty: so one number is all there is to agree on.
 */
export class Pace {
  readonly #emptyAt: BigInt64Array;
  readonly #perSecond: number;
  readonly #toFill: bigint;

  constructor({ perSecond, atOnce, memory }: PaceLimits) {
    this.#emptyAt = new BigInt64Array(memory);
    this.#perSecond = perSecond;
    this.#toFill = this.#timeFor(atOnce);
  }

  /**
   * Milliseconds until `amount` has its turn, after all that was taken before; 0 for now. What is taken is not given back.
   *
   * @param now - milliseconds by a monotonic clock, the same one for all that share the memory
   */
  take(amount: number, now: number): number {
    const time = BigInt(Math.floor(now * PER_MILLISECOND));
    const cost = this.#timeFor(amount);
    for (;;) {
      const before = Atomics.load(this.#emptyAt, 0);
      const full = time - this.#toFill;
      const turn = (before > full ? before : full) + cost;
      if (Atomics.compareExchange(this.#emptyAt, 0, before, turn) === before) {
        return turn > time ? Number(turn - time) / PER_MILLISECOND : 0;
      }
    }
  }

  #timeFor(amount: number): bigint {
    return BigInt(Math.ceil((amount / this.#perSecond) * NANOSECONDS));
  }
}
