import { hash } from 'node:crypto';

/** Bytes of a SHA-256 block and digest (FIPS 180-4). */
const HASH_BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** What the two hashes are computed of: a padded key, then the message or the inner digest. Between two calls it holds no secret. */
let inner = Buffer.alloc(HASH_BLOCK_BYTES + 1024, INNER_PAD);
const outer = Buffer.alloc(HASH_BLOCK_BYTES + DIGEST_BYTES, OUTER_PAD);

/**
 * HMAC-SHA-256 (RFC 2104) of the parts of a message in a row: 32 bytes in a buffer of their own, for keys. Two one-shot hashes,
 * because making the context of `createHmac` takes longer than hashing a short message.
 */
export function hmac(key: Buffer, ...message: readonly Buffer[]): Buffer {
  return keyedHash(key, message, 'buffer');
}

/** The same in lower-case hex, for what is no secret: a string cannot be zeroed. */
export function hmacHex(key: Buffer, ...message: readonly Buffer[]): string {
  return keyedHash(key, message, 'hex');
}

function keyedHash(key: Buffer, message: readonly Buffer[], encoding: 'buffer'): Buffer;
function keyedHash(key: Buffer, message: readonly Buffer[], encoding: 'hex'): string;
function keyedHash(key: Buffer, message: readonly Buffer[], encoding: 'buffer' | 'hex'): Buffer | string {
  const end = message.reduce((sum, { length }) => sum + length, HASH_BLOCK_BYTES);
  if (end > inner.length) {
    inner = Buffer.alloc(2 * end, INNER_PAD);
  }
  try {
    pad(key.length > HASH_BLOCK_BYTES ? hash('sha256', key, 'buffer') : key);
    append(message);
    // As a string, because a buffer costs three times as much; without the key it is of no use.
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), HASH_BLOCK_BYTES, 'latin1');
    return hash('sha256', outer, encoding);
  } finally {
    inner.fill(INNER_PAD);
    outer.fill(OUTER_PAD);
  }
}

function pad(key: Buffer): void {
  let at = 0;
  for (const byte of key) {
    inner[at] = byte ^ INNER_PAD;
    outer[at] = byte ^ OUTER_PAD;
    at += 1;
  }
}

function append(message: readonly Buffer[]): void {
  let at = HASH_BLOCK_BYTES;
  for (const part of message) {
    inner.set(part, at);
    at += part.length;
  }
}
