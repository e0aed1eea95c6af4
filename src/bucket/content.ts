import { Readable } from 'node:stream';
import { buffer as collect } from 'node:stream/consumers';
import { applyCtr, CtrStream } from '../crypto/ctr.js';
import { parseAttributes } from '../envelope/authentication.js';
import { SealiftError } from '../errors.js';
import { fetchInto } from '../run/fetch-into.js';
import type { ObjectHead } from '../store/store.js';
import type { BucketPorts } from './bucket-ports.js';
import type { Spooled } from './fetch-pieces.js';
import type { Opened } from './opened.js';
import type { GetObjectOptions, ObjectInformation, OpenedObject, SavedObject } from './options.js';
import { fromHeaders } from './user-metadata.js';

export function informationOf(name: string, { sizeBytes, etag, lastModified, metadata }: ObjectHead): ObjectInformation {
  return { name, sizeBytes, etag, lastModified, metadata: fromHeaders(metadata) };
}

export function describedContent({ name, head, opened }: Opened, authenticated: boolean): SavedObject {
  const attributes = parseAttributes(opened.sealed?.authentication.attributes ?? '');
  return { ...informationOf(name, head), attributes, sealed: opened.sealed !== undefined, authenticated };
}

/** Plaintext in memory. */
export function bufferContent(described: SavedObject, plaintext: Buffer): OpenedObject {
  const content = Readable.from(plaintext.length === 0 ? [] : [plaintext], { objectMode: false });
  const drain = (): Promise<Buffer> => {
    content.destroy();
    return Promise.resolve(plaintext);
  };
  return withReaders(described, { content, contentBytes: plaintext.length, drain });
}

/** Verified ciphertext on disk, opened as it is read. Owns file and data key until the stream is closed. */
export function spooledContent(described: SavedObject, { body, keys, spool }: Spooled): OpenedObject {
  const content = Readable.from(opened({ body, keys, spool }), { objectMode: false });
  content.once('close', () => {
    keys.dataKey.wipe();
    spool.close().catch(() => undefined);
  });
  return withReaders(described, { content, contentBytes: body.sizeBytes, drain: () => collect(content) });
}

/** Bytes of a range, opened as they come; nothing authenticates them. */
export function rangeContent(described: SavedObject, object: Opened, options: GetObjectOptions, ports: BucketPorts): OpenedObject {
  const range = checkedRange(object, options);
  const content = Readable.from(rangeOf(object, range, options, ports), { objectMode: false });
  content.once('close', () => object.opened.keys.dataKey.wipe());
  return withReaders(described, { content, contentBytes: range.end - range.start, drain: () => collect(content) });
}

interface Source extends Pick<OpenedObject, 'content' | 'contentBytes'> {
  /** All that the stream would have said, which it does not say any more. */
  readonly drain: () => Promise<Buffer>;
}

function withReaders(described: SavedObject, { content, contentBytes, drain }: Source): OpenedObject {
  const buffer = async (): Promise<Buffer> => {
    refuseTaken(content);
    return await drain();
  };
  return { ...described, content, contentBytes, buffer, text: async () => (await buffer()).toString('utf8') };
}

/** What a stream has said already would be missing without a word: all of it, once it has ended. */
function refuseTaken(content: Readable): void {
  if (content.readableFlowing !== null || content.destroyed || Readable.isDisturbed(content)) {
    throw new TypeError('the content was read or destroyed already: get the object again');
  }
}

async function* opened({ body, keys }: Spooled): AsyncGenerator<Buffer> {
  for (const piece of body.pieces) {
    const plaintext = Buffer.allocUnsafeSlow(piece.bytes);
    await body.read(plaintext, piece);
    applyCtr(keys.dataKey, keys.start, piece.offset, plaintext);
    yield plaintext;
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
}

async function* rangeOf({ name, head, opened: { keys } }: Opened, { start, end }: Span, { signal, onProgress }: GetObjectOptions, ports: BucketPorts): AsyncGenerator<Buffer> {
  const ctr = new CtrStream(keys.dataKey, keys.startBlock, start);
  for (let offset = start; offset < end; offset += ports.bounds.partBytes) {
    const ciphertext = Buffer.allocUnsafeSlow(Math.min(ports.bounds.partBytes, end - offset));
    await fetchInto(ports.store, { key: name, etag: head.etag, offset, signal }, ciphertext);
    onProgress?.({ movedBytes: offset + ciphertext.length - start, totalBytes: end - start });
    yield ctr.update(ciphertext);
  }
}

/** The range, cut at the end of the object. */
function checkedRange({ name, head }: Opened, { range }: GetObjectOptions): Span {
  const { start, end } = range ?? { start: 0, end: 0 };
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start || start >= head.sizeBytes) {
    throw new SealiftError('usage', `${name}: there is no range from ${start} to ${end} in ${head.sizeBytes} bytes`, {
      object: name,
      remedy: 'Give 0 <= start < end, and a start before the end of the object.',
    });
  }
  return { start, end: Math.min(end, head.sizeBytes) };
}
