import { resolve } from 'node:path';
import type { Attributes } from '../envelope/envelope.js';
import { isSealiftError } from '../errors.js';
import { openSource, type SourceHandle } from '../files/source.js';
import { MAX_ATTEMPTS_PER_FILE } from '../limits.js';
import { partBytesFor } from '../run/effective.js';
import type { BucketPorts } from './bucket-ports.js';
import { stopIfAborted } from './chunks.js';
import { freezeSource, refuseTooLarge, type PlainSource } from './frozen-body.js';
import type { ObjectContent, PutObjectOptions, PutObjectResult } from './options.js';
import { additionsOf, nextKeys } from './put-common.js';
import { putParts } from './put-parts.js';
import { putStream } from './put-stream.js';
import { putWhole } from './put-whole.js';

/** Content of any kind: in memory, or a stream of unknown length. */
export async function putContent(name: string, content: ObjectContent, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  additionsOf(name, options);
  stopIfAborted(name, options.signal);
  if (typeof content === 'string') {
    return await putSource(name, bufferSource(Buffer.from(content)), options, ports);
  }
  if (content instanceof Uint8Array) {
    return await putSource(name, bufferSource(Buffer.from(content.buffer, content.byteOffset, content.byteLength)), options, ports);
  }
  return await putStream(name, content, options, ports);
}

/** A file, which must not change meanwhile: one that does is started again with a fresh data key, three times at most. */
export async function putFile(name: string, path: string, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  additionsOf(name, options);
  for (let attempt = 1; ; attempt += 1) {
    stopIfAborted(name, options.signal);
    const file = openSource(Buffer.from(resolve(path)), { followSymlinks: true });
    try {
      return await putSource(name, fileSource(file), options, ports);
    } catch (error) {
      if (!isSealiftError(error) || error.code !== 'unstable' || attempt >= MAX_ATTEMPTS_PER_FILE) {
        throw error;
      }
    } finally {
      file.close();
    }
  }
}

type Source = PlainSource & Attributes;

function bufferSource(bytes: Buffer): Source {
  return {
    sizeBytes: bytes.length,
    readAt: (into, position) => void bytes.copy(into, 0, position),
    readAll: (into) => void bytes.copy(into),
    assertUnchanged: () => undefined,
  };
}

function fileSource(file: SourceHandle): Source {
  const { sizeBytes, mode, mtimeNs } = file.stat;
  return {
    sizeBytes, mode, mtimeNs,
    readAt: (into, position) => file.readAt(into, position),
    readAll: (into) => file.readAll(into),
    assertUnchanged: () => file.assertUnchanged(),
  };
}

async function putSource(name: string, source: Source, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  refuseTooLarge(source.sizeBytes);
  if (source.sizeBytes > ports.bounds.singlePutBytes) {
    return await putSourceInParts(name, source, options, ports);
  }
  return await ports.memory.with(source.sizeBytes, async () => {
    const slab = ports.slabs.take(source.sizeBytes);
    try {
      source.readAll(slab);
      return await putWhole(name, { ...attributesOf(source), data: slab }, options, ports);
    } finally {
      ports.slabs.give(slab);
    }
  });
}

async function putSourceInParts(name: string, source: Source, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  const { slabs, bounds, memory } = ports;
  const keys = await nextKeys(name, options, ports);
  const { dataKey } = keys.issued;
  try {
    const pieceBytes = partBytesFor(source.sizeBytes, bounds.partBytes);
    const scan = { pieceBytes, slabs, withMd5: options.contentMd5 !== undefined };
    const body = await memory.with(pieceBytes, () => freezeSource(source, { dataKey, start: keys.startBlock }, scan));
    return await putParts({ name, ...attributesOf(source), body, keys }, options, ports);
  } finally {
    dataKey.wipe();
  }
}

function attributesOf({ mode, mtimeNs }: Attributes): Attributes {
  return { ...(mode === undefined ? {} : { mode }), ...(mtimeNs === undefined ? {} : { mtimeNs }) };
}
