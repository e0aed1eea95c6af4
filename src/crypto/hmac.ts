import { hash } from 'node:crypto';
import { HMAC_MESSAGE_BYTES } from '../limits.js';

const BLOCK = 64;
const DIGEST = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Both hold nothing but zeros between calls. */
let inner = Buffer.alloc(BLOCK + HMAC_MESSAGE_BYTES);
const outer = Buffer.alloc(BLOCK + DIGEST);

/**
 * HMAC-SHA-256 (RFC 2104) of the parts, one after the other: 32 bytes. Two one-shot hashes, which for a short message cost half of
 * what `createHmac` does: its objects are made for one message and keep the collector busy.
 */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  try {
    lay(key, parts);
    return hash('sha256', outer, 'buffer');
  } finally {
    outer.fill(0);
  }
}

/** The same as lower-case hex. */
export function hmacSha256Hex(key: Uint8Array, ...parts: readonly Uint8Array[]): string {
  try {
    lay(key, parts);
    return hash('sha256', outer, 'hex');
  } finally {
    outer.fill(0);
  }
}

/** Leaves in `outer` what only has to be hashed. */
function lay(key: Uint8Array, parts: readonly Uint8Array[]): void {
  const used = parts.reduce(append, BLOCK);
  pad(key.length > BLOCK ? hash('sha256', key, 'buffer') : key);
  outer.write(hash('sha256', inner.subarray(0, used), 'binary'), BLOCK, 'latin1');
  inner.fill(0, 0, used);
}

function append(used: number, part: Uint8Array): number {
  if (used + part.length > inner.length) {
    const wider = Buffer.alloc(2 * (used + part.length));
    wider.set(inner);
    inner.fill(0);
    inner = wider;
  }
  inner.set(part, used);
  return used + part.length;
}

function pad(key: Uint8Array): void {
  for (let at = 0; at < BLOCK; at += 1) {
    const byte = key[at] ?? 0;
    inner[at] = byte ^ INNER_PAD;
    outer[at] = byte ^ OUTER_PAD;
  }
}
