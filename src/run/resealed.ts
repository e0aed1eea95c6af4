import { deriveMacKey, equalBytes } from '../crypto/commitment.js';
import { applyCtr } from '../crypto/ctr.js';
import { joinMac, type DigestedPart } from '../crypto/ghash.js';
import { partDigest } from '../crypto/part-digest.js';
import type { SourceHandle } from '../files/source.js';
import type { UnwrappedKeys } from '../keys/wrapper.js';
import type { OpenedEnvelope } from './opening.js';

/**
 * Seals a file in memory under the keys of an object that it may have become, and digests it.
 *
 * @param slab - as long as the file; holds the ciphertext then
 */
export function resealWhole(source: SourceHandle, { dataKey, startBlock }: UnwrappedKeys, slab: Buffer): DigestedPart {
  source.readAll(slab);
  applyCtr(dataKey, startBlock, 0, slab);
  return { digest: partDigest(deriveMacKey(dataKey, startBlock), startBlock, 0, slab), lengthBytes: slab.length };
}

/** Whether an object was sealed from what these parts, in order, are of. False for one of another SDK, which nothing authenticates. */
export function isSealedFrom({ keys: { dataKey, startBlock }, sealed }: OpenedEnvelope, parts: readonly DigestedPart[]): boolean {
  return sealed !== undefined && equalBytes(joinMac(deriveMacKey(dataKey, startBlock), startBlock, parts), sealed.authentication.mac);
}
