import { timingSafeEqual } from 'node:crypto';
import { MAX_PLAINTEXT_BYTES } from '../limits.js';
import type { DataKey } from './data-key.js';
import { hmacHex } from './hmac.js';
import type { StartBlock } from './start-block.js';

/** What authenticates a body: the GCM tag and the independent mac, 16 bytes each. */
export interface Authenticators {
  readonly tag: Buffer;
  readonly mac: Buffer;
}

/**
 * The bytes that tag and commitment authenticate besides the body.
 *
 * @param name - the value of the name header, that is, already percent-encoded
 * @param lengthBytes - of the plaintext: 0 … 2^36 − 32
 * @param attributes - the value of the attributes header, or an empty string
 * @throws RangeError for a length out of bounds or text that is no header value: a line feed would make two meanings of one AAD
 */
export function buildAad(name: string, lengthBytes: number, attributes: string): Buffer {
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0 || lengthBytes > MAX_PLAINTEXT_BYTES) {
    throw new RangeError(`a sealed object has 0 to ${MAX_PLAINTEXT_BYTES} bytes, not ${lengthBytes}`);
  }
  if (!/^[!-~]+\n[!-~]*$/.test(`${name}\n${attributes}`)) {
    throw new RangeError('name and attributes must be header values as they are sent');
  }
  return Buffer.from(`sealift/1\nname:${name}\nlength:${lengthBytes}\nattributes:${attributes}\n`, 'latin1');
}

/** HKDF-Expand to one block: the label, then the number of the block. */
const MAC_INFO = Buffer.from('sealift/1 mac\x01', 'latin1');
const COMMITMENT_INFO = Buffer.from('sealift/1 commitment\x01', 'latin1');

/** Kmac: the key of the mac and of the part digests, 32 bytes, zeroed with the data key; no CTR reader ever uses it. */
export function deriveMacKey(key: DataKey, start: StartBlock): Buffer {
  return key.derive(start.bytes, MAC_INFO);
}

/** Binds data key, AAD, tag and mac into 32 bytes, in lower-case hex, so that a reader can refuse before it asks for one byte of the body. */
export function commit(key: DataKey, start: StartBlock, aad: Buffer, { tag, mac }: Authenticators): string {
  return hmacHex(key.derive(start.bytes, COMMITMENT_INFO), aad, tag, mac);
}

/** Constant time over the bytes compared. */
export function verifyCommitment(
  key: DataKey,
  start: StartBlock,
  aad: Buffer,
  expected: Authenticators & { readonly commitment: string },
): boolean {
  return equalBytes(Buffer.from(commit(key, start, aad, expected)), Buffer.from(expected.commitment));
}

/** Constant time for equal lengths; lengths are no secret. */
export function equalBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
