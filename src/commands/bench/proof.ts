/** What was measured was done: objects are fetched and opened, files are compared with those they came from. */
import { createPrivateKey } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { SealiftError } from '../../errors.js';
import { openBuffer, rsaKey, rsaUnwrapper, type KeyUnwrapper } from '../../format.js';
import { encodePath } from '../../files/names.js';
import { MiB } from '../../limits.js';
import type { ObjectStore } from '../../store/store.js';
import { piecesOf } from './floor.js';
import type { WorkFile } from './job.js';
import { withStore, type Place } from './target.js';
import type { Work } from './work.js';

const SAMPLES = 24;
/** Larger objects are only proven by being pulled. */
const SAMPLE_BYTES = 16 * MiB;

interface Wanted {
  readonly work: Work;
  readonly keyFile: string;
  /** Objects are named like files, or like pieces of the floor. */
  readonly named: 'path' | 'piece';
  readonly signal: AbortSignal;
}

interface Sample {
  readonly name: string;
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Opens a sample of the objects below a prefix, spread over all of them, and compares each with its file. */
export async function proveObjects(place: Place, prefix: string, { work, keyFile, named, signal }: Wanted): Promise<void> {
  const unwrapper = rsaUnwrapper(rsaKey(createPrivateKey(readFileSync(keyFile))));
  const all = named === 'piece' ? piecesOf(work) : work.files.map(({ path, bytes }) => ({ name: encodePath(Buffer.from(path)), path, offset: 0, bytes }));
  const samples = spread(all.filter(({ bytes }) => bytes <= SAMPLE_BYTES));
  await withStore(place, async (store) => {
    for (const sample of samples) {
      await proveObject(store, `${prefix}/${sample.name}`, { sample, unwrapper, directory: work.directory, signal });
    }
  });
}

/** Sizes of all files, contents of a sample. @throws SealiftError `internal` where they differ */
export function proveTree(work: Work, pulled: string): void {
  const present = readdirSync(pulled, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
  if (present !== work.files.length) {
    throw broken(`${present} files were pulled, ${work.files.length} were pushed`);
  }
  for (const { path, bytes } of spread(work.files)) {
    if (!sameContent(join(work.directory, path), join(pulled, path), bytes)) {
      throw broken(`${path} was pulled with other bytes`);
    }
  }
}

interface Evidence {
  readonly sample: Sample;
  readonly unwrapper: KeyUnwrapper;
  readonly directory: string;
  readonly signal: AbortSignal;
}

async function proveObject(store: ObjectStore, name: string, { sample, unwrapper, directory, signal }: Evidence): Promise<void> {
  const { body, metadata } = await store.get(name, { signal });
  const { content, authenticated } = await openBuffer({ body: await buffer(body), metadata }, { name, unwrappers: [unwrapper] });
  const expected = Buffer.alloc(sample.bytes);
  const fd = openSync(join(directory, sample.path), 'r');
  readSync(fd, expected, 0, sample.bytes, sample.offset);
  closeSync(fd);
  if (!authenticated || !content.equals(expected)) {
    throw broken(`${name} opens to other bytes`);
  }
}

function sameContent(one: string, other: string, bytes: number): boolean {
  const [a, b] = [openSync(one, 'r'), openSync(other, 'r')];
  const blocks = [Buffer.alloc(MiB), Buffer.alloc(MiB)] as const;
  try {
    for (let offset = 0; offset <= bytes; offset += MiB) {
      const read = readSync(a, blocks[0], 0, MiB, offset);
      if (readSync(b, blocks[1], 0, MiB, offset) !== read || !blocks[0].subarray(0, read).equals(blocks[1].subarray(0, read))) {
        return false;
      }
    }
    return true;
  } finally {
    closeSync(a);
    closeSync(b);
  }
}

function spread<T extends WorkFile>(items: readonly T[]): readonly T[] {
  const step = Math.max(1, Math.floor(items.length / SAMPLES));
  return items.filter((_, index) => index % step === 0 || index === items.length - 1);
}

function broken(what: string): SealiftError {
  return new SealiftError('internal', `the bench measured something that did not work: ${what}`);
}
