import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import { DATA_KEY_BYTES, MAX_PLAINTEXT_BYTES } from '../limits.js';
import type { DataKey } from './data-key.js';
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

/** Kmac: the key of the mac and of the part digests; no CTR reader ever uses it. */
export function deriveMacKey(key: DataKey, start: StartBlock): KeyObject {
  return derive(key, start, 'sealift/1 mac');
}

/** Binds data key, AAD, tag and mac into 32 bytes, so that a reader can refuse before it asks for one byte of the body. */
export function commit(key: DataKey, start: StartBlock, aad: Buffer, { tag, mac }: Authenticators): Buffer {
  const commitmentKey = derive(key, start, 'sealift/1 commitment');
  return createHmac('sha256', commitmentKey).update(aad).update(tag).update(mac).digest();
}

/** Constant time over the bytes compared. */
export function verifyCommitment(
  key: DataKey,
  start: StartBlock,
  aad: Buffer,
  expected: Authenticators & { readonly commitment: Buffer },
): boolean {
  return equalBytes(commit(key, start, aad, expected), expected.commitment);
}

/** Constant time for equal lengths; lengths are no secret. */
export function equalBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function derive(key: DataKey, start: StartBlock, info: string): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', key.keyObject, start.bytes, info, DATA_KEY_BYTES));
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}
