import { createHash } from 'node:crypto';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { Crc64 } from '../crypto/crc64.js';
import { LOCAL_SMALL_BODY_BYTES } from '../limits.js';
import type { Payload } from './bucket.js';
import { OssError } from './oss-error.js';

/** The client went away, or a fault made it look so: nobody is left to answer. */
export class Disconnected extends Error {
  static {
    this.prototype.name = 'Disconnected';
  }
}

export interface ReceiveOptions {
  /** Where a body goes that is larger than {@link LOCAL_SMALL_BODY_BYTES}. */
  readonly spillTo: string;
  readonly maxBytes: number;
}

const idle: Crc64[] = [];

/**
 * Reads a request body to its end, hashes it, and checks Content-MD5. What was spilled is removed again on failure.
 *
 * @throws OssError InvalidDigest, EntityTooLarge
 * @throws Disconnected
 */
export async function receivePayload(request: IncomingMessage, chunks: AsyncIterable<Buffer>, options: ReceiveOptions): Promise<Payload> {
  if (Number(request.headers['content-length'] ?? 0) > options.maxBytes) {
    throw tooLarge();
  }
  const declared = request.headers['content-md5'];
  const crc = (idle.pop() ?? Crc64.create()).start();
  const md5 = createHash('md5');
  const spill = new Spill(options.spillTo);
  let sizeBytes = 0;
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      if (sizeBytes > options.maxBytes) {
        throw tooLarge();
      }
      md5.update(chunk);
      crc.update(chunk);
      await spill.add(chunk);
    }
    const digest = md5.digest();
    checkMd5(declared, digest);
    return { sizeBytes, etag: digest.toString('hex').toUpperCase(), crc64: crc.digest(), content: await spill.finish() };
  } catch (error) {
    await spill.discard();
    throw error;
  } finally {
    idle.push(crc);
  }
}

/** Reads a small body into memory and checks Content-MD5. */
export async function receiveText(request: IncomingMessage, chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      throw new OssError(400, 'MalformedXML', 'The XML you provided is too large.', { ec: '0030-00000001' });
    }
    parts.push(chunk);
  }
  const body = Buffer.concat(parts);
  checkMd5(request.headers['content-md5'], createHash('md5').update(body).digest());
  return body.toString();
}

export function tooLarge(): OssError {
  return new OssError(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size.', { ec: '0016-00000301' });
}

function checkMd5(declared: string | string[] | undefined, digest: Buffer): void {
  if (declared !== undefined && declared !== digest.toString('base64')) {
    throw new OssError(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.', { ec: '0017-00000503' });
  }
}

/** Keeps a small body in memory and writes a larger one to its file as it comes. */
class Spill {
  readonly #path: string;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #file: FileHandle | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async add(chunk: Buffer): Promise<void> {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > LOCAL_SMALL_BODY_BYTES) {
      await this.#flush();
    }
  }

  /** @returns the body, unless it is in the file */
  async finish(): Promise<Buffer | undefined> {
    if (this.#file === undefined) {
      return Buffer.concat(this.#held);
    }
    await this.#flush();
    await this.#file.close();
    return undefined;
  }

  async discard(): Promise<void> {
    if (this.#file !== undefined) {
      await this.#file.close().catch(() => undefined);
      await rm(this.#path, { force: true });
    }
  }

  async #flush(): Promise<void> {
    this.#file ??= await createFile(this.#path);
    const [held, bytes] = [this.#held, this.#heldBytes];
    this.#held = [];
    this.#heldBytes = 0;
    const { bytesWritten } = held.length === 0 ? { bytesWritten: 0 } : await this.#file.writev(held);
    if (bytesWritten !== bytes) {
      throw new Error(`the disk took ${bytesWritten} of ${bytes} bytes`);
    }
  }
}

async function createFile(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return open(path, 'wx', 0o600);
}
