/** Pushes of the floor: a file is read, sealed, checksummed and sent, and the answer's checksum compared. */
import { createCipheriv, publicEncrypt, randomFillSync, type KeyObject } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Crc64 } from '../../crypto/crc64.js';
import { CIPHER_CHUNK_BYTES } from '../../limits.js';
import {
  aadOf, COMMITMENT_HEADER, commitmentOf, COUNTER, extract, KEY_HEADER, MAC_HEADER, macKeyOf, NAME_HEADER, START_HEADER, TAG_HEADER,
} from './floor-format.js';
import type { FloorSocket } from './floor-socket.js';
import type { Piece } from './floor.js';
import type { Job } from './job.js';

interface Sealing {
  readonly key: Buffer;
  readonly prk: Buffer;
  readonly aad: Buffer;
}

export class FloorPush {
  readonly #job: Job;
  readonly #publicKey: KeyObject;
  readonly #crc = Crc64.create();
  readonly #start = randomFillSync(Buffer.alloc(16));
  readonly #nonce: Buffer;
  readonly #wrappedStart: string;
  readonly #keys = Buffer.alloc(8192);
  #keyOffset = this.#keys.length;
  /** Used again and again: fresh memory is dear. */
  readonly #free: Buffer[] = [];
  readonly #largest: number;

  constructor(job: Job, publicKey: KeyObject, largest: number) {
    this.#job = job;
    this.#largest = largest;
    this.#publicKey = publicKey;
    this.#start.set(Buffer.from(COUNTER, 'hex'), 8);
    this.#nonce = this.#start.subarray(0, 12);
    this.#wrappedStart = this.#wrap(Buffer.from(BigInt(`0x${this.#start.toString('hex')}`).toString().padStart(40, '0')));
  }

  async move(piece: Piece, socket: FloorSocket): Promise<void> {
    const { bucket, prefix } = this.#job.target;
    const name = `${prefix}/${piece.name}`;
    const key = this.#drawKey();
    const wrappedKey = this.#wrap(key);
    const prk = extract(this.#start, key);
    const aad = aadOf(name, piece.bytes);
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#largest);
    const body = memory.subarray(0, piece.bytes);
    const { tag, mac } = this.#sealInto(body, piece, { key, prk, aad });
    const commitment = commitmentOf({ prk, aad, tag, mac }).toString('hex');
    const crc64 = this.#crc.digestOf(body).toString();
    const { head } = await socket.send(`PUT /${bucket}/${name} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${piece.bytes}\r\n\
${KEY_HEADER}${wrappedKey}\r\n${START_HEADER}${this.#wrappedStart}\r\nx-oss-meta-oss-cek-alg: AES/GCM/NoPadding\r\n\
x-oss-meta-oss-wrap-alg: rsa\r\nx-oss-meta-unencrypted-content-length: ${piece.bytes}\r\nx-oss-meta-sealift-version: 1\r\n\
${NAME_HEADER}${name}\r\n${TAG_HEADER}${tag.toString('hex')}\r\n${MAC_HEADER}${mac.toString('hex')}\r\n\
${COMMITMENT_HEADER}${commitment}\r\n\r\n`, body);
    if (!head.includes(crc64)) {
      throw new Error(`the sink holds other bytes of ${name}`);
    }
    this.#free.push(memory);
  }

  #sealInto(body: Buffer, { path, offset }: Piece, { key, prk, aad }: Sealing): { readonly tag: Buffer; readonly mac: Buffer } {
    const cipher = createCipheriv('aes-256-gcm', key, this.#nonce).setAAD(aad);
    const gmac = createCipheriv('aes-256-gcm', macKeyOf(prk), this.#nonce);
    const fd = openSync(join(this.#job.directory, path), 'r');
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

  #wrap(data: Buffer): string {
    return publicEncrypt(this.#publicKey, data).toString('base64');
  }

  #drawKey(): Buffer {
    if (this.#keyOffset + 32 > this.#keys.length) {
      randomFillSync(this.#keys);
      this.#keyOffset = 0;
    }
    this.#keyOffset += 32;
    return this.#keys.subarray(this.#keyOffset - 32, this.#keyOffset);
  }
}
