import { createCRC64 } from 'hash-wasm';

type Hasher = Awaited<ReturnType<typeof createCRC64>>;

/** CRC-64/XZ, reflected: bit 63 is the coefficient of x^0. */
const POLYNOMIAL = 0xc96c5795d7870f42n;
const ONE = 1n << 63n;
const EIGHT_BITS = ONE >> 8n;

/** CRC-64/XZ as OSS reports it in `x-oss-hash-crc64ecma` (there in decimal). Each instance has a state of its own. */
export class Crc64 {
  readonly #hasher: Hasher;
  #running = false;

  private constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** Loads its own WebAssembly instance: make one per thread and reuse it. */
  static async create(): Promise<Crc64> {
    return new Crc64(await createCRC64());
  }

  /** One-shot; a computation that is under way is not disturbed. */
  digestOf(data: Uint8Array): bigint {
    const saved = this.#running ? this.#hasher.save() : undefined;
    const crc = read(this.#hasher.init().update(data));
    if (saved !== undefined) {
      this.#hasher.load(saved);
    }
    return crc;
  }

  /** Begins anew; what was under way is forgotten. */
  start(): this {
    this.#hasher.init();
    this.#running = true;
    return this;
  }

  /** @throws Error before {@link start} */
  update(data: Uint8Array): this {
    this.#assertRunning();
    this.#hasher.update(data);
    return this;
  }

  /** Ends the computation. @throws Error before {@link start} */
  digest(): bigint {
    this.#assertRunning();
    this.#running = false;
    return read(this.#hasher);
  }

  #assertRunning(): void {
    if (!this.#running) {
      throw new Error('start() comes before update() and digest()');
    }
  }
}

let cachedLength = 0;
let cachedFactor = ONE;

/**
 * The CRC of `A ‖ B` from the CRCs of both and the length of B in bytes: crcA · x^(8 · length) + crcB.
 * The factor of the last length is kept, because parts are equal.
 */
export function combineCrc64(crcA: bigint, crcB: bigint, lengthB: number): bigint {
  if (lengthB !== cachedLength) {
    cachedFactor = power(EIGHT_BITS, lengthB);
    cachedLength = lengthB;
  }
  return multiply(crcA, cachedFactor) ^ crcB;
}

function read(hasher: Hasher): bigint {
  return BigInt(`0x${hasher.digest('hex')}`);
}

function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = ONE; bit > 0n; bit >>= 1n) {
    product ^= (a & bit) === 0n ? 0n : shifted;
    shifted = (shifted >> 1n) ^ ((shifted & 1n) === 0n ? 0n : POLYNOMIAL);
  }
  return product;
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
