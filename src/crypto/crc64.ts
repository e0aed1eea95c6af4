import { BUFFER_AT, BUFFER_BYTES, createCrcKernel, ONE, ROUND_BYTES, WINDOW_BYTES, type CrcKernel } from './crc64-kernel.js';
import { overwrite } from './overwrite.js';

/** Below this, tables alone are faster: what is left of a fold is as long as its window. Ours, measured. */
const FOLD_FROM_BYTES = 3 * WINDOW_BYTES;
const ALL_ONES = 2n ** 64n - 1n;
const EIGHT_BITS = ONE >> 8n;

/** CRC-64/XZ as OSS reports it in `x-oss-hash-crc64ecma` (there in decimal). Each instance has a state of its own. */
export class Crc64 {
  readonly #kernel: CrcKernel;
  readonly #memory: Buffer;
  #running = false;
  /** Bytes in the buffer. */
  #filled = 0;
  /** Whether earlier bytes were folded into the window. */
  #folded = false;
  /** For one-shot computations while another is under way. */
  #spare: Crc64 | undefined;

  private constructor() {
    this.#kernel = createCrcKernel();
    this.#kernel.init();
    this.#memory = Buffer.from(this.#kernel.memory.buffer);
  }

  /** Makes its own WebAssembly instance, some tens of microseconds: make one per thread and reuse it. */
  static create(): Crc64 {
    return new Crc64();
  }

  /** One-shot; a computation that is under way is not disturbed. */
  digestOf(data: Uint8Array): bigint {
    if (this.#running) {
      this.#spare ??= new Crc64();
      return this.#spare.digestOf(data);
    }
    return this.start().update(data).digest();
  }

  /** Begins anew; what was under way is forgotten. */
  start(): this {
    this.#filled = 0;
    this.#folded = false;
    this.#running = true;
    return this;
  }

  /** @throws Error before {@link start} */
  update(data: Uint8Array): this {
    this.#assertRunning();
    for (let offset = 0; offset < data.length; ) {
      const piece = data.subarray(offset, offset + BUFFER_BYTES - this.#filled);
      overwrite(this.#memory, BUFFER_AT + this.#filled, piece);
      this.#filled += piece.length;
      offset += piece.length;
      if (this.#filled === BUFFER_BYTES) {
        this.#fold(BUFFER_BYTES);
        this.#memory.copyWithin(BUFFER_AT - WINDOW_BYTES, BUFFER_AT + BUFFER_BYTES - WINDOW_BYTES, BUFFER_AT + BUFFER_BYTES);
        this.#filled = 0;
      }
    }
    return this;
  }

  /** Ends the computation. @throws Error before {@link start} */
  digest(): bigint {
    this.#assertRunning();
    this.#running = false;
    return BigInt.asUintN(64, ~this.#rawCrc());
  }

  #rawCrc(): bigint {
    const end = BUFFER_AT + this.#filled;
    if (!this.#folded && this.#filled < FOLD_FROM_BYTES) {
      return this.#kernel.table(ALL_ONES, BUFFER_AT, end);
    }
    const whole = this.#filled - (this.#filled % ROUND_BYTES);
    this.#fold(whole);
    const left = BUFFER_AT + whole - WINDOW_BYTES;
    this.#kernel.unfold(left, BUFFER_AT + whole);
    return this.#kernel.table(0n, left, end);
  }

  /** The first so many bytes of the buffer. */
  #fold(bytes: number): void {
    if (!this.#folded) {
      this.#folded = true;
      this.#memory.fill(0, BUFFER_AT - WINDOW_BYTES, BUFFER_AT);
      // The CRC starts from ones: the same as from zero, with the first eight bytes inverted.
      this.#memory.subarray(BUFFER_AT, BUFFER_AT + 8).forEach((byte, index, first) => { first[index] = byte ^ 0xff; });
    }
    this.#kernel.fold(BUFFER_AT, BUFFER_AT + bytes);
  }

  #assertRunning(): void {
    if (!this.#running) {
      throw new Error('start() comes before update() and digest()');
    }
  }
}

let arithmetic: CrcKernel | undefined;
let cachedLength = 0;
let cachedFactor = ONE;

/** The CRC of parts in a row from the CRC and the length of each: for `A ‖ B` it is crcA · x^(8 · length of B) + crcB. */
export function joinCrc64(parts: readonly { readonly crc64: bigint; readonly bytes: number }[]): bigint {
  return parts.reduce((whole, { crc64, bytes }) => multiply(whole, factorOf(bytes)) ^ crc64, 0n);
}

/** That of the last length is kept, because parts are equal. */
function factorOf(bytes: number): bigint {
  if (bytes !== cachedLength) {
    cachedFactor = power(EIGHT_BITS, bytes);
    cachedLength = bytes;
  }
  return cachedFactor;
}

function multiply(a: bigint, b: bigint): bigint {
  arithmetic ??= createCrcKernel();
  return BigInt.asUintN(64, arithmetic.multiply(a, b));
}

function power(base: bigint, exponent: number): bigint {
  let result = ONE;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    result = rest % 2 === 1 ? multiply(result, square) : result;
    square = multiply(square, square);
  }
  return result;
}
