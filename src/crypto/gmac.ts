import { createCipheriv, type KeyObject } from 'node:crypto';
import { MiB, TAG_BYTES } from '../limits.js';
import { rawKey } from './raw-key.js';

/** Bytes per `setAAD`: Node refuses 2 GiB; smaller calls cost nothing. */
const AAD_CHUNK_BYTES = 64 * MiB;

/** AES-256-GMAC (SP 800-38D): the GCM tag of an empty plaintext, the message passed as additional data. */
export class Gmac {
  readonly #cipher;

  /** `key`: 32 bytes. `iv`: 12 bytes, never used twice under one key. */
  constructor(key: KeyObject | Buffer, iv: Buffer) {
    this.#cipher = createCipheriv('aes-256-gcm', Buffer.isBuffer(key) ? rawKey(key) : key, iv, { authTagLength: TAG_BYTES });
  }

  /** Any cutting of a message gives the same tag. */
  update(message: Buffer): this {
    for (let offset = 0; offset < message.length; offset += AAD_CHUNK_BYTES) {
      this.#cipher.setAAD(message.subarray(offset, offset + AAD_CHUNK_BYTES));
    }
    return this;
  }

  /** 16 bytes. Ends the computation. */
  digest(): Buffer {
    this.#cipher.final();
    return this.#cipher.getAuthTag();
  }
}
