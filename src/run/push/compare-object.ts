import type { DigestedPart } from '../../crypto/ghash.js';
import { isSealiftError } from '../../errors.js';
import type { SourceHandle } from '../../files/source.js';
import type { UnwrappedKeys } from '../../keys/wrapper.js';
import type { ObjectHead } from '../../store/store.js';
import type { PushItem, StoredFacts } from '../jobs.js';
import { cut, scanPieces } from '../large-file.js';
import { openEnvelope } from '../opening.js';
import { digestsOf } from '../piece-proof.js';
import { isSealedFrom, resealWhole } from '../resealed.js';
import { storedFacts } from '../stored-facts.js';
import type { Ports } from '../threads/ports.js';
import type { PushScene } from './push-scene.js';

/**
 * The object's facts, if a local file still is what it was sealed from, content included: its mac is made again from the
 * local bytes under the object's own data key, so nothing is fetched but the metadata. Needs the private key.
 */
export async function matchingObject(key: string, source: SourceHandle, ports: Ports): Promise<StoredFacts | undefined> {
  const { sizeBytes } = source.stat;
  return await withCandidate(key, sizeBytes, ports, (keys) => Promise.resolve([resealWhole(source, keys, ports.room.subarray(0, sizeBytes))]));
}

/** The same for a file that is read in pieces, on all threads. */
export async function matchingLarge(item: PushItem, scene: PushScene): Promise<StoredFacts | undefined> {
  const { key, path, stat } = item;
  return await withCandidate(key, stat.sizeBytes, scene.ports, async ({ dataKey, startBlock }) => {
    const job = { keys: { dataKey: dataKey.keyObject, start: startBlock.bytes }, source: { kind: 'path', path, stat } } as const;
    return digestsOf(await scanPieces(job, cut(stat.sizeBytes, scene.bounds.partBytes), scene));
  });
}

/** Opens the object's envelope and compares its mac with the one that `reseal` leads to. */
async function withCandidate(
  key: string, sizeBytes: number, ports: Ports,
  reseal: (keys: UnwrappedKeys) => Promise<readonly DigestedPart[]>,
): Promise<StoredFacts | undefined> {
  const head = await headIfThere(key, ports);
  if (head?.sizeBytes !== sizeBytes) {
    return undefined;
  }
  const opened = await openEnvelope(key, head, ports.keyring, { allowRenamed: false, allowUnauthenticated: false, mustBeSealed: true });
  try {
    const isSame = isSealedFrom(opened, await reseal(opened.keys));
    return isSame ? storedFacts(head, opened.sealed?.authentication.commitment ?? '') : undefined;
  } finally {
    opened.keys.dataKey.wipe();
  }
}

async function headIfThere(key: string, ports: Ports): Promise<ObjectHead | undefined> {
  try {
    return await ports.store.head(key);
  } catch (error) {
    if (isSealiftError(error) && error.code === 'not-found') {
      return undefined;
    }
    throw error;
  }
}
