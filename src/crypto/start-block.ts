import { randomBytes } from 'node:crypto';
import { EnvelopeError } from '../errors.js';
import { BLOCK_BYTES, NONCE_BYTES, NONCE_RANDOM_BYTES, START_DECIMAL_DIGITS } from '../limits.js';

const COUNTER_SPACE = 1n << 128n;
/** What follows the random half in a block of ours: four zero bytes that end the nonce, then GCM's first data counter. */
const SEALED_SUFFIX = Buffer.from('0000000000000002', 'hex');

/** The 16-byte counter block that encrypts the first 16 bytes of an object. Immutable. */
export class StartBlock {
  readonly #bytes: Buffer;
  /** Whether it came in the one spelling that a sealed object may use: 16 bytes, or exactly 40 digits. */
  readonly isCanonical: boolean;

  private constructor(bytes: Buffer, isCanonical: boolean) {
    this.#bytes = bytes;
    this.isCanonical = isCanonical;
  }

  /** 8 random bytes, then `0000000000000002`. Eight are enough because a data key seals one object. */
  static generate(): StartBlock {
    return new StartBlock(Buffer.concat([randomBytes(NONCE_RANDOM_BYTES), SEALED_SUFFIX]), true);
  }

  /** Any 16 bytes: other SDKs draw the low half at random. @throws RangeError unless there are 16 */
  static fromBytes(bytes: Buffer): StartBlock {
    if (bytes.length !== BLOCK_BYTES) {
      throw new RangeError(`a start block has ${BLOCK_BYTES} bytes, not ${bytes.length}`);
    }
    return new StartBlock(Buffer.from(bytes), true);
  }

  /** An unsigned integer of 1 to 40 decimal digits below 2^128. @throws EnvelopeError for any other text */
  static fromDecimal(text: string): StartBlock {
    const value = /^[0-9]{1,40}$/.test(text) ? BigInt(text) : COUNTER_SPACE;
    if (value >= COUNTER_SPACE) {
      throw new EnvelopeError('envelope-invalid', 'the unwrapped start block is not a decimal integer below 2^128');
    }
    return new StartBlock(toBlock(value), text.length === START_DECIMAL_DIGITS);
  }

  /** A copy of the 16 bytes. */
  get bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** A copy of the first 12 bytes: the GCM nonce of a sealed object. */
  get nonce(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, NONCE_BYTES));
  }

  /** Whether it has the form that every sealed object uses. */
  get isSealed(): boolean {
    return this.#bytes.subarray(NONCE_RANDOM_BYTES).equals(SEALED_SUFFIX);
  }

  /** 40 decimal digits, zero-padded. */
  toDecimal(): string {
    return this.#value().toString().padStart(START_DECIMAL_DIGITS, '0');
  }

  /**
   * The counter block of the byte at `offsetBytes`: one 128-bit big-endian addition that wraps.
   * @throws RangeError unless the offset is a multiple of 16
   */
  at(offsetBytes: number): Buffer {
    if (!Number.isSafeInteger(offsetBytes) || offsetBytes < 0 || offsetBytes % BLOCK_BYTES !== 0) {
      throw new RangeError(`a counter offset is a multiple of ${BLOCK_BYTES} bytes, not ${offsetBytes}`);
    }
    return toBlock(this.#counterAt(offsetBytes));
  }

  /**
   * Whether reading these bytes would use the keystream block of counter 0, which is GCM's authentication key:
   * showing it to anyone lets him forge.
   */
  coversBlockZero(offsetBytes: number, lengthBytes: number): boolean {
    if (lengthBytes === 0) {
      return false;
    }
    const first = this.#counterAt(offsetBytes);
    const last = first + blockIndex(offsetBytes + lengthBytes - 1) - blockIndex(offsetBytes);
    return first === 0n || last >= COUNTER_SPACE;
  }

  #counterAt(offsetBytes: number): bigint {
    return BigInt.asUintN(128, this.#value() + blockIndex(offsetBytes));
  }

  #value(): bigint {
    return (this.#bytes.readBigUInt64BE(0) << 64n) | this.#bytes.readBigUInt64BE(8);
  }
}

function blockIndex(offsetBytes: number): bigint {
  return BigInt(Math.floor(offsetBytes / BLOCK_BYTES));
}

function toBlock(value: bigint): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeBigUInt64BE(value >> 64n, 0);
  block.writeBigUInt64BE(BigInt.asUintN(64, value), 8);
  return block;
}
