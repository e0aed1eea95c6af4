import { createCipheriv, type Cipher } from 'node:crypto';
import { BLOCK_BYTES } from '../limits.js';
import { updateChunked, updateInPlace } from './cipher-chunks.js';
import type { DataKey } from './data-key.js';
import type { StartBlock } from './start-block.js';

/**
 * Seals or opens, within the same buffer, the bytes that stand at `offsetBytes` of the object. AES-256-CTR from
 * `start + offset/16` is the body of GCM and is its own inverse. Authenticates nothing.
 * @throws RangeError unless the offset is a multiple of 16
 */
export function applyCtr(key: DataKey, start: StartBlock, offsetBytes: number, data: Buffer): void {
  updateInPlace(createCtr(key, start, offsetBytes), data);
}

/** The same for bytes that come in pieces, from any byte offset: range reads, foreign objects, pieces of large files. */
export class CtrStream {
  readonly #cipher: Cipher;

  constructor(key: DataKey, start: StartBlock, offsetBytes: number) {
    const intoBlock = offsetBytes % BLOCK_BYTES;
    this.#cipher = createCtr(key, start, offsetBytes - intoBlock);
    this.#cipher.update(Buffer.alloc(intoBlock));
  }

  /** As many bytes as went in; the input stays as it is. */
  update(data: Buffer): Buffer {
    return updateChunked(this.#cipher, data);
  }

  /** Replaces `data`. */
  apply(data: Buffer): void {
    updateInPlace(this.#cipher, data);
  }
}

function createCtr(key: DataKey, start: StartBlock, offsetBytes: number): Cipher {
  return createCipheriv('aes-256-ctr', key.cipherKey, start.at(offsetBytes));
}
