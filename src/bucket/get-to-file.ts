import { basename, dirname, resolve } from 'node:path';
import { applyCtr } from '../crypto/ctr.js';
import { AtomicFile } from '../files/atomic.js';
import { DirectoryHandle } from '../files/directory.js';
import { encodePath } from '../files/path-encoding.js';
import { fetchInto } from '../run/fetch-into.js';
import { openBody } from '../run/opening.js';
import type { BucketPorts } from './bucket-ports.js';
import { describedContent } from './content.js';
import { fetchPieces } from './fetch-pieces.js';
import { withOpened, type Opened } from './opened.js';
import type { GetObjectToFileOptions, SavedObject } from './options.js';

/** The file gets its name, mode and time when every byte of it is verified and on disk. */
export async function getToFile(name: string, path: string, options: GetObjectToFileOptions, ports: BucketPorts): Promise<SavedObject> {
  const target = resolve(path);
  const directory = DirectoryHandle.open(Buffer.from(dirname(target)));
  try {
    return await withOpened(name, options, ports, async (object) => {
      const file = AtomicFile.create({ directory, name: Buffer.from(basename(target)), label: encodePath(Buffer.from(target)) });
      return await fill(file, object, options, ports);
    });
  } finally {
    directory.release();
  }
}

async function fill(file: AtomicFile, object: Opened, options: GetObjectToFileOptions, ports: BucketPorts): Promise<SavedObject> {
  const { head, opened } = object;
  const saved = describedContent(object, opened.sealed !== undefined);
  try {
    file.preallocate(head.sizeBytes);
    await (head.sizeBytes <= ports.bounds.singlePutBytes ? writeWhole(file, object, options, ports) : writePieces(file, object, options, ports));
    await file.commit({ ...saved.attributes, overwrite: options.overwrite ?? true });
  } catch (error) {
    file.discard();
    throw error;
  }
  opened.keys.dataKey.wipe();
  return saved;
}

async function writeWhole(file: AtomicFile, { name, head, opened }: Opened, options: GetObjectToFileOptions, ports: BucketPorts): Promise<void> {
  const totalBytes = head.sizeBytes;
  await ports.memory.with(totalBytes, async () => {
    const slab = ports.slabs.take(totalBytes);
    try {
      await fetchInto(ports.store, { key: name, etag: head.etag, offset: 0, signal: options.signal }, slab);
      openBody(name, opened, slab);
      file.writeAt(slab, 0);
    } finally {
      ports.slabs.give(slab);
    }
  });
  options.onProgress?.({ movedBytes: totalBytes, totalBytes });
}

async function writePieces(file: AtomicFile, object: Opened, options: GetObjectToFileOptions, ports: BucketPorts): Promise<void> {
  const { dataKey, startBlock } = object.opened.keys;
  const write = ({ offset }: { readonly offset: number }, bytes: Buffer): void => {
    applyCtr(dataKey, startBlock, offset, bytes);
    file.writeAt(bytes, offset);
  };
  await fetchPieces(object, write, options, ports);
}
