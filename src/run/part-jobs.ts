import { readSync } from 'node:fs';
import { createHash, timingSafeEqual } from 'node:crypto';
import { deriveMacKey } from '../crypto/commitment.js';
import { applyCtr } from '../crypto/ctr.js';
import { DataKey } from '../crypto/data-key.js';
import { partDigest } from '../crypto/part-digest.js';
import { StartBlock } from '../crypto/start-block.js';
import { SealiftError, toFailure } from '../errors.js';
import { readFailure, writeFailure } from '../files/errno.js';
import { writeAroundHoles, writeFully } from '../files/sparse.js';
import { fetchInto } from './fetch-into.js';
import type { FetchJob, IssuedKeys, Piece, PieceProof, PieceSource, Result, ScanJob, SealKeys, SendJob, SentPart } from './jobs.js';
import { compareWithLocal, localPath } from './local-path.js';
import { proofOf } from './piece-proof.js';
import type { Ports } from './ports.js';
import { sourceOf } from './source-of.js';

export async function issueKeys(ports: Ports): Promise<Result<IssuedKeys>> {
  return await asResult(async () => {
    const { issued, startBlock, wrappedStart } = await ports.starts().next();
    return { keys: { dataKey: issued.dataKey.keyObject, start: startBlock.bytes }, wrappedKey: issued.wrappedKey, wrappedStart };
  });
}

/** Pass 1 on one piece: seal it into its slab and keep what authenticates it. */
export async function scanPiece(job: ScanJob, slab: Buffer, ports: Ports): Promise<Result<PieceProof>> {
  return await asResult(async () => {
    const keys = adopt(job.keys);
    await readPiece(job.source, job.piece, slab, ports);
    applyCtr(keys.dataKey, keys.start, job.piece.offset, slab);
    return proofOf(job.piece, slab, keys);
  });
}

/** Pass 2 on one piece: send it, sealed again from a fresh read unless pass 1 has left it in its slab. */
export async function sendPiece(job: SendJob, slab: Buffer, ports: Ports): Promise<Result<SentPart>> {
  return await asResult(async () => {
    if (job.source !== undefined) {
      await sealAgain(job, job.source, slab, ports);
    }
    const crc64 = ports.crc64.digestOf(slab);
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
async function sealAgain({ piece, keys: sealKeys, digest, key }: SendJob, source: PieceSource, slab: Buffer, ports: Ports): Promise<void> {
  const keys = adopt(sealKeys);
  await readPiece(source, piece, slab, ports);
  applyCtr(keys.dataKey, keys.start, piece.offset, slab);
  const found = partDigest(deriveMacKey(keys.dataKey, keys.start), keys.start, piece.index, slab);
  if (!timingSafeEqual(found, digest)) {
    throw new SealiftError('unstable', `${key} changed while it was being sent`, { object: key });
  }
}

/** Fetches one piece, opens it by CTR, and writes or compares it; the proof decides later whether it may stay. */
export async function fetchPiece(job: FetchJob, slab: Buffer, ports: Ports): Promise<Result<PieceProof>> {
  return await asResult(async () => {
    const keys = adopt(job.keys);
    const { piece } = job;
    await fetchInto(ports.store, { key: job.key, etag: job.etag, offset: piece.offset }, slab);
    const proof = job.sealed ? proofOf(piece, slab, keys) : emptyProof(piece);
    applyCtr(keys.dataKey, keys.start, piece.offset, slab);
    if (job.fd !== undefined) {
      writePiece(job.fd, slab, piece.offset, { name: job.key, ports });
    }
    if (job.against !== undefined) {
      compareWithLocal(localPath(ports.context.root, job.against), slab, piece.offset);
    }
    return proof;
  });
}

interface AdoptedKeys {
  readonly dataKey: DataKey;
  readonly start: StartBlock;
}

function adopt(keys: SealKeys): AdoptedKeys {
  return { dataKey: DataKey.fromKeyObject(keys.dataKey), start: StartBlock.fromBytes(Buffer.from(keys.start)) };
}

function emptyProof(piece: Piece): PieceProof {
  return { index: piece.index, bytes: piece.bytes, digest: new Uint8Array(0), ghash: new Uint8Array(0) };
}

async function readPiece(source: PieceSource, piece: Piece, slab: Buffer, ports: Ports): Promise<void> {
  if (source.kind === 'descriptor') {
    readFully(source.fd, slab, piece.offset);
    return;
  }
  const file = await sourceOf(ports.context, source.path, source.stat);
  try {
    file.readAt(slab, piece.offset);
    file.assertUnchanged();
  } finally {
    file.close();
  }
}

function readFully(fd: number, into: Buffer, position: number): void {
  for (let filled = 0; filled < into.length; ) {
    const count = readSome(fd, into.subarray(filled), position + filled);
    if (count === 0) {
      throw new SealiftError('unstable', 'a temporary file is shorter than what was written to it');
    }
    filled += count;
  }
}

function readSome(fd: number, into: Buffer, position: number): number {
  try {
    return readSync(fd, into, 0, into.length, position);
  } catch (error) {
    throw readFailure(error, 'a temporary file');
  }
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
