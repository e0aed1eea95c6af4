import { createSecretKey, randomFillSync, type KeyObject } from 'node:crypto';
import { DATA_KEY_BYTES, RANDOM_POOL_BYTES } from '../limits.js';
import { hmac } from './hmac.js';
import { rawKey } from './raw-key.js';

const pool = Buffer.alloc(RANDOM_POOL_BYTES);
let poolOffset = RANDOM_POOL_BYTES;

/**
 * 32 random bytes that seal exactly one object in exactly one attempt.
 *
 * The bytes live in a buffer of this object alone, which {@link wipe} zeroes; every other buffer that carried them is zeroed
 * here. What the runtime copies on its own, JavaScript cannot reach.
 */
export class DataKey {
  #bytes: Buffer | undefined;
  #keyObject: KeyObject | undefined;
  /** HKDF-Extract of the last salt. */
  #extracted: { readonly salt: Buffer; readonly key: Buffer } | undefined;
  /** What {@link derive} gave away: it goes with the key. */
  readonly #derived: Buffer[] = [];
  #claimed = false;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A key that no call has returned before. */
  static generate(): DataKey {
    return DataKey.adopt(drawRandom());
  }

  /**
   * Takes 32 bytes and zeroes the given buffer.
   * @throws RangeError unless there are 32 bytes; the buffer is zeroed all the same.
   */
  static adopt(bytes: Buffer): DataKey {
    try {
      return new DataKey(copyOf(bytes));
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * The same key on another thread. The claim of {@link claimSeal} does not travel along: who hands a KeyObject to
   * other threads seals with none of them, but joins their pieces on the thread that made the key.
   * @throws RangeError unless it is a secret key of 32 bytes.
   */
  static fromKeyObject(keyObject: KeyObject): DataKey {
    if (keyObject.type !== 'secret') {
      throw new RangeError(`a data key is a secret of ${DATA_KEY_BYTES} bytes`);
    }
    return DataKey.adopt(keyObject.export());
  }

  /** Crosses threads by structured clone. @throws Error after {@link wipe} */
  get keyObject(): KeyObject {
    this.#keyObject ??= createSecretKey(this.bytes);
    return this.#keyObject;
  }

  /** For one cipher that is made now, in the form that costs least; never keep it. @throws Error after {@link wipe} */
  get cipherKey(): Buffer | KeyObject {
    return rawKey(this.bytes);
  }

  /** The 32 bytes themselves, for whatever takes no other form; never keep them. @throws Error after {@link wipe} */
  get bytes(): Buffer {
    if (this.#bytes === undefined) {
      throw new Error('this data key was wiped');
    }
    return this.#bytes;
  }

  /**
   * HKDF-Extract with SHA-256 (RFC 5869): what the keys of one object are expanded from. 32 bytes; never keep them.
   * @throws Error after {@link wipe}
   */
  extract(salt: Buffer): Buffer {
    if (this.#extracted?.salt.equals(salt) !== true) {
      this.#extracted?.key.fill(0);
      this.#extracted = { salt, key: hmac(salt, this.bytes) };
    }
    return this.#extracted.key;
  }

  /**
   * Marks the one time that this key may authenticate something: two tags under one key and nonce give the
   * authentication key away. @throws Error on the second call
   */
  claimSeal(): void {
    if (this.#claimed) {
      throw new Error('a data key seals once: make a new one');
    }
    this.#claimed = true;
  }

  /**
   * HKDF-SHA-256 (RFC 5869) of 32 bytes, which is one block: half the cost of `hkdfSync`. Zeroed together with this key.
   * @param info - the label and, as its last byte, the number of the block: 1
   */
  derive(salt: Buffer, info: Buffer): Buffer {
    const derived = hmac(this.extract(salt), info);
    this.#derived.push(derived);
    return derived;
  }

  /** A copy of the 32 bytes, for wrapping. The caller zeroes it. */
  exportBytes(): Buffer {
    return copyOf(this.bytes);
  }

  /** Zeroes the key and what was derived from it; every later use throws. */
  wipe(): void {
    this.#bytes?.fill(0);
    this.#extracted?.key.fill(0);
    this.#derived.splice(0).forEach((derived) => derived.fill(0));
    this.#bytes = undefined;
    this.#keyObject = undefined;
    this.#extracted = undefined;
  }
}

/** Not out of the pool that Node shares among small buffers. */
function copyOf(bytes: Buffer): Buffer {
  if (bytes.length !== DATA_KEY_BYTES) {
    throw new RangeError(`a data key is a secret of ${DATA_KEY_BYTES} bytes`);
  }
  const copy = Buffer.allocUnsafeSlow(DATA_KEY_BYTES);
  copy.set(bytes);
  return copy;
}

/** A slice of the pool that nobody else gets; DataKey.adopt zeroes it. One large draw costs a third of many small ones. */
function drawRandom(): Buffer {
  if (poolOffset + DATA_KEY_BYTES > pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const slice = pool.subarray(poolOffset, poolOffset + DATA_KEY_BYTES);
  poolOffset += DATA_KEY_BYTES;
  return slice;
}
