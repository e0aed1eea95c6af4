import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SealiftError } from '../errors.js';
import { openManifest } from './files.js';
import { parseLine } from './line.js';
import type { OpenRecord } from './record.js';
import { emptyManifest, Replay } from './replay.js';

const EXTENSION = '.jsonl';
/** Ships with the documentation of the format and is nobody's run. */
const EXAMPLE = `example${EXTENSION}`;
const TAIL_BYTES = 4096;

/**
 * The newest manifest, by the time its run was opened, that the predicate accepts; files that hold none, and directories that do
 * not exist, are passed over. Only first lines are read.
 */
export async function findManifest(directories: readonly string[], accepts: (head: OpenRecord) => boolean): Promise<string | undefined> {
  const found = await newestFirst(directories);
  return found.find(({ head }) => accepts(head))?.file;
}

/** Every manifest in these directories, of whatever run. */
export async function findManifests(directories: readonly string[]): Promise<readonly string[]> {
  return (await newestFirst(directories)).map(({ file }) => file);
}

/** The newest manifest whose latest session did not end with everything done or skipped. */
export async function newestUnfinished(directories: readonly string[]): Promise<string | undefined> {
  for (const { file } of await newestFirst(directories)) {
    if (!(await endsComplete(file))) {
      return file;
    }
  }
  return undefined;
}

/** The first record of a manifest. @throws SealiftError `manifest-missing` or `manifest-corrupt` */
export async function readHead(file: string): Promise<OpenRecord> {
  const handle = await openManifest(file, 'r');
  try {
    for await (const [first] of new Replay(handle, file).batches()) {
      if (first?.record.type === 'open') {
        const { seq, chain, ...head } = first.record;
        return head;
      }
      break;
    }
  } finally {
    await handle.close();
  }
  throw emptyManifest(file);
}

/**
 * An id for a new run, which sorts by time, such as `20261123T090000Z-1a2b3c`, and the file of its manifest: the named one, or
 * `RUN.jsonl` in the first directory.
 */
export function newManifestFile(directories: readonly string[], named?: string, now = new Date()): { readonly run: string; readonly file: string } {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const run = `${time}-${randomBytes(3).toString('hex')}`;
  const [directory] = directories;
  if (named !== undefined) {
    return { run, file: named };
  }
  if (directory === undefined) {
    throw new SealiftError('usage', 'there is no place for the manifest', { remedy: 'name a file with --manifest, or give a manifest directory' });
  }
  return { run, file: join(directory, `${run}${EXTENSION}`) };
}

interface Found {
  readonly file: string;
  readonly head: OpenRecord;
}

async function newestFirst(directories: readonly string[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const file of (await Promise.all(directories.map(manifestsIn))).flat()) {
    found.push(...(await headOrNone(file)));
  }
  return found.sort((a, b) => (sortKey(a) < sortKey(b) ? 1 : -1));
}

function sortKey({ head, file }: Found): string {
  return `${head.createdAt} ${file}`;
}

async function manifestsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.endsWith(EXTENSION) && name !== EXAMPLE).map((name) => join(directory, name));
}

async function headOrNone(file: string): Promise<readonly Found[]> {
  try {
    return [{ file, head: await readHead(file) }];
  } catch {
    return [];
  }
}

async function endsComplete(file: string): Promise<boolean> {
  const handle = await openManifest(file, 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), { position: start });
    const [last, rest] = buffer.toString('utf8', 0, bytesRead).split('\n').slice(-2);
    const record = parseLine(last);
    return rest === '' && record?.type === 'close' && record.complete;
  } finally {
    await handle.close();
  }
}
