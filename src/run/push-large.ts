import { combineCrc64 } from '../crypto/crc64.js';
import { DataKey } from '../crypto/data-key.js';
import { StartBlock } from '../crypto/start-block.js';
import { isSealiftError, SealiftError, toFailure, type ErrorCode } from '../errors.js';
import { MAX_ATTEMPTS_PER_FILE, MAX_PLAINTEXT_BYTES } from '../limits.js';
import type { CompleteOptions, StoredObject, UploadedPart } from '../store/store.js';
import { partBytesFor } from './effective.js';
import { decideExisting, lookAt } from './existing.js';
import type { Outcome, PieceProof, PushItem, SentPart } from './jobs.js';
import { matchingLarge } from './compare-object.js';
import { cut, onEveryPiece, scanPieces } from './large-file.js';
import type { PushScene } from './push-scene.js';
import { existsError, unchanged } from './push-object.js';
import { joinProofs } from './piece-proof.js';
import { storedFacts } from './stored-facts.js';
import { recoverUpload } from './recover-upload.js';
import { valueOf } from './result.js';
import { sealedHeaders, sealingFacts } from './sealing.js';
import type { SealedUpload } from './sealed-upload.js';
import { sourceOf } from './source-of.js';
import type { FileStat } from './types.js';

/**
 * One file that travels in parts. Pass 1 seals every part on whatever thread is free and keeps only what authenticates
 * it; the `sealed` record is on disk before pass 2 sends the first byte. A file that changes in between starts again
 * with a fresh data key, three times at most.
 */
export async function pushLarge(item: PushItem, scene: PushScene): Promise<Outcome> {
  try {
    refuseTooLarge(item);
    const same = scene.checksum ? await matchingLarge(item, scene) : undefined;
    if (same !== undefined) {
      return { state: 'skipped', id: item.id, reason: 'unchanged', stat: item.stat, stored: same };
    }
    const verdict = await standsInTheWay(item, scene);
    return verdict.outcome ?? (await attempts(item, verdict.mayReplace, scene));
  } catch (error) {
    return { state: 'failed', id: item.id, failure: toFailure(error) };
  }
}

async function attempts(item: PushItem, mayReplace: boolean, scene: PushScene): Promise<Outcome> {
  const recovered = await recoverUpload(item, scene);
  if (recovered.kind === 'done') {
    return recovered.outcome;
  }
  let upload = recovered.kind === 'resumed' ? recovered.upload : undefined;
  for (let attempt = 1; ; attempt += 1) {
    upload ??= await sealLarge(item, attempt, scene);
    try {
      return await sendLarge(item, upload, mayReplace, scene);
    } catch (error) {
      const again = isSealiftError(error) && (error.code === 'unstable' || error.code === 'not-found');
      if (!again) {
        throw error;
      }
      await scene.abandon(item.id, item.key, upload.uploadId, error.code);
      if (attempt >= MAX_ATTEMPTS_PER_FILE) {
        throw unstable(item);
      }
      upload = undefined;
    }
  }
}

/** Pass 1, its record, and the right to send: after this the bytes of the object are frozen. */
async function sealLarge(item: PushItem, attempt: number, scene: PushScene): Promise<SealedUpload> {
  const { ports, bounds, manifest } = scene;
  const stat = await statNow(item, scene);
  const { keys, wrappedKey, wrappedStart } = valueOf(await scene.pool.run({ kind: 'issue' }));
  const dataKey = DataKey.fromKeyObject(keys.dataKey);
  const startBlock = StartBlock.fromBytes(Buffer.from(keys.start));
  const partBytes = partBytesFor(stat.sizeBytes, bounds.partBytes);
  const pieces = cut(stat.sizeBytes, partBytes);
  const source = { kind: 'path', path: item.path, stat } as const;
  const proofs = await scanPieces({ keys, source }, pieces, scene);
  const facts = sealingFacts(item.key, stat);
  const proof = joinProofs({ dataKey, start: startBlock }, facts.aad, proofs);
  const { wrapAlgorithm, canUnwrap } = ports.wrapper();
  const { family } = ports.context;
  const { materialDescription } = ports;
  const headers = sealedHeaders(facts, { family, wrapAlgorithm, dataKey, startBlock, wrappedKey, wrappedStart, materialDescription }, proof, { multipartBytes: partBytes });
  const digests = Buffer.concat(proofs.map((piece: PieceProof) => piece.digest));
  await manifest.sealed({ id: item.id, stat, metadata: headers.metadata, partBytes, digests, attempt, recoverable: canUnwrap });
  return { stat, keys, pieces, digests, headers, uploadId: undefined, confirmed: new Map(), present: new Map() };
}

/** Pass 2: the missing parts, then the object. */
async function sendLarge(item: PushItem, upload: SealedUpload, mayReplace: boolean, scene: PushScene): Promise<Outcome> {
  const { ports, manifest } = scene;
  const forbidOverwrite = !mayReplace;
  if (upload.uploadId === undefined) {
    upload.uploadId = await ports.store.initiateUpload(item.key, { metadata: upload.headers.metadata, forbidOverwrite });
    await manifest.upload(item.id, upload.uploadId);
  }
  const { uploadId } = upload;
  for (const { part } of upload.confirmed.values()) {
    scene.moved(part.sizeBytes);
  }
  const missing = upload.pieces.filter((piece) => !upload.confirmed.has(piece.index + 1));
  await onEveryPiece(missing, scene.memory, async (piece, region) => {
    const presentEtag = upload.present.get(piece.index + 1);
    const sent: SentPart = valueOf(await scene.pool.run({
      kind: 'send', keys: upload.keys, source: { kind: 'path', path: item.path, stat: upload.stat }, piece, region, key: item.key, uploadId,
      digest: upload.digests.subarray(piece.index * 16, piece.index * 16 + 16),
      ...(ports.context.family === 'client-side-encryption' ? { metadata: upload.headers.metadata } : {}),
      ...(presentEtag === undefined ? {} : { presentEtag }),
    }));
    upload.confirmed.set(sent.part.number, sent);
    manifest.part(item.id, sent.part, sent.crc64);
    scene.moved(piece.bytes);
  });
  return await complete(item, upload, uploadId, { forbidOverwrite, scene });
}

async function complete(
  item: PushItem, upload: SealedUpload, uploadId: string, { forbidOverwrite, scene }: { forbidOverwrite: boolean; scene: PushScene },
): Promise<Outcome> {
  const sent = upload.pieces.map((piece) => upload.confirmed.get(piece.index + 1)).filter((part) => part !== undefined);
  const crc64 = joinedCrc(sent);
  const options: CompleteOptions = { forbidOverwrite, ...(crc64 === undefined ? {} : { crc64 }) };
  const parts: UploadedPart[] = sent.map(({ part }) => part);
  const stored = await completeOrFind(item, upload, { parts, uploadId, options, scene });
  return { state: 'done', id: item.id, stat: upload.stat, stored: storedFacts(stored, upload.headers.commitment) };
}

/** A lost answer to Complete looks like an unknown upload or an object in the way; the commitment tells. */
async function completeOrFind(
  item: PushItem, upload: SealedUpload, request: { parts: UploadedPart[]; uploadId: string; options: CompleteOptions; scene: PushScene },
): Promise<StoredObject> {
  const { store } = request.scene.ports;
  try {
    return await store.completeUpload({ key: item.key, uploadId: request.uploadId }, request.parts, request.options);
  } catch (error) {
    if (!isSealiftError(error) || (error.code !== 'not-found' && error.code !== 'exists')) {
      throw error;
    }
    const existing = await lookAt(store, item.key, upload.stat, upload.headers.commitment);
    if (existing.kind === 'same') {
      return existing.head;
    }
    throw error.code === 'exists' ? existsError(item.key) : error;
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
  const existing = await lookAt(scene.ports.store, item.key, item.stat, pending).catch(absentIfForbidden);
  if (existing.kind === 'absent' || existing.kind === 'same') {
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

/** Push-only credentials may not ask; the overwrite guard of the upload decides then. */
function absentIfForbidden(error: unknown): { kind: 'absent' } {
  if (isSealiftError(error) && error.code === 'access-denied') {
    return { kind: 'absent' };
  }
  throw error;
}

/** CRC-64 of the whole from those of its parts. */
function joinedCrc(parts: readonly SentPart[]): bigint | undefined {
  return parts.reduce<bigint>((whole, { crc64, part }) => combineCrc64(whole, crc64, part.sizeBytes), 0n);
}

async function statNow(item: PushItem, scene: PushScene): Promise<FileStat> {
  const source = await sourceOf(scene.ports.context, item.path);
  source.close();
  return source.stat;
}

function refuseTooLarge({ path, stat }: PushItem): void {
  if (stat.sizeBytes > MAX_PLAINTEXT_BYTES) {
    throw new SealiftError('too-large', `${path} has ${stat.sizeBytes} bytes; AES-GCM seals at most ${MAX_PLAINTEXT_BYTES} (64 GiB − 32) under one key`, {
      object: path,
      remedy: 'split the file, for example with split -b 60G',
    });
  }
}

function unstable({ path }: PushItem): SealiftError {
  const code: ErrorCode = 'unstable';
  return new SealiftError(code, `${path} changed each of the ${MAX_ATTEMPTS_PER_FILE} times it was read`, {
    object: path,
    remedy: 'push it again when nothing writes to it, or push a snapshot',
  });
}
