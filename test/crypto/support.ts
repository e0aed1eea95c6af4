import { buildAad } from '../../src/crypto/commitment.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { CIPHER_CHUNK_BYTES } from '../../src/limits.js';

/** Every size at which a block, a cipher call or a part ends, and its neighbours. */
export const BOUNDARY_SIZES = [0, 16, 4096, CIPHER_CHUNK_BYTES, 2 * CIPHER_CHUNK_BYTES, 102_400]
  .flatMap((size) => [size - 1, size, size + 1])
  .filter((size) => size >= 0);

export interface TestKeys {
  readonly bytes: Buffer;
  readonly start: StartBlock;
  /** A fresh instance for each use, because a data key seals once. */
  readonly key: () => DataKey;
}

export function testKeys(fill: number): TestKeys {
  const bytes = Buffer.alloc(32, fill);
  const start = StartBlock.fromBytes(Buffer.concat([Buffer.alloc(8, fill), Buffer.from('0000000000000002', 'hex')]));
  return { bytes, start, key: () => DataKey.adopt(Buffer.from(bytes)) };
}

export function aadFor(lengthBytes: number): Buffer {
  return buildAad('a/b.txt', lengthBytes, 'mode=644');
}

/** The same buffer with one bit turned over. */
export function flipBit(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return flipped;
}
