/**
 * A thread of the floor. What it sends opens like any sealed object, because a floor that does less than the format asks
 * would be none; everything else is left out: no walk, no manifest, no retries, no signatures, no checks of the source.
 */
import {
  constants, createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt, randomFillSync,
} from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { Crc64 } from '../../crypto/crc64.js';
import { CIPHER_CHUNK_BYTES } from '../../limits.js';
import type { FloorWork, Piece } from './floor.js';
import { FloorSocket } from './floor-socket.js';

const { job, pieces } = workerData as FloorWork;
const privateKey = createPrivateKey(readFileSync(job.keyFile));
const publicKey = createPublicKey(privateKey);
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;
const crc = Crc64.create();
const port = Number(new URL(job.target.endpoint ?? '').port);
const start = randomFillSync(Buffer.alloc(16));
start.set(Buffer.from('0000000000000002', 'hex'), 8);
const nonce = Buffer.from(start.subarray(0, 12));
const wrappedStart = publicEncrypt({ key: publicKey, ...OAEP }, Buffer.from(BigInt(`0x${start.toString('hex')}`).toString().padStart(40, '0'))).toString('base64');
const keys = Buffer.alloc(8192);
let keyOffset = keys.length;
let next = 0;
const KEY_HEADER = 'x-oss-meta-oss-crypto-key: ';
const made = new Set<string>();
const starts = new Map<string, Buffer>();

await Promise.all(Array.from({ length: job.concurrency }, slot));

async function slot(): Promise<void> {
  const socket = new FloorSocket(port);
  for (let piece = pieces[next]; piece !== undefined; piece = pieces[next]) {
    next += 1;
    await (job.operation === 'push' ? pushPiece(piece, socket) : pullPiece(piece, socket));
  }
  socket.close();
}

async function pushPiece(piece: Piece, socket: FloorSocket): Promise<void> {
  const name = `${job.target.prefix}/${piece.name}`;
  const key = drawKey();
  const wrappedKey = publicEncrypt({ key: publicKey, ...OAEP }, key).toString('base64');
  const prk = createHmac('sha256', start).update(key).digest();
  const aad = Buffer.from(`sealift/1\nname:${name}\nlength:${piece.bytes}\nattributes:\n`);
  const body = Buffer.allocUnsafe(piece.bytes);
  const { tag, mac } = sealInto(body, piece, { key, prk, aad });
  const commitment = createHmac('sha256', expand(prk, 'sealift/1 commitment')).update(aad).update(tag).update(mac).digest('hex');
  const crc64 = crc.digestOf(body).toString();
  const { head } = await socket.send(`PUT /${job.target.bucket}/${name} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${piece.bytes}\r\n\
${KEY_HEADER}${wrappedKey}\r\nx-oss-meta-oss-crypto-start: ${wrappedStart}\r\nx-oss-meta-oss-cek-alg: AES/GCM/NoPadding\r\n\
x-oss-meta-oss-wrap-alg: rsa\r\nx-oss-meta-unencrypted-content-length: ${piece.bytes}\r\nx-oss-meta-sealift-version: 1\r\n\
x-oss-meta-sealift-name: ${name}\r\nx-oss-meta-sealift-tag: ${tag.toString('hex')}\r\nx-oss-meta-sealift-mac: ${mac.toString('hex')}\r\n\
x-oss-meta-sealift-commitment: ${commitment}\r\n\r\n`, body);
  if (!head.includes(crc64)) {
    throw new Error(`the sink holds other bytes of ${name}`);
  }
}

interface Sealing {
  readonly key: Buffer;
  readonly prk: Buffer;
  readonly aad: Buffer;
}

function sealInto(body: Buffer, { path, offset }: Piece, { key, prk, aad }: Sealing): { readonly tag: Buffer; readonly mac: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  const gmac = createCipheriv('aes-256-gcm', expand(prk, 'sealift/1 mac'), nonce);
  const fd = openSync(join(job.directory, path), 'r');
  for (let at = 0; at < body.length; at += CIPHER_CHUNK_BYTES) {
    const chunk = body.subarray(at, at + CIPHER_CHUNK_BYTES);
    readSync(fd, chunk, 0, chunk.length, offset + at);
    chunk.set(cipher.update(chunk));
    gmac.setAAD(chunk);
  }
  closeSync(fd);
  cipher.final();
  gmac.final();
  return { tag: cipher.getAuthTag(), mac: gmac.getAuthTag() };
}

async function pullPiece(piece: Piece, socket: FloorSocket): Promise<void> {
  const name = `${job.target.prefix}/${piece.name}`;
  const { head, body } = await socket.send(`GET /${job.target.bucket}/${name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  const key = privateDecrypt({ key: privateKey, ...OAEP }, Buffer.from(field(head, KEY_HEADER), 'base64'));
  const nonceOf = startOf(field(head, 'x-oss-meta-oss-crypto-start: '));
  const aad = Buffer.from(`sealift/1\nname:${name}\nlength:${piece.bytes}\nattributes:\n`);
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf, { authTagLength: 16 }).setAAD(aad);
  for (let at = 0; at < body.length; at += CIPHER_CHUNK_BYTES) {
    const chunk = body.subarray(at, at + CIPHER_CHUNK_BYTES);
    chunk.set(decipher.update(chunk));
  }
  decipher.setAuthTag(Buffer.from(field(head, 'x-oss-meta-sealift-tag: '), 'hex')).final();
  writeWhole(join(job.directory, piece.name), body);
}

function writeWhole(file: string, body: Buffer): void {
  const directory = dirname(file);
  if (!made.has(directory)) {
    mkdirSync(directory, { recursive: true });
    made.add(directory);
  }
  const fd = openSync(`${file}.part`, 'wx');
  for (let written = 0; written < body.length; ) {
    written += writeSync(fd, body, written);
  }
  closeSync(fd);
  renameSync(`${file}.part`, file);
}

function startOf(wrapped: string): Buffer {
  const known = starts.get(wrapped);
  if (known !== undefined) {
    return known;
  }
  const decimal = privateDecrypt({ key: privateKey, ...OAEP }, Buffer.from(wrapped, 'base64')).toString('latin1');
  const unwrapped = Buffer.from(BigInt(decimal).toString(16).padStart(32, '0'), 'hex').subarray(0, 12);
  starts.set(wrapped, unwrapped);
  return unwrapped;
}

function field(head: string, name: string): string {
  const at = head.indexOf(name) + name.length;
  const end = head.indexOf('\r\n', at);
  return head.slice(at, end === -1 ? undefined : end);
}

function drawKey(): Buffer {
  if (keyOffset + 32 > keys.length) {
    randomFillSync(keys);
    keyOffset = 0;
  }
  keyOffset += 32;
  return keys.subarray(keyOffset - 32, keyOffset);
}

function expand(prk: Buffer, info: string): Buffer {
  return createHmac('sha256', prk).update(`${info}\x01`).digest();
}
