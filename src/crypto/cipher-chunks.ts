import { CIPHER_CHUNK_BYTES } from '../limits.js';
import { overwrite } from './overwrite.js';
import { spent } from './spent.js';

/** A cipher whose output has the length of its input: CTR or GCM in either direction. */
interface StreamCipher {
  update(data: Buffer): Buffer;
}

/** Runs `data` through the cipher without touching it; a small input costs no copy. */
export function updateChunked(cipher: StreamCipher, data: Buffer): Buffer {
  if (data.length <= CIPHER_CHUNK_BYTES) {
    return cipher.update(data);
  }
  const output = Buffer.allocUnsafe(data.length);
  for (const { offset, chunk } of chunks(data)) {
    const piece = cipher.update(chunk);
    piece.copy(output, offset);
    spent(piece);
  }
  return output;
}

/** Replaces `data` by the cipher's output. */
export function updateInPlace(cipher: StreamCipher, data: Buffer): void {
  for (const { chunk } of chunks(data)) {
    updateChunk(cipher, chunk);
  }
}

/** The same for one of {@link chunks}. */
export function updateChunk(cipher: StreamCipher, chunk: Buffer): void {
  const output = cipher.update(chunk);
  overwrite(chunk, 0, output);
  spent(output);
}

/** Views of at most 64 KiB: larger updates allocate twice in fresh pages and run at a third of the speed. Each costs a buffer. */
export function* chunks(data: Buffer): Generator<{ readonly offset: number; readonly chunk: Buffer }> {
  for (let offset = 0; offset < data.length; offset += CIPHER_CHUNK_BYTES) {
    yield { offset, chunk: data.subarray(offset, offset + CIPHER_CHUNK_BYTES) };
  }
}
