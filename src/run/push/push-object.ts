import { sealInPlace } from '../../crypto/seal.js';
import { isSealiftError, SealiftError, toFailure } from '../../errors.js';
import { MAX_ATTEMPTS_PER_FILE } from '../../limits.js';
import type { PutOptions, StoredObject } from '../../store/store.js';
import { decideExisting, lookAt, mayHaveArrived, type Existing } from '../existing.js';
import type { DoneOutcome, Outcome, PushItem } from '../jobs.js';
import { sealedHeaders, sealingFacts, type SealedHeaders } from '../sealing.js';
import { sourceOf } from '../source-of.js';
import { storedFacts } from '../stored-facts.js';
import type { Ports } from '../threads/ports.js';
import type { FileStat } from '../types.js';
import { matchingObject } from './compare-object.js';

/**
 * One small file: read, sealed in memory, put. Answers with a value for whatever happens to the file; knows no threads.
 * A file that changes while it is read is started again with a fresh data key, three times at most.
 */
export async function pushFile(item: PushItem, ports: Ports): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptPush(item, ports);
    } catch (error) {
      const unstable = isSealiftError(error) && error.code === 'unstable';
      if (!unstable || attempt >= MAX_ATTEMPTS_PER_FILE) {
        return { state: 'failed', id: item.id, failure: toFailure(error) };
      }
    }
  }
}

async function attemptPush(item: PushItem, ports: Ports): Promise<Outcome> {
  const { context, room } = ports;
  const source = await sourceOf(context, item.path);
  try {
    const { stat } = source;
    if (stat.sizeBytes > room.length) {
      return { state: 'grown', id: item.id, stat };
    }
    const same = context.push?.checksum === true ? await matchingObject(item.key, source, ports) : undefined;
    if (same !== undefined) {
      return { state: 'skipped', id: item.id, reason: 'unchanged', stat, stored: same };
    }
    const slab = room.subarray(0, stat.sizeBytes);
    source.readAll(slab);
    const headers = await sealSlab(item, stat, slab, ports);
    return await putSealed(item, stat, { headers, body: slab, crc64: ports.crc64.digestOf(slab) }, ports);
  } finally {
    source.close();
  }
}

async function sealSlab(item: PushItem, stat: FileStat, slab: Buffer, ports: Ports): Promise<SealedHeaders> {
  const { issued, startBlock, wrappedStart } = await ports.starts().next();
  const { dataKey, wrappedKey } = issued;
  try {
    const facts = sealingFacts(item.key, stat);
    const proof = sealInPlace(dataKey, startBlock, facts.aad, slab);
    const { wrapAlgorithm } = ports.wrapper();
    const { context, materialDescription } = ports;
    return sealedHeaders(facts, { family: context.family, wrapAlgorithm, dataKey, startBlock, wrappedKey, wrappedStart, materialDescription }, proof);
  } finally {
    dataKey.wipe();
  }
}

/** Sealed bytes and their frozen headers: whatever is sent again is sent as it is here. */
interface Sealed {
  readonly headers: SealedHeaders;
  readonly body: Buffer;
  readonly crc64: bigint;
}

async function putSealed(item: PushItem, stat: FileStat, sealed: Sealed, ports: Ports): Promise<Outcome> {
  const forbidOverwrite = item.replace !== 'yes' && ports.context.push?.ifExists !== 'overwrite';
  let mayBeOurs = item.replace === 'if-ours';
  const onRetry = (failure: SealiftError): void => {
    mayBeOurs ||= mayHaveArrived(failure);
  };
  try {
    return doneOutcome(item, stat, sealed, await send(item, sealed, { forbidOverwrite, onRetry }, ports));
  } catch (error) {
    if (!(isSealiftError(error) && error.code === 'exists')) {
      throw error;
    }
  }
  const existing = await lookAt(ports.store, item.key, stat, { commitment: sealed.headers.commitment, crc64: sealed.crc64 });
  if (existing.kind === 'hidden' && mayBeOurs) {
    return { ...doneOutcome(item, stat, sealed, await send(item, sealed, {}, ports)), restarted: true };
  }
  return await settleExisting(item, { stat, sealed, existing }, ports);
}

interface Clash {
  readonly stat: FileStat;
  readonly sealed: Sealed;
  readonly existing: Existing;
}

async function settleExisting(item: PushItem, { stat, sealed, existing }: Clash, ports: Ports): Promise<Outcome> {
  if (existing.kind === 'same') {
    return doneOutcome(item, stat, sealed, existing.head);
  }
  const isOurs = item.replace === 'if-ours' && (existing.kind === 'ours' || existing.kind === 'current');
  const isFree = isOurs || existing.kind === 'absent' || existing.kind === 'broken';
  // What was there before this run sent anything, and may not be looked at, is somebody else's.
  const verdict = isFree ? 'write' : decideExisting(existing.kind === 'hidden' ? 'foreign' : existing.kind, ports.context.push?.ifExists ?? 'changed');
  switch (verdict) {
    case 'write':
      return { ...doneOutcome(item, stat, sealed, await send(item, sealed, {}, ports)), ...(isFree ? {} : { replaced: true }) };
    case 'skip-unchanged':
      return unchanged(item, stat, existing);
    case 'skip-exists':
      return { state: 'skipped', id: item.id, reason: 'exists' };
    case 'refuse':
      throw existsError(item.key);
  }
}

export function existsError(key: string): SealiftError {
  return new SealiftError('exists', `an object stands under ${key} already that no manifest of this run knows`, {
    object: key,
    remedy: 'look at it, then pass --if-exists overwrite or --if-exists skip, or another prefix',
  });
}

function send(item: PushItem, sealed: Sealed, options: Pick<PutOptions, 'forbidOverwrite' | 'onRetry'>, ports: Ports): Promise<StoredObject> {
  const { body, crc64, headers } = sealed;
  return ports.store.put(item.key, body, { metadata: headers.metadata, crc64, storageClass: ports.context.push?.storageClass, ...options });
}

function doneOutcome(item: PushItem, stat: FileStat, sealed: Sealed, stored: StoredObject): DoneOutcome {
  return { state: 'done', id: item.id, stat, stored: storedFacts(stored, sealed.headers.commitment) };
}

/** Skipped, and remembered as done: the next run need not ask again. */
export function unchanged(item: PushItem, stat: FileStat, existing: Existing): Outcome {
  if (existing.kind !== 'current') {
    return { state: 'skipped', id: item.id, reason: 'exists' };
  }
  return { state: 'skipped', id: item.id, reason: 'unchanged', stat, stored: storedFacts(existing.head, existing.commitment) };
}
