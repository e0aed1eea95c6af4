import { createCipheriv } from 'node:crypto';
import { TAG_BYTES } from '../limits.js';
import { chunks, updateChunk } from './cipher-chunks.js';
import { deriveMacKey, type Authenticators } from './commitment.js';
import type { DataKey } from './data-key.js';
import { Gmac } from './gmac.js';
import type { StartBlock } from './start-block.js';

/**
 * Turns plaintext into ciphertext within the same buffer: AES-256-GCM, the tag kept apart, plus the mac of the ciphertext.
 *
 * One key seals once: the second call with the same key throws, before a byte is touched. After any other error the
 * buffer holds neither the one nor the other and must be thrown away together with the key.
 *
 * @param start - a block of {@link StartBlock.generate}
 * @throws RangeError for a start block that is not of the sealed form
 */
export function sealInPlace(key: DataKey, start: StartBlock, aad: Buffer, data: Buffer): Authenticators {
  assertSealedForm(start);
  key.claimSeal();
  const cipher = createCipheriv('aes-256-gcm', key.cipherKey, start.nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  const gmac = new Gmac(deriveMacKey(key, start), start.nonce);
  for (const { chunk } of chunks(data)) {
    updateChunk(cipher, chunk);
    gmac.update(chunk);
  }
  cipher.final();
  return { tag: cipher.getAuthTag(), mac: gmac.digest() };
}

/** GCM starts its counter at nonce ‖ 2: any other block would make ciphertext that CTR readers cannot read. */
export function assertSealedForm(start: StartBlock): void {
  if (!start.isSealed) {
    throw new RangeError('the start block of a sealed object ends in 0000000000000002');
  }
}
