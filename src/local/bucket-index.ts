import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { SealiftError } from '../errors.js';
import { MiB } from '../limits.js';
import { KeyOrder } from './key-order.js';

/** What is kept in memory of an object. */
export interface ObjectEntry {
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  /** Decimal. */
  readonly crc64: string;
  readonly modifiedMs: number;
  /** The file with the bytes, or the directory with the parts, relative to the bucket. */
  readonly file: string;
  /** Where the bytes begin in the file. */
  readonly start: number;
  /** Absent for Standard. */
  readonly storageClass?: string | undefined;
}

/** What is read from the index when it is asked for. */
export interface ObjectDetails {
  /** Lower-case names: what Put or Initiate was told, and what Get and Head answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** File names in the directory, and bytes; absent for an object in one file. */
  readonly parts?: readonly (readonly [file: string, sizeBytes: number])[] | undefined;
}

interface Placed extends ObjectEntry {
  /** Where the details stand in the index file, in bytes. */
  readonly lineStart: number;
  readonly lineBytes: number;
}

const entrySchema = z.tuple([z.string(), z.number(), z.string(), z.string(), z.number(), z.string(), z.number(), z.string().optional()]);
const detailsSchema = z.object({
  headers: z.record(z.string(), z.string()),
  parts: z.array(z.tuple([z.string(), z.number()])).optional(),
});

/** Lines that may be obsolete before a start rewrites the file. */
const SLACK_LINES = 1000;

/**
 * The objects of a bucket: an append-only file whose lines are the commit points. An object exists when its line does, so
 * a process that dies at any instant leaves the old object or the new one. Lines are not synced: they survive the death of
 * the process, not that of the machine.
 */
export class BucketIndex {
  readonly #path: string;
  readonly #entries = new Map<string, Placed>();
  readonly #order = new KeyOrder();
  #descriptor: number;
  #size = 0;
  #lines = 0;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, 'a+', 0o600);
    this.#replay();
    if (this.#lines > 2 * this.#entries.size + SLACK_LINES) {
      this.#compact();
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): ObjectEntry | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<[string, ObjectEntry]> {
    return this.#entries.entries();
  }

  /** All keys in the order of their UTF-8 bytes. */
  keys(): readonly string[] {
    return this.#order.sorted((key) => this.#entries.has(key));
  }

  details(key: string): ObjectDetails {
    const placed = this.#entries.get(key);
    if (placed === undefined) {
      throw new Error('details of an unknown key');
    }
    return detailsSchema.parse(JSON.parse(this.#readDetails(placed)));
  }

  /** Makes the object visible, in the place of the one that had its key. */
  put(key: string, entry: ObjectEntry, details: ObjectDetails): void {
    const line = lineOf(key, entry, JSON.stringify(details));
    const start = this.#append(line.text);
    this.#remember(key, { ...entry, lineStart: start + line.detailsOffset, lineBytes: line.detailsBytes });
  }

  remove(key: string): void {
    this.#append(`-\t${JSON.stringify(key)}\n`);
    this.#forget(key);
  }

  close(): void {
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
  }

  #remember(key: string, placed: Placed): void {
    if (!this.#entries.has(key)) {
      this.#order.add(key);
    }
    this.#entries.set(key, placed);
  }

  #forget(key: string): void {
    this.#entries.delete(key);
    this.#order.remove();
  }

  /** @returns where the line begins */
  #append(line: string): number {
    const start = this.#size;
    const bytes = Buffer.from(line);
    try {
      writeAll(this.#descriptor, bytes);
    } catch (error) {
      // A full disk may have taken half a line, which would swallow the next one.
      ftruncateSync(this.#descriptor, start);
      throw error;
    }
    this.#size += bytes.length;
    this.#lines += 1;
    return start;
  }

  #readDetails({ lineStart: offset, lineBytes: bytes }: Placed): string {
    const buffer = Buffer.allocUnsafe(bytes);
    for (let read = 0; read < bytes; ) {
      const more = readSync(this.#descriptor, buffer, read, bytes - read, offset + read);
      if (more === 0) {
        throw damaged(this.#path, offset);
      }
      read += more;
    }
    return buffer.toString();
  }

  #replay(): void {
    const chunk = Buffer.allocUnsafe(MiB);
    let rest: Buffer = Buffer.alloc(0);
    for (let at = 0, read; (read = readSync(this.#descriptor, chunk, 0, chunk.length, at)) > 0; at += read) {
      const data = Buffer.concat([rest, chunk.subarray(0, read)]);
      let start = 0;
      for (let end; (end = data.indexOf(0x0a, start)) >= 0; start = end + 1) {
        this.#replayLine(data.subarray(start, end));
      }
      rest = data.subarray(start);
    }
    if (rest.length > 0) {
      // Half a line: the process died while it wrote it, and its object was never acknowledged.
      ftruncateSync(this.#descriptor, this.#size);
    }
  }

  #replayLine(line: Buffer): void {
    const [kind, head, tail] = splitLine(line);
    if (kind === '+' && tail !== undefined) {
      const [key, sizeBytes, etag, crc64, modifiedMs, file, start, storageClass] = this.#parse(entrySchema, head);
      const lineStart = this.#size + line.length - tail.length;
      this.#remember(key, { sizeBytes, etag, crc64, modifiedMs, file, start, storageClass, lineStart, lineBytes: tail.length });
    } else if (kind === '-' && tail === undefined) {
      this.#forget(this.#parse(z.string(), head));
    } else {
      throw damaged(this.#path, this.#size);
    }
    this.#size += line.length + 1;
    this.#lines += 1;
  }

  #parse<T>(schema: z.ZodType<T>, json: Buffer): T {
    try {
      return schema.parse(JSON.parse(json.toString()));
    } catch {
      throw damaged(this.#path, this.#size);
    }
  }

  #compact(): void {
    const temporary = `${this.#path}.new`;
    const descriptor = openSync(temporary, 'w+', 0o600);
    let position = 0;
    for (const [key, placed] of this.#entries) {
      const line = lineOf(key, placed, this.#readDetails(placed));
      this.#entries.set(key, { ...placed, lineStart: position + line.detailsOffset });
      position += writeAll(descriptor, Buffer.from(line.text));
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
    closeSync(this.#descriptor);
    renameSync(temporary, this.#path);
    this.#descriptor = openSync(this.#path, 'a+', 0o600);
    this.#size = position;
    this.#lines = this.#entries.size;
  }
}

function writeAll(descriptor: number, bytes: Buffer): number {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written);
  }
  return bytes.length;
}

function lineOf(key: string, entry: ObjectEntry, details: string) {
  const { sizeBytes, etag, crc64, modifiedMs, file, start, storageClass } = entry;
  const facts = [key, sizeBytes, etag, crc64, modifiedMs, file, start, ...(storageClass === undefined ? [] : [storageClass])];
  const head = `+\t${JSON.stringify(facts)}\t`;
  return { text: `${head}${details}\n`, detailsOffset: Buffer.byteLength(head), detailsBytes: Buffer.byteLength(details) };
}

/** JSON escapes tabs, so a tab always separates. */
function splitLine(line: Buffer): [kind: string, head: Buffer, tail: Buffer | undefined] {
  const kindEnd = line.indexOf(0x09);
  const headEnd = line.indexOf(0x09, kindEnd + 1);
  const kind = line.toString('latin1', 0, Math.max(kindEnd, 0));
  return headEnd < 0 ? [kind, line.subarray(kindEnd + 1), undefined] : [kind, line.subarray(kindEnd + 1, headEnd), line.subarray(headEnd + 1)];
}

function damaged(path: string, offset: number): SealiftError {
  return new SealiftError('unreadable', `the index of a local bucket is damaged at byte ${offset}: ${path}`, {
    object: path,
    remedy: 'Restore it from a backup, or remove the directory that holds it and push again: nothing was changed.',
  });
}
