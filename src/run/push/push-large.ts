import { isSealiftError, SealiftError, toFailure } from '../../errors.js';
import { MAX_ATTEMPTS_PER_FILE, MAX_PLAINTEXT_BYTES } from '../../limits.js';
import { Budget } from '../budget.js';
import type { Bounds } from '../effective.js';
import { decideExisting, lookAt } from '../existing.js';
import type { Outcome, PushItem } from '../jobs.js';
import { sourceOf } from '../source-of.js';
import { viewOf, type Arena } from '../threads/arena.js';
import { within } from '../threads/ports.js';
import type { EncodedPath, FileStat } from '../types.js';
import { matchingLarge } from './compare-object.js';
import { existsError, pushFile, unchanged } from './push-object.js';
import type { PushScene } from './push-scene.js';
import { recoverUpload } from './recover-upload.js';
import { sealLarge, type SealScene } from './seal-large.js';
import type { SealedUpload } from './sealed-upload.js';
import { sendLarge } from './send-large.js';
import { Shelf } from './shelf.js';

export type PushLarge = (item: PushItem, scene: PushScene) => Promise<Outcome>;

/** Pushes the large files of one run, whose memory this is: one in pass 1 at a time, all on one shelf. */
export function pushingLarge(memory: Arena, { firstTouch }: Pick<Bounds, 'firstTouch'>): PushLarge {
  const forAll = { scanning: new Budget(1), shelf: new Shelf(memory, firstTouch) };
  return async (item, scene) => await pushLarge(item, { ...scene, ...forAll });
}

/**
 * One file that travels in parts. Pass 1 seals every part on whatever thread is free; the `sealed` record is on disk
 * before pass 2 sends the first byte. A file that changes in between starts again with a fresh data key, three times at
 * most.
 */
async function pushLarge(item: PushItem, scene: SealScene): Promise<Outcome> {
  try {
    refuseTooLarge(item.path, item.stat.sizeBytes);
    const same = scene.checksum ? await matchingLarge(item, scene) : undefined;
    if (same !== undefined) {
      return { state: 'skipped', id: item.id, reason: 'unchanged', stat: item.stat, stored: same };
    }
    const verdict = await standsInTheWay(item, scene);
    return verdict.outcome ?? (await attempts(item, verdict.mayReplace, scene));
  } catch (error) {
    if (!isSealiftError(error) || error.code !== 'exists') {
      return { state: 'failed', id: item.id, failure: toFailure(error) };
    }
    // The store's own refusal of an upload names no remedy.
    return scene.ifExists === 'skip' ? { state: 'skipped', id: item.id, reason: 'exists' } : { state: 'failed', id: item.id, failure: toFailure(existsError(item.key)) };
  }
}

async function attempts(item: PushItem, mayReplace: boolean, scene: SealScene): Promise<Outcome> {
  const recovered = await recoverUpload(item, scene);
  if (recovered.kind === 'done') {
    return recovered.outcome;
  }
  let mayReplaceNow = mayReplace || (recovered.kind === 'none' && recovered.isOurs);
  let resumed = recovered.kind === 'resumed' ? recovered.upload : undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await attemptPush(item, resumed, { attempt, mayReplace: mayReplaceNow }, scene);
      if (outcome !== undefined) {
        return outcome;
      }
      beginAgainUnseen(item, attempt, scene);
      mayReplaceNow = true;
    } catch (error) {
      if (!isSealiftError(error) || !startsAfresh(error)) {
        throw error;
      }
      // What the server holds is ours, and broken.
      mayReplaceNow ||= error.code === 'checksum-mismatch';
      if (attempt >= MAX_ATTEMPTS_PER_FILE) {
        throw error.code === 'unstable' ? unstable(item.path) : error;
      }
    }
    resumed = undefined;
  }
}

/** @throws SealiftError `remote-unavailable` after the last attempt; a later session goes on by what the manifest says. */
function beginAgainUnseen({ key }: PushItem, attempt: number, scene: PushScene): void {
  if (attempt >= MAX_ATTEMPTS_PER_FILE) {
    throw new SealiftError('remote-unavailable', `the answer that ${key} is complete was lost each of the ${MAX_ATTEMPTS_PER_FILE} times it was sent, and these credentials may not look`, {
      object: key, remedy: 'push it again when the network is better, or let these credentials read what they push (oss:GetObject)',
    });
  }
  scene.restarted(key, 'the answer that it is complete was lost, and these credentials may not look');
}

/** The file is another, its upload is gone, or the object that came of it is not what was sent. */
function startsAfresh({ code, retryable }: SealiftError): boolean {
  return code === 'unstable' || code === 'not-found' || (code === 'checksum-mismatch' && !retryable);
}

interface Attempt {
  /** From 1. */
  readonly attempt: number;
  readonly mayReplace: boolean;
}

async function attemptPush(item: PushItem, resumed: SealedUpload | undefined, { attempt, mayReplace }: Attempt, scene: SealScene): Promise<Outcome | undefined> {
  if (resumed !== undefined) {
    return await sendLarge(item, resumed, mayReplace, scene);
  }
  const stat = await statNow(item, scene);
  refuseTooLarge(item.path, stat.sizeBytes);
  if (stat.sizeBytes <= scene.bounds.singlePutBytes) {
    return await pushShrunk(mayReplace ? { ...item, replace: 'yes' } : item, stat, scene);
  }
  return await sendLarge(item, await sealLarge(item, stat, attempt, scene), mayReplace, scene);
}

/** The file is no longer large: it goes the way of small ones. */
async function pushShrunk(item: PushItem, stat: FileStat, { ports, memory }: PushScene): Promise<Outcome> {
  const region = await memory.take(stat.sizeBytes);
  try {
    const outcome = await pushFile({ ...item, stat }, within(ports, viewOf(memory.memory, region)));
    if (outcome.state === 'grown') {
      throw unstable(item.path);
    }
    return outcome;
  } finally {
    memory.give(region);
  }
}

interface Standing {
  readonly outcome?: Outcome;
  readonly mayReplace: boolean;
}

/** Asked before pass 1, because a large file is too dear to be sealed for a refusal. */
async function standsInTheWay(item: PushItem, scene: PushScene): Promise<Standing> {
  const { ifExists } = scene;
  if (item.replace === 'yes' || ifExists === 'overwrite') {
    return { mayReplace: true };
  }
  const pending = scene.manifest.pendingUpload(item.id)?.sealed.metadata['x-oss-meta-sealift-commitment'];
  const existing = await lookAt(scene.ports.store, item.key, item.stat, pending === undefined ? undefined : { commitment: pending });
  if (existing.kind === 'hidden') {
    return { mayReplace: scene.manifest.mayHoldOurs(item.id) };
  }
  if (existing.kind === 'absent' || existing.kind === 'same' || existing.kind === 'broken') {
    return { mayReplace: false };
  }
  if (item.replace === 'if-ours' && existing.kind !== 'foreign') {
    return { mayReplace: true };
  }
  switch (decideExisting(existing.kind, ifExists)) {
    case 'write':
      scene.notice(`${item.key}: replaced an older state that no manifest of this run knows`);
      return { mayReplace: true };
    case 'skip-unchanged':
      return { mayReplace: false, outcome: unchanged(item, item.stat, existing) };
    case 'skip-exists':
      return { mayReplace: false, outcome: { state: 'skipped', id: item.id, reason: 'exists' } };
    case 'refuse':
      throw existsError(item.key);
  }
}

async function statNow(item: PushItem, scene: PushScene): Promise<FileStat> {
  const source = await sourceOf(scene.ports.context, item.path);
  source.close();
  return source.stat;
}

function refuseTooLarge(path: EncodedPath, sizeBytes: number): void {
  if (sizeBytes > MAX_PLAINTEXT_BYTES) {
    throw new SealiftError('too-large', `${path} has ${sizeBytes} bytes; AES-GCM seals at most ${MAX_PLAINTEXT_BYTES} (64 GiB − 32) under one key`, {
      object: path,
      remedy: 'split the file, for example with split -b 60G',
    });
  }
}

function unstable(path: EncodedPath): SealiftError {
  return new SealiftError('unstable', `${path} changed each of the ${MAX_ATTEMPTS_PER_FILE} times it was read`, {
    object: path,
    remedy: 'push it again when nothing writes to it, or push a snapshot',
  });
}
