import { isSealiftError } from '../errors.js';
import { MAX_ATTEMPTS_PER_FILE } from '../limits.js';
import { openEnvelope, refuseBlockZero, type OpenedEnvelope } from '../run/opening.js';
import type { ObjectHead } from '../store/store.js';
import type { BucketPorts } from './bucket-ports.js';
import { orAborted } from './chunks.js';
import type { OperationOptions } from './options.js';

/** An object whose commitment was verified; its data key is wiped by whoever holds this. */
export interface Opened {
  readonly name: string;
  readonly head: ObjectHead;
  readonly opened: OpenedEnvelope;
}

/**
 * Steps 1 to 4 of reading, then `work`, which wipes the data key when it is done with it; after a failure it is wiped here.
 * An object that is replaced meanwhile is started again, three times at most.
 */
export async function withOpened<T>(
  name: string, { signal }: OperationOptions, ports: BucketPorts, work: (opened: Opened) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openOnce(name, signal, ports, work);
    } catch (error) {
      if (!isSealiftError(error) || error.code !== 'replaced' || attempt >= MAX_ATTEMPTS_PER_FILE) {
        throw error;
      }
    }
  }
}

async function openOnce<T>(name: string, signal: AbortSignal | undefined, ports: BucketPorts, work: (opened: Opened) => Promise<T>): Promise<T> {
  const head = await ports.store.head(name, signal === undefined ? {} : { signal });
  const keyring = (await ports.keyring()).until(signal);
  const opened = await orAborted(name, () => openEnvelope(name, head, keyring, ports.policy), signal, ({ keys }) => keys.dataKey.wipe());
  try {
    refuseBlockZero(name, opened, head.sizeBytes);
    return await work({ name, head, opened });
  } catch (error) {
    opened.keys.dataKey.wipe();
    throw error;
  }
}
