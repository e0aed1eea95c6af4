import { createSecretKey, type KeyObject } from 'node:crypto';

/**
 * Node 24 finds out that a key is given as bytes by catching two errors, 10 µs for every cipher (since nodejs/node
 * #63111; 20, 22 and 26 do not). A key object costs 1 µs there, and 2 µs elsewhere, where bytes cost nothing.
 */
const BYTES_ARE_DEAR = process.versions.node.startsWith('24.');

/** Key bytes for one cipher that is made now, in the form that costs least. */
export function rawKey(bytes: Buffer, asObject = BYTES_ARE_DEAR): Buffer | KeyObject {
  return asObject ? createSecretKey(bytes) : bytes;
}
