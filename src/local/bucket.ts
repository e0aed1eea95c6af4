import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, createReadStream, linkSync, mkdirSync, openSync, readSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { LOCAL_SMALL_BODY_BYTES } from '../limits.js';
import { BucketIndex, type ObjectDetails, type ObjectEntry } from './bucket-index.js';
import { storageClassOf } from './metadata.js';
import { OssError } from './oss-error.js';
import { Packs } from './packs.js';
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

export interface CopySource {
  readonly bucket: Bucket;
  readonly key: string;
  readonly entry: ObjectEntry;
}

/**
 * One bucket on disk: `index.log` says which objects exist, `packs/` holds small ones, `data/` large ones under running
 * numbers, `uploads/` those that came in parts. No key ever becomes a file name. Bytes are in place before the index line
 * that makes them visible; what no line names is removed on the next start.
 */
export class Bucket {
  readonly index: BucketIndex;
  readonly uploads: Uploads;
  readonly #packs: Packs;
  readonly #directory: string;
  readonly #removals = new Set<Promise<void>>();
  #lastNumber = 0;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, 'data'), { recursive: true, mode: 0o700 });
    this.index = new BucketIndex(join(directory, 'index.log'));
    const used = countFiles(this.index);
    this.uploads = new Uploads(join(directory, 'uploads'), (uploadId) => used.has(`uploads/${uploadId}`));
    this.#packs = new Packs(join(directory, 'packs'), packsOf(used));
    this.#sweepData(used);
    this.#dropLost();
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
    const { sizeBytes, etag, content } = payload;
    const place = content === undefined ? { file, start: 0 } : this.#pack(content);
    return this.#commit(key, { sizeBytes, etag, crc64: String(payload.crc64), modifiedMs: conditions.nowMs, ...place }, { headers });
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
    const entry = { sizeBytes, etag: checksums.etag, crc64: String(checksums.crc64), modifiedMs: conditions.nowMs, file, start: 0 };
    this.#commit(upload.key, entry, { headers: upload.headers, parts: parts.map((part) => [part.file, part.sizeBytes]) });
    this.uploads.complete(upload, new Set(parts.map((part) => part.file)));
    return entry;
  }

  abort(upload: Upload): void {
    this.uploads.abort(upload);
    this.discard(`uploads/${upload.uploadId}`);
  }

  /**
   * Makes `key` an object with the bytes of another one and with headers of its own, without copying the bytes where the file
   * system can link. Onto itself, an object keeps them where they are.
   */
  copy(source: CopySource, key: string, headers: ObjectDetails['headers'], conditions: PutConditions): ObjectEntry {
    this.checkOverwrite(key, conditions.forbidOverwrite);
    const { parts } = source.bucket.index.details(source.key);
    const isInPlace = source.bucket === this && source.key === key;
    const place = isInPlace ? source.entry : this.#copyBytes(source, parts);
    return this.#commit(key, { ...source.entry, ...place, modifiedMs: conditions.nowMs }, { headers, parts });
  }

  remove(key: string): void {
    const entry = this.index.get(key);
    if (entry !== undefined) {
      this.index.remove(key);
      this.#free(entry);
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
    const [from, to] = [entry.start + start, entry.start + end];
    const descriptor = openSync(path, 'r');
    if (to - from > LOCAL_SMALL_BODY_BYTES) {
      return createReadStream(path, { fd: descriptor, start: from, end: to - 1, highWaterMark: LOCAL_SMALL_BODY_BYTES });
    }
    try {
      const bytes = Buffer.allocUnsafe(to - from);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, from));
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
    this.#packs.close();
    this.index.close();
  }

  #commit(key: string, bytes: ObjectEntry, details: ObjectDetails): ObjectEntry {
    const storageClass = storageClassOf(details.headers);
    const entry = { ...bytes, storageClass: storageClass === 'Standard' ? undefined : storageClass };
    const before = this.index.get(key);
    this.index.put(key, entry, details);
    if (before?.file === entry.file && before.start === entry.start) {
      return entry;
    }
    if (entry.file.startsWith(PACKS)) {
      this.#packs.hold(entry.file.slice(PACKS.length));
    }
    if (before !== undefined) {
      this.#free(before);
    }
    return entry;
  }

  #pack(content: Uint8Array): Pick<ObjectEntry, 'file' | 'start'> {
    const { pack, offset } = this.#packs.append(content);
    return { file: PACKS + pack, start: offset };
  }

  #free({ file }: ObjectEntry): void {
    if (!file.startsWith(PACKS) || this.#packs.release(file.slice(PACKS.length))) {
      this.discard(file);
    }
  }

  #copyBytes({ bucket, key, entry }: CopySource, parts: ObjectDetails['parts']): Pick<ObjectEntry, 'file' | 'start'> {
    const from = bucket.pathOf(entry.file);
    if (parts !== undefined) {
      const file = `uploads/${randomBytes(16).toString('hex').toUpperCase()}`;
      parts.forEach(([name]) => linkOrCopy(join(from, name), join(this.pathOf(file), name)));
      return { file, start: 0 };
    }
    const small = entry.file.startsWith(PACKS) ? bucket.read(key, 0, entry.sizeBytes) : undefined;
    if (Buffer.isBuffer(small)) {
      return this.#pack(small);
    }
    const file = this.newFile();
    linkOrCopy(from, this.pathOf(file));
    return { file, start: 0 };
  }

  /** Removes files of large objects that were never acknowledged. */
  #sweepData(used: ReadonlyMap<string, number>): void {
    for (const folder of readdirSync(this.pathOf('data'))) {
      for (const name of readdirSync(this.pathOf(`data/${folder}`))) {
        this.#lastNumber = Math.max(this.#lastNumber, Number.parseInt(name, 16));
        if (!used.has(`data/${folder}/${name}`)) {
          rmSync(this.pathOf(`data/${folder}/${name}`), { force: true });
        }
      }
    }
  }

  /** Drops objects whose bytes are gone, as after a loss of power: an object that cannot be read must not be listed. */
  #dropLost(): void {
    const sizes = new Map<string, number>();
    const lost: string[] = [];
    for (const [key, { file, start, sizeBytes }] of this.index.entries()) {
      const isPack = file.startsWith(PACKS);
      const size = (isPack ? sizes.get(file) : undefined) ?? sizeOrNone(this.pathOf(file));
      sizes.set(file, size);
      if (size < 0 || (isPack && start + sizeBytes > size)) {
        lost.push(key);
      }
    }
    lost.forEach((key) => this.remove(key));
  }
}

const PACKS = 'packs/';

function countFiles(index: BucketIndex): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, { file }] of index.entries()) {
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  return counts;
}

function packsOf(files: ReadonlyMap<string, number>): Map<string, number> {
  const packs = [...files].filter(([file]) => file.startsWith(PACKS));
  return new Map(packs.map(([file, count]) => [file.slice(PACKS.length), count]));
}

/** -1 for what is not there. */
function sizeOrNone(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
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

function linkOrCopy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
