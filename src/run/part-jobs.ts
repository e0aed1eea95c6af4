import { createHash, timingSafeEqual } from 'node:crypto';
import { deriveMacKey } from '../crypto/commitment.js';
import { CtrStream } from '../crypto/ctr.js';
import { partGmac } from '../crypto/part-digest.js';
import { SealiftError, toFailure } from '../errors.js';
import { writeFailure } from '../files/errno.js';
import { writeAroundHoles } from '../files/sparse.js';
import { alone } from '../files/turn.js';
import { writeFully } from '../files/write.js';
import { SLICE_BYTES } from '../limits.js';
import { fetchInto } from './fetch-into.js';
import type { FetchJob, IssuedKeys, Piece, PieceProof, PieceSource, Result, ScanJob, SendJob, SentPart } from './jobs.js';
import { compareWithLocal, localPath } from './local-path.js';
import { PieceProver, type PieceKeys } from './piece-proof.js';
import { sealSlices } from './push/seal-slices.js';
import type { Ports } from './threads/ports.js';
import { withKeys } from './threads/with-keys.js';

export async function issueKeys(ports: Ports): Promise<Result<IssuedKeys>> {
  return await asResult(async () => {
    const { issued, startBlock, wrappedStart } = await ports.starts().next();
    return { keys: { dataKey: issued.dataKey.keyObject, start: startBlock.bytes }, wrappedKey: issued.wrappedKey, wrappedStart };
  });
}

/** Pass 1 on one piece: seal it and keep what authenticates it. In a slab as long as the piece the ciphertext stays. */
export async function scanPiece(job: ScanJob, slab: Buffer, ports: Ports): Promise<Result<PieceProof>> {
  return await asResult(async () => await withKeys(job.keys, async (keys) => {
    const prover = new PieceProver(job.piece, keys);
    const crc64 = await sealSlices({ source: job.source, piece: job.piece, keys, see: (slice) => prover.update(slice) }, slab, ports);
    return { ...prover.proof(), crc64 };
  }));
}

/** Pass 2 on one piece: send it, sealed again from a fresh read unless pass 1 has left it in its slab. */
export async function sendPiece(job: SendJob, slab: Buffer, ports: Ports): Promise<Result<SentPart>> {
  return await asResult(async () => {
    const crc64 = job.from.kind === 'held' ? job.from.crc64 : await sealAgain(job, job.from, slab, ports);
    const number = job.piece.index + 1;
    if (job.presentEtag !== undefined && sameEtag(job.presentEtag, slab)) {
      return { part: { number, etag: job.presentEtag, sizeBytes: slab.length }, crc64, sent: false };
    }
    const upload = { key: job.key, uploadId: job.uploadId, number };
    const options = { crc64, ...(job.metadata === undefined ? {} : { metadata: job.metadata }) };
    return { part: await ports.store.uploadPart(upload, slab, options), crc64, sent: true };
  });
}

/** The part rule: what leaves is what pass 1 saw. @throws SealiftError `unstable` when the file changed in between */
async function sealAgain({ piece, keys: sealKeys, digest, key }: SendJob, source: PieceSource, slab: Buffer, ports: Ports): Promise<bigint> {
  const { found, crc64 } = await withKeys(sealKeys, async (keys) => {
    const gmac = partGmac(deriveMacKey(keys.dataKey, keys.start), keys.start, piece.index);
    const crc64 = await sealSlices({ source, piece, keys, see: (slice) => gmac.update(slice) }, slab, ports);
    return { found: gmac.digest(), crc64 };
  });
  if (crc64 === undefined || !timingSafeEqual(found, digest)) {
    throw new SealiftError('unstable', `${key} changed while it was being sent`, { object: key });
  }
  return crc64;
}

/** Fetches one piece, proves it, and opens it by CTR to write or compare it; the proof decides later whether it may stay. */
export async function fetchPiece(job: FetchJob, slab: Buffer, ports: Ports): Promise<Result<PieceProof>> {
  return await asResult(async () => {
    const { piece } = job;
    await fetchInto(ports.store, { key: job.key, etag: job.etag, offset: piece.offset }, slab);
    const proof = await withKeys(job.keys, (keys) => openSlices(job, keys, slab, ports));
    if (job.against !== undefined) {
      compareWithLocal(localPath(ports.context.root, job.against), slab, piece.offset);
    }
    return proof;
  });
}

/**
 * Each slice is authenticated, and opened if anybody wants the plaintext, while it is in the cache. Written as one: threads
 * wait for each other at a file.
 */
function openSlices({ piece, into, against, key, sealed }: FetchJob, keys: PieceKeys, slab: Buffer, ports: Ports): PieceProof {
  const prover = sealed ? new PieceProver(piece, keys) : undefined;
  const isWanted = into !== undefined || against !== undefined;
  const ctr = isWanted ? new CtrStream(keys.dataKey, keys.start, piece.offset) : undefined;
  for (let at = 0; at < slab.length; at += SLICE_BYTES) {
    const slice = slab.subarray(at, at + SLICE_BYTES);
    prover?.update(slice);
    ctr?.apply(slice);
  }
  if (into !== undefined) {
    alone(into.turn, () => writePiece(into.fd, slab, piece.offset, { name: key, ports }));
  }
  return prover?.proof() ?? emptyProof(piece);
}

function emptyProof(piece: Piece): PieceProof {
  return { index: piece.index, bytes: piece.bytes, digest: new Uint8Array(0), ghash: new Uint8Array(0) };
}

function writePiece(fd: number, data: Buffer, position: number, { name, ports }: { name: string; ports: Ports }): void {
  try {
    const write = ports.context.pull?.preserveSparse === true ? writeAroundHoles : writeFully;
    write(fd, data, position);
  } catch (error) {
    throw writeFailure(error, name);
  }
}

function sameEtag(etag: string, body: Buffer): boolean {
  return createHash('md5').update(body).digest('hex') === etag.toLowerCase();
}

async function asResult<T>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}
