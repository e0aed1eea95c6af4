/**
 * Pulls of the floor: what docs/FORMAT.md asks of every reader, and no more. The HEAD is judged before a byte of the body is
 * asked for; checksum, tag and mac of the body, and the file is on disk, before it gets its name.
 */
import { createCipheriv, createDecipheriv, privateDecrypt, timingSafeEqual, type KeyObject } from 'node:crypto';
import { closeSync, fsync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Crc64 } from '../../crypto/crc64.js';
import { DirectoryHandle } from '../../files/directory.js';
import { writeFully } from '../../files/write.js';
import { CIPHER_CHUNK_BYTES } from '../../limits.js';
import {
  aadOf, COMMITMENT_HEADER, commitmentOf, COUNTER, extract, KEY_HEADER, MAC_HEADER, macKeyOf, NAME_HEADER, START_HEADER, TAG_HEADER,
} from './floor-format.js';
import type { FloorSocket } from './floor-socket.js';
import type { Piece } from './floor.js';
import type { Job } from './job.js';

const fsyncAsync = promisify(fsync);

interface Opening {
  readonly key: Buffer;
  readonly macKey: Buffer;
  readonly nonce: Buffer;
  readonly aad: Buffer;
  readonly tag: Buffer;
  readonly mac: Buffer;
}

export class FloorPull {
  readonly #job: Job;
  readonly #privateKey: KeyObject;
  readonly #crc = Crc64.create();
  readonly #starts = new Map<string, Buffer>();
  readonly #root: DirectoryHandle;
  readonly #directories = new Map<string, DirectoryHandle | undefined>();

  constructor(job: Job, privateKey: KeyObject) {
    this.#job = job;
    this.#privateKey = privateKey;
    this.#root = DirectoryHandle.open(Buffer.from(job.directory));
  }

  async move(piece: Piece, socket: FloorSocket): Promise<void> {
    const { bucket, prefix } = this.#job.target;
    const name = `${prefix}/${piece.name}`;
    const { head } = await socket.send(`HEAD /${bucket}/${name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    const opening = this.#judge(head, name);
    const got = await socket.send(`GET /${bucket}/${name} HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-Match: ${field(head, 'ETag: ')}\r\n\r\n`);
    mustMatch(this.#crc.digestOf(got.body).toString() === field(got.head, 'x-oss-hash-crc64ecma: '), name);
    openInPlace(got.body, opening, name);
    await this.#land(piece.name, got.body);
  }

  /** All that can be known before the body. */
  #judge(head: string, name: string): Opening {
    const length = field(head, 'Content-Length: ');
    const key = this.#unwrap(field(head, KEY_HEADER));
    const start = this.#startOf(field(head, START_HEADER));
    const [tag, mac] = [Buffer.from(field(head, TAG_HEADER), 'hex'), Buffer.from(field(head, MAC_HEADER), 'hex')];
    const isWellFormed = key.length === 32 && start.toString('hex', 8) === COUNTER && field(head, 'x-oss-meta-sealift-version: ') === '1';
    mustMatch(isWellFormed && field(head, NAME_HEADER) === name && field(head, 'x-oss-meta-unencrypted-content-length: ') === length, name);
    const prk = extract(start, key);
    const aad = aadOf(name, Number(length));
    mustMatch(timingSafeEqual(commitmentOf({ prk, aad, tag, mac }), Buffer.from(field(head, COMMITMENT_HEADER), 'hex')), name);
    return { key, macKey: macKeyOf(prk), nonce: start.subarray(0, 12), aad, tag, mac };
  }

  #startOf(wrapped: string): Buffer {
    const known = this.#starts.get(wrapped);
    if (known !== undefined) {
      return known;
    }
    const start = Buffer.from(BigInt(this.#unwrap(wrapped).toString('latin1')).toString(16).padStart(32, '0'), 'hex');
    this.#starts.set(wrapped, start);
    return start;
  }

  #unwrap(wrapped: string): Buffer {
    return privateDecrypt(this.#privateKey, Buffer.from(wrapped, 'base64'));
  }

  /** Durably, in the order and by the calls of our own pull: content, name, directory. */
  async #land(name: string, body: Buffer): Promise<void> {
    const directory = this.#directoryOf(name.slice(0, name.indexOf('/')));
    const file = join(this.#job.directory, name);
    const fd = openSync(`${file}.part`, 'wx', 0o600);
    writeFully(fd, body, 0);
    await fsyncAsync(fd);
    closeSync(fd);
    renameSync(`${file}.part`, file);
    await directory?.sync();
  }

  #directoryOf(name: string): DirectoryHandle | undefined {
    if (!this.#directories.has(name)) {
      this.#directories.set(name, this.#root.enter(Buffer.from(name), name, true));
    }
    return this.#directories.get(name);
  }
}

function openInPlace(body: Buffer, { key, macKey, nonce, aad, tag, mac }: Opening, name: string): void {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAAD(aad);
  const gmac = createCipheriv('aes-256-gcm', macKey, nonce);
  for (let at = 0; at < body.length; at += CIPHER_CHUNK_BYTES) {
    const chunk = body.subarray(at, at + CIPHER_CHUNK_BYTES);
    gmac.setAAD(chunk);
    chunk.set(decipher.update(chunk));
  }
  gmac.final();
  decipher.setAuthTag(tag).final();
  mustMatch(timingSafeEqual(gmac.getAuthTag(), mac), name);
}

function field(head: string, name: string): string {
  const at = head.indexOf(name) + name.length;
  const end = head.indexOf('\r\n', at);
  return head.slice(at, end === -1 ? undefined : end);
}

function mustMatch(claim: boolean, name: string): void {
  if (!claim) {
    throw new Error(`${name} is not what was pushed`);
  }
}
