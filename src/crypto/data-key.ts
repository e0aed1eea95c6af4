import { createSecretKey, randomFillSync, type KeyObject } from 'node:crypto';
import { DATA_KEY_BYTES, RANDOM_POOL_BYTES } from '../limits.js';

const pool = Buffer.alloc(RANDOM_POOL_BYTES);
let poolOffset = RANDOM_POOL_BYTES;

/**
 * 32 random bytes that seal exactly one object in exactly one attempt.
 *
 * The bytes live in a KeyObject alone, whose native memory Node clears when it is collected; every Buffer that carried
 * them is zeroed here. JavaScript cannot promise more.
 */
export class DataKey {
  #keyObject: KeyObject | undefined;
  #claimed = false;

  private constructor(keyObject: KeyObject) {
    this.#keyObject = keyObject;
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
      return DataKey.fromKeyObject(createSecretKey(bytes));
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
    if (keyObject.type !== 'secret' || keyObject.symmetricKeySize !== DATA_KEY_BYTES) {
      throw new RangeError(`a data key is a secret of ${DATA_KEY_BYTES} bytes`);
    }
    return new DataKey(keyObject);
  }

  /** Crosses threads by structured clone. @throws Error after {@link wipe} */
  get keyObject(): KeyObject {
    if (this.#keyObject === undefined) {
      throw new Error('this data key was wiped');
    }
    return this.#keyObject;
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

  /** A copy of the 32 bytes, for wrapping. The caller zeroes it. */
  exportBytes(): Buffer {
    return this.keyObject.export();
  }

  /** Lets the key go; every later use throws. */
  wipe(): void {
    this.#keyObject = undefined;
  }
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
