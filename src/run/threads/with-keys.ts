import { DataKey } from '../../crypto/data-key.js';
import { StartBlock } from '../../crypto/start-block.js';
import type { SealKeys } from '../jobs.js';
import type { PieceKeys } from '../piece-proof.js';

/** The bytes of the key live in this thread for as long as the work takes. */
export async function withKeys<T>({ dataKey: keyObject, start }: SealKeys, work: (keys: PieceKeys) => T | Promise<T>): Promise<T> {
  const dataKey = DataKey.fromKeyObject(keyObject);
  try {
    return await work({ dataKey, start: StartBlock.fromBytes(Buffer.from(start)) });
  } finally {
    dataKey.wipe();
  }
}
