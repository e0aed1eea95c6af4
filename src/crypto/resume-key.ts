import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';
import { BLOCK_BYTES, DATA_KEY_BYTES, NONCE_BYTES, TAG_BYTES } from '../limits.js';
import { DataKey } from './data-key.js';
import { StartBlock } from './start-block.js';

/** What one object was sealed with. */
export interface Resumed {
  readonly dataKey: DataKey;
  readonly startBlock: StartBlock;
}

const INFO = 'sealift/1 resume\n';
const WRAPPED_BYTES = NONCE_BYTES + DATA_KEY_BYTES + BLOCK_BYTES + TAG_BYTES;

/**
 * Data key and start block under a secret of the machine that pushes: AES-256-GCM, random nonce, bound to the object by its
 * commitment. Returns base64 of `nonce ‖ ciphertext ‖ tag`.
 *
 * @param commitment - lower-case hex
 */
export function wrapForResume(secret: KeyObject, { dataKey, startBlock }: Resumed, commitment: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(INFO + commitment));
  const bytes = dataKey.exportBytes();
  try {
    return Buffer.concat([nonce, cipher.update(bytes), cipher.update(startBlock.bytes), cipher.final(), cipher.getAuthTag()]).toString('base64');
  } finally {
    bytes.fill(0);
  }
}

/** Undefined when it was wrapped under another secret or for another object. */
export function unwrapForResume(secret: KeyObject, wrapped: string, commitment: string): Resumed | undefined {
  const bytes = Buffer.from(wrapped, 'base64');
  if (bytes.length !== WRAPPED_BYTES) {
    return undefined;
  }
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(INFO + commitment)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return { startBlock: StartBlock.fromBytes(Buffer.from(plain.subarray(DATA_KEY_BYTES))), dataKey: DataKey.adopt(plain.subarray(0, DATA_KEY_BYTES)) };
  } catch {
    return undefined;
  }
}
