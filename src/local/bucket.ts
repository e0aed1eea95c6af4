import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, createReadStream, linkSync, mkdirSync, openSync, readSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { LOCAL_SMALL_BODY_BYTES } from '../limits.js';
import { BucketIndex, type ObjectDetails, type ObjectEntry } from './bucket-index.js';
import { OssError } from './oss-error.js';
import { type Part, type Upload, Uploads } from './uploads.js';

/** A body that has arrived whole: in memory when it is small, else in the file it was received into. */
export interface Payload {
  readonly sizeBytes: number;
  /** MD5 in upper-case hex. */
  readonly etag: string;
  readonly crc64: bigint;
  readonly content: Buffer | undefined;
}

export interface PutConditions {
  readonly forbidOverwrite: boolean;
  readonly nowMs: number;
}

/**
 * One bucket on disk: `index.log` says which objects exist, `data/` holds objects of one piece under running numbers,
 * `uploads/` those that came in parts. No key ever becomes a file name. Bytes are in place before the index line that
 * makes them visible; what no line names is removed on the next start.
 */
export class Bucket {
  readonly index: BucketIndex;
  readonly uploads: Uploads;
  readonly #directory: string;
  readonly #removals = new Set<Promise<void>>();
  #lastNumber = 0;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, 'data'), { recursive: true, mode: 0o700 });
    this.index = new BucketIndex(join(directory, 'index.log'));
    const used = new Set(Array.from(this.index.entries(), ([, { file }]) => file));
    this.uploads = new Uploads(join(directory, 'uploads'), (uploadId) => used.delete(`uploads/${uploadId}`));
    this.#sweep(used);
  }

  /** A path for the bytes of a new object, relative to the bucket. */
  newFile(): string {
    this.#lastNumber += 1;
    const name = this.#lastNumber.toString(16).padStart(10, '0');
    return `data/${name.slice(-2)}/${name}`;
  }

  pathOf(file: string): string {
    return join(this.#directory, file);
  }

  put(key: string, file: string, payload: Payload, { headers, conditions }: { headers: ObjectDetails['headers']; conditions: PutConditions }): ObjectEntry {
    this.checkOverwrite(key, conditions.forbidOverwrite);
    if (payload.content !== undefined) {
      writeNew(this.pathOf(file), payload.content);
    }
    const entry = { sizeBytes: payload.sizeBytes, etag: payload.etag, crc64: String(payload.crc64), modifiedMs: conditions.nowMs, file };
    return this.#commit(key, entry, { headers });
  }

  /** @throws OssError FileAlreadyExists */
  checkOverwrite(key: string, forbidOverwrite: boolean): void {
    if (forbidOverwrite && this.index.get(key) !== undefined) {
      throw new OssError(409, 'FileAlreadyExists', 'The object you specified already exists and can not be overwritten.', { ec: '0026-00000001' });
    }
  }

  complete(upload: Upload, parts: readonly Part[], checksums: { etag: string; crc64: bigint }, conditions: PutConditions): ObjectEntry {
    this.checkOverwrite(upload.key, conditions.forbidOverwrite);
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    const file = `uploads/${upload.uploadId}`;
    const entry = { sizeBytes, etag: checksums.etag, crc64: String(checksums.crc64), modifiedMs: conditions.nowMs, file };
    this.#commit(upload.key, entry, { headers: upload.headers, parts: parts.map((part) => [part.file, part.sizeBytes]) });
    this.uploads.complete(upload, new Set(parts.map((part) => part.file)));
    return entry;
  }

  abort(upload: Upload): void {
    this.uploads.abort(upload);
    this.discard(`uploads/${upload.uploadId}`);
  }

  /** Makes `key` an object with the bytes of another one and with headers of its own, without copying the bytes where the file system can link. */
  copy(source: { bucket: Bucket; key: string; entry: ObjectEntry }, key: string, headers: ObjectDetails['headers'], conditions: PutConditions): ObjectEntry {
    this.checkOverwrite(key, conditions.forbidOverwrite);
    const { parts } = source.bucket.index.details(source.key);
    const from = source.bucket.pathOf(source.entry.file);
    const file = parts === undefined ? this.newFile() : `uploads/${randomBytes(16).toString('hex').toUpperCase()}`;
    if (parts === undefined) {
      linkOrCopy(from, this.pathOf(file));
    } else {
      parts.forEach(([name]) => linkOrCopy(join(from, name), join(this.pathOf(file), name)));
    }
    return this.#commit(key, { ...source.entry, modifiedMs: conditions.nowMs, file }, { headers, parts });
  }

  remove(key: string): void {
    const entry = this.index.get(key);
    if (entry !== undefined) {
      this.index.remove(key);
      this.discard(entry.file);
    }
  }

  /** Bytes `start` to `end` (excluded) of an object. What it returns stays readable when the object is replaced meanwhile. */
  read(key: string, start: number, end: number): Buffer | Readable {
    const entry = this.index.get(key);
    if (entry === undefined || start === end) {
      return Buffer.alloc(0);
    }
    const { parts } = this.index.details(key);
    const path = this.pathOf(entry.file);
    if (parts !== undefined) {
      return Readable.from(readParts(path, parts, start, end), { objectMode: false });
    }
    const descriptor = openSync(path, 'r');
    if (end - start > LOCAL_SMALL_BODY_BYTES) {
      return createReadStream(path, { fd: descriptor, start, end: end - 1, highWaterMark: LOCAL_SMALL_BODY_BYTES });
    }
    try {
      const bytes = Buffer.allocUnsafe(end - start);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, start));
    } finally {
      closeSync(descriptor);
    }
  }

  /** Removes bytes that are no longer visible, or never were. */
  discard(file: string): void {
    const removal = rm(this.pathOf(file), { recursive: true, force: true }).catch(() => undefined);
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals);
    this.index.close();
  }

  #commit(key: string, entry: ObjectEntry, details: ObjectDetails): ObjectEntry {
    const before = this.index.get(key);
    this.index.put(key, entry, details);
    if (before !== undefined) {
      this.discard(before.file);
    }
    return entry;
  }

  /** Removes files of objects that were never acknowledged, and objects whose files are gone. */
  #sweep(missing: Set<string>): void {
    for (const folder of readdirSync(this.pathOf('data'))) {
      for (const name of readdirSync(this.pathOf(`data/${folder}`))) {
        this.#lastNumber = Math.max(this.#lastNumber, Number.parseInt(name, 16));
        if (!missing.delete(`data/${folder}/${name}`)) {
          rmSync(this.pathOf(`data/${folder}/${name}`), { force: true });
        }
      }
    }
    const lost = Array.from(this.index.entries()).filter(([, { file }]) => missing.has(file));
    lost.forEach(([key]) => this.index.remove(key));
  }
}

async function* readParts(directory: string, parts: NonNullable<ObjectDetails['parts']>, start: number, end: number): AsyncGenerator<Buffer> {
  let partStart = 0;
  for (const [name, sizeBytes] of parts) {
    const [from, to] = [Math.max(start - partStart, 0), Math.min(end - partStart, sizeBytes)];
    partStart += sizeBytes;
    if (from < to) {
      yield* readFileRange(join(directory, name), from, to);
    }
  }
}

async function* readFileRange(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(LOCAL_SMALL_BODY_BYTES, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) {
        throw new Error(`a local object is shorter than recorded: ${path}`);
      }
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function writeNew(path: string, content: Buffer): void {
  withDirectory(path, () => writeFileSync(path, content, { flag: 'wx', mode: 0o600 }));
}

function linkOrCopy(from: string, to: string): void {
  withDirectory(to, () => {
    try {
      linkSync(from, to);
    } catch (error) {
      if (isMissing(error)) {
        throw error;
      }
      copyFileSync(from, to);
    }
  });
}

/** Directories are made when the first file needs them: asking beforehand would cost a system call per object. */
function withDirectory(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    write();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
