import { NONCE_BYTES, NONCE_RANDOM_BYTES } from '../limits.js';
import { Gmac } from './gmac.js';
import type { StartBlock } from './start-block.js';

/**
 * The 16-byte GMAC of one part's ciphertext; safe to keep in a manifest.
 * @param macKey - of {@link deriveMacKey}
 * @param partIndex - from 0
 */
export function partDigest(macKey: Buffer, start: StartBlock, partIndex: number, ciphertext: Buffer): Buffer {
  return partGmac(macKey, start, partIndex).update(ciphertext).digest();
}

/** The same for a part that is looked at slice by slice. */
export function partGmac(macKey: Buffer, start: StartBlock, partIndex: number): Gmac {
  return new Gmac(macKey, partIv(start, partIndex));
}

/** R8 ‖ big-endian32(i + 1): never the nonce of the whole, whose last four bytes are zero. @throws RangeError for no index */
export function partIv(start: StartBlock, partIndex: number): Buffer {
  if (!Number.isInteger(partIndex) || partIndex < 0 || partIndex >= 2 ** 32 - 1) {
    throw new RangeError(`a part index counts from 0, not ${partIndex}`);
  }
  const iv = Buffer.alloc(NONCE_BYTES);
  start.nonce.copy(iv, 0, 0, NONCE_RANDOM_BYTES);
  iv.writeUInt32BE(partIndex + 1, NONCE_RANDOM_BYTES);
  return iv;
}
