import { isRunFatal, isSealiftError, toFailure } from '../../errors.js';
import type { AtomicFile } from '../../files/atomic.js';
import { makeTurn } from '../../files/turn.js';
import { MAX_ATTEMPTS_PER_FILE } from '../../limits.js';
import type { Manifest } from '../../manifest/manifest.js';
import type { ObjectHead } from '../../store/store.js';
import type { Bounds } from '../effective.js';
import type { FetchJob, Outcome, Piece, PieceProof, PullItem, SealKeys } from '../jobs.js';
import { cut, onEveryPiece, onSomeThread, scanPieces, travelling, type Workshop } from '../large-file.js';
import { localPath, refuseOtherLength } from '../local-path.js';
import { openEnvelope, refuseBlockZero, type OpenedEnvelope } from '../opening.js';
import { verifyProofs } from '../piece-proof.js';
import { valueOf } from '../result.js';
import { storedFacts } from '../stored-facts.js';
import type { Ports } from '../threads/ports.js';
import { compareLargeUnfetched, refuseUnsealed } from './headers-only.js';
import { commitTarget, refuseLocalFile, reopenTarget, targetFor, type Landing } from './landing.js';

/** What a large object needs on the coordinator's side, besides the workers. */
export interface FetchScene extends Workshop {
  readonly ports: Ports;
  readonly bounds: Bounds;
  moved(bytes: number): void;
}

export interface PullScene extends FetchScene {
  readonly manifest: Manifest;
}

/**
 * One large object, fetched by ranges on all threads into a temporary file. Each range is opened by CTR as it comes; tag
 * and mac are joined from all of them at the end, and only then does the file get its name. Ranges that an interrupted
 * attempt has fetched are sealed again from disk instead of fetched again; should that not verify, nothing of it is kept.
 */
export async function pullLarge(item: PullItem, scene: PullScene): Promise<Outcome> {
  return await whileReplaced(item, async () => {
    const source = await open(item, scene);
    refuseLocalFile(item, source, scene.ports);
    const earlier = await resumed(item, source, scene);
    if (earlier !== undefined) {
      try {
        return await landKeeping(item, source, earlier, scene);
      } catch (error) {
        if (!isSealiftError(error) || error.code !== 'authentication-failed') {
          throw error;
        }
      }
    }
    return await landKeeping(item, source, await begun(item, source, scene), scene);
  });
}

/**
 * What arrived stays for the next session when this one was interrupted, lost its connection or met somebody's own file, and
 * goes otherwise.
 */
async function landKeeping(item: PullItem, source: Landing, target: Target, scene: PullScene): Promise<Outcome> {
  try {
    return await land(item, source, target, scene);
  } catch (error) {
    if (isWorthKeeping(error)) {
      target.file.keep();
    } else {
      target.file.discard();
    }
    throw error;
  }
}

/** Another session can go on, unless it is the file itself that fails. */
function isWorthKeeping(error: unknown): boolean {
  const isOfTheDisk = isSealiftError(error) && DISK_FAILURES.has(error.code);
  return isSealiftError(error) && !isOfTheDisk && (error.retryable || error.code === 'exists' || isRunFatal(error.code));
}

const DISK_FAILURES: ReadonlySet<string> = new Set(['disk-full', 'write-failed', 'unreadable', 'unstable']);

/** The same without a file: every range is opened, authenticated, possibly compared, and thrown away. */
export async function verifyLarge(item: PullItem, scene: FetchScene): Promise<Outcome> {
  return await whileReplaced(item, async () => {
    const source = await open(item, scene);
    const { head, opened } = source;
    const { root, pull } = scene.ports.context;
    const against = pull?.sink === 'compare' ? item.path : undefined;
    if (against !== undefined) {
      refuseOtherLength(root, against, head.sizeBytes);
    }
    if (pull?.headersOnly === true) {
      refuseUnsealed(item.key, opened);
      await (against === undefined ? undefined : compareLargeUnfetched({ key: item.key, head, opened, file: localPath(root, against) }, scene));
      scene.moved(head.sizeBytes);
      return { state: 'verified', bytes: head.sizeBytes, ...facts(item, head, opened) };
    }
    const pieces = cut(head.sizeBytes, scene.bounds.partBytes);
    const proofs = await fetchPieces(item, { source, pieces, sink: against === undefined ? {} : { against } }, scene);
    verifyAll(opened, proofs);
    return { state: 'verified', bytes: head.sizeBytes, ...facts(item, head, opened) };
  });
}

/** The temporary file of one object, and what it holds already. */
export interface Target {
  readonly file: AtomicFile;
  readonly pieces: readonly Piece[];
  readonly proofs: readonly PieceProof[];
}

async function open(item: PullItem, { ports }: FetchScene): Promise<Landing> {
  const { allowRenamed = false, allowUnauthenticated = false } = ports.context.pull ?? {};
  const head = await ports.store.head(item.key);
  const opened = await openEnvelope(item.key, head, ports.keyring, { allowRenamed, allowUnauthenticated, mustBeSealed: item.mustBeSealed });
  refuseBlockZero(item.key, opened, head.sizeBytes);
  return { head, opened };
}

async function begun(item: PullItem, { head, opened }: Landing, scene: PullScene): Promise<Target> {
  const rangeBytes = scene.bounds.partBytes;
  const file = await targetFor(item, opened, scene.ports);
  const commitment = opened.sealed?.authentication.commitment;
  try {
    file.preallocate(head.sizeBytes, scene.ports.context.pull?.preserveSparse);
    await scene.manifest.fetching({
      id: item.id, temporary: file.temporaryName, etag: head.etag, size: head.sizeBytes, rangeBytes, ...(commitment === undefined ? {} : { commitment }),
    });
  } catch (error) {
    file.discard();
    throw error;
  }
  return { file, pieces: cut(head.sizeBytes, rangeBytes), proofs: [] };
}

/** Picks up the temporary file of an interrupted attempt on the very same object; undefined where there is none. */
async function resumed(item: PullItem, { head, opened }: Landing, scene: PullScene): Promise<Target | undefined> {
  const pending = scene.manifest.pendingFetch(item.id);
  if (pending === undefined || opened.sealed === undefined) {
    return undefined;
  }
  const { fetching, ranges } = pending;
  const file = reopenTarget(item, opened, fetching.temporary, scene.ports);
  const isSame = fetching.commitment === opened.sealed.authentication.commitment && fetching.size === head.sizeBytes;
  if (file === undefined || !isSame || !scene.memory.holds(fetching.rangeBytes)) {
    file?.discard();
    return undefined;
  }
  const pieces = cut(head.sizeBytes, fetching.rangeBytes);
  const kept = pieces.filter(({ index }) => ranges.has(index));
  const proofs = await proofsOfKept(file, kept, opened, scene);
  kept.forEach(({ bytes }) => scene.moved(proofs === undefined ? 0 : bytes));
  return proofs && { file, pieces, proofs };
}

/** Undefined, and the file is gone, when it cannot be read as what was written to it. */
async function proofsOfKept(file: AtomicFile, kept: readonly Piece[], opened: OpenedEnvelope, scene: PullScene): Promise<PieceProof[] | undefined> {
  try {
    return await scanPieces({ keys: sealKeys(opened), source: { kind: 'descriptor', fd: file.fd } }, kept, scene);
  } catch (error) {
    if (isWorthKeeping(error)) {
      file.keep();
      throw error;
    }
    file.discard();
    return undefined;
  }
}

async function land(item: PullItem, source: Landing, target: Target, scene: PullScene): Promise<Outcome> {
  const { head, opened } = source;
  const held = new Set(target.proofs.map(({ index }) => index));
  const pieces = target.pieces.filter(({ index }) => !held.has(index));
  const onFetched = (piece: Piece): void => scene.manifest.range(item.id, piece.index);
  const fetched = await fetchPieces(item, { source, pieces, sink: { into: { fd: target.file.fd, turn: makeTurn() } }, onFetched }, scene);
  verifyAll(opened, [...target.proofs, ...fetched]);
  const stat = await commitTarget(item, source, target.file, scene.ports);
  return { state: 'done', stat, ...facts(item, head, opened) };
}

interface Fetching {
  readonly source: Landing;
  readonly pieces: readonly Piece[];
  readonly sink: Pick<FetchJob, 'into' | 'against'>;
  readonly onFetched?: (piece: Piece) => void;
}

async function fetchPieces(item: PullItem, { source, pieces, sink, onFetched }: Fetching, scene: FetchScene): Promise<PieceProof[]> {
  const proofs: PieceProof[] = [];
  const { head, opened } = source;
  const keys = sealKeys(opened);
  await onEveryPiece(pieces, travelling(scene, scene.memory), async (piece, region) => {
    const job = { kind: 'fetch', keys, key: item.key, etag: head.etag, piece, region, sealed: opened.sealed !== undefined, ...sink } as const;
    proofs.push(valueOf(await onSomeThread(scene.pool, job)));
    onFetched?.(piece);
    scene.moved(piece.bytes);
  });
  return proofs;
}

function verifyAll({ keys, sealed }: OpenedEnvelope, proofs: readonly PieceProof[]): void {
  if (sealed === undefined) {
    return;
  }
  verifyProofs({ dataKey: keys.dataKey, start: keys.startBlock }, sealed.aad, proofs, sealed.authentication);
}

/** An object that was replaced while it was read is started again, three times at most. */
async function whileReplaced(item: PullItem, attemptOnce: () => Promise<Outcome>): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce();
    } catch (error) {
      const again = isSealiftError(error) && error.code === 'replaced';
      if (!again || attempt >= MAX_ATTEMPTS_PER_FILE) {
        return { state: 'failed', id: item.id, failure: toFailure(error) };
      }
    }
  }
}

function sealKeys({ keys }: OpenedEnvelope): SealKeys {
  return { dataKey: keys.dataKey.keyObject, start: keys.startBlock.bytes };
}

function facts(item: PullItem, head: ObjectHead, { sealed }: OpenedEnvelope): { id: number; stored: ReturnType<typeof storedFacts>; unauthenticated?: true } {
  const stored = storedFacts(head, sealed?.authentication.commitment ?? '');
  return { id: item.id, stored, ...(sealed === undefined ? { unauthenticated: true } : {}) };
}

