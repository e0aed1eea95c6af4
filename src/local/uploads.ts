import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { compareKeys } from './key-order.js';

export interface Part {
  readonly number: number;
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  /** Decimal. */
  readonly crc64: string;
  /** Name in the directory of the upload. */
  readonly file: string;
  readonly modifiedMs: number;
}

export interface Upload {
  readonly uploadId: string;
  readonly key: string;
  readonly initiatedMs: number;
  /** Lower-case names: what Initiate was told. */
  readonly headers: Readonly<Record<string, string>>;
  /** By number. */
  readonly parts: Map<number, Part>;
}

const schema = z.object({ key: z.string(), initiatedMs: z.number(), headers: z.record(z.string(), z.string()) });

const UPLOAD_FILE = 'upload.json';
const PART_FILE = /^part-(\d{5})-(\d+)-([0-9A-F]{32})-(\d+)-([0-9a-f]+)$/u;

/**
 * Multipart uploads that are neither completed nor aborted. Each has a directory with `upload.json`, which makes it
 * pending, and one file per part, whose name says all that is known of it. A completed object keeps the directory.
 */
export class Uploads {
  readonly #directory: string;
  readonly #pending = new Map<string, Upload>();

  /** @param isObject whether a directory belongs to a completed object */
  constructor(directory: string, isObject: (uploadId: string) => boolean) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const uploadId of readdirSync(directory)) {
      this.#load(uploadId, isObject(uploadId));
    }
  }

  initiate(key: string, headers: Readonly<Record<string, string>>, nowMs: number): Upload {
    const uploadId = randomBytes(16).toString('hex').toUpperCase();
    const upload: Upload = { uploadId, key, initiatedMs: nowMs, headers, parts: new Map() };
    mkdirSync(this.pathOf(uploadId), { mode: 0o700 });
    writeFileSync(join(this.pathOf(uploadId), `${UPLOAD_FILE}.tmp`), JSON.stringify({ key, initiatedMs: nowMs, headers }), { mode: 0o600 });
    renameSync(join(this.pathOf(uploadId), `${UPLOAD_FILE}.tmp`), join(this.pathOf(uploadId), UPLOAD_FILE));
    this.#pending.set(uploadId, upload);
    return upload;
  }

  /** The upload, if it is pending and of this key. */
  find(key: string, uploadId: string): Upload | undefined {
    const upload = this.#pending.get(uploadId);
    return upload?.key === key ? upload : undefined;
  }

  /** Sorted by key and upload id. */
  list(): readonly Upload[] {
    return [...this.#pending.values()].sort((a, b) => compareKeys(a.key, b.key) || comparePlain(a.uploadId, b.uploadId));
  }

  pathOf(uploadId: string): string {
    return join(this.#directory, uploadId);
  }

  /** Where the bytes of a part go before {@link addPart}. */
  temporaryPart(uploadId: string): string {
    return join(this.pathOf(uploadId), `tmp-${randomBytes(6).toString('hex')}`);
  }

  /** Takes the bytes at `temporary` for a part, in the place of the one that had its number. */
  addPart(upload: Upload, temporary: string, part: Omit<Part, 'file'>): void {
    const unique = randomBytes(4).toString('hex');
    const file = `part-${String(part.number).padStart(5, '0')}-${part.sizeBytes}-${part.etag}-${part.crc64}-${unique}`;
    renameSync(temporary, join(this.pathOf(upload.uploadId), file));
    const before = upload.parts.get(part.number);
    upload.parts.set(part.number, { ...part, file });
    if (before !== undefined) {
      unlinkSync(join(this.pathOf(upload.uploadId), before.file));
    }
  }

  /** After the object is visible: the directory is the object's from now on, parts that it does not use go. */
  complete(upload: Upload, used: ReadonlySet<string>): void {
    this.#pending.delete(upload.uploadId);
    rmSync(join(this.pathOf(upload.uploadId), UPLOAD_FILE), { force: true });
    for (const { file } of upload.parts.values()) {
      if (!used.has(file)) {
        rmSync(join(this.pathOf(upload.uploadId), file), { force: true });
      }
    }
  }

  /** Forgets the upload; its directory can be removed. */
  abort(upload: Upload): void {
    this.#pending.delete(upload.uploadId);
    rmSync(join(this.pathOf(upload.uploadId), UPLOAD_FILE), { force: true });
  }

  #load(uploadId: string, isObject: boolean): void {
    const uploadFile = join(this.pathOf(uploadId), UPLOAD_FILE);
    if (isObject) {
      // The process died between the object's line in the index and this.
      rmSync(uploadFile, { force: true });
      return;
    }
    if (!existsSync(uploadFile)) {
      rmSync(this.pathOf(uploadId), { recursive: true, force: true });
      return;
    }
    const { key, initiatedMs, headers } = schema.parse(JSON.parse(readFileSync(uploadFile, 'utf8')));
    this.#pending.set(uploadId, { uploadId, key, initiatedMs, headers, parts: this.#loadParts(uploadId) });
  }

  /** Of two files with one number the newer counts: the process died before it removed the other. */
  #loadParts(uploadId: string): Map<number, Part> {
    const found: Part[] = [];
    for (const file of readdirSync(this.pathOf(uploadId))) {
      const path = join(this.pathOf(uploadId), file);
      const part = parsePart(file, statSync(path).mtimeMs);
      if (part !== undefined) {
        found.push(part);
      } else if (file !== UPLOAD_FILE) {
        rmSync(path, { force: true });
      }
    }
    return new Map(found.sort((a, b) => a.modifiedMs - b.modifiedMs).map((part) => [part.number, part]));
  }
}

function parsePart(file: string, modifiedMs: number): Part | undefined {
  const [, number, sizeBytes, etag, crc64] = PART_FILE.exec(file) ?? [];
  if (number === undefined || sizeBytes === undefined || etag === undefined || crc64 === undefined) {
    return undefined;
  }
  return { number: Number(number), sizeBytes: Number(sizeBytes), etag, crc64, file, modifiedMs };
}

function comparePlain(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
