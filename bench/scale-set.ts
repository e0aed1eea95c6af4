/** Many small files, and the manifest of a finished push of them, made without the push. */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileStatOf } from '../src/files/stat.js';
import { BATCH_FILES, KiB } from '../src/limits.js';
import { Manifest } from '../src/manifest/manifest.js';
import type { OpenRecord } from '../src/manifest/record.js';
import type { EncodedPath, FileStat } from '../src/run/types.js';
import { SEALIFT_VERSION } from '../src/run/version.js';

const FILES_PER_DIRECTORY = 1000;
const CONTENT = Buffer.alloc(KiB, 'sealift ');

export interface FileSet {
  readonly count: number;
  readonly tree: string;
  readonly manifest: string;
}

/** Makes the files, unless the directory holds them already. Photographs and logs are called like this: 33 bytes of path. */
export function plantFiles(directory: string, count: number): FileSet {
  const set = { count, tree: join(directory, `tree-${count}`), manifest: join(directory, `run-${count}.jsonl`) };
  if (existsSync(set.manifest)) {
    return set;
  }
  rmSync(set.tree, { recursive: true, force: true });
  mkdirSync(set.tree, { recursive: true });
  for (let made = 0; made < count; made += FILES_PER_DIRECTORY) {
    const folder = join(set.tree, `2026-${String(made / FILES_PER_DIRECTORY).padStart(4, '0')}`);
    mkdirSync(folder);
    for (let file = made; file < Math.min(count, made + FILES_PER_DIRECTORY); file += 1) {
      writeFileSync(join(folder, `photograph-${String(file).padStart(8, '0')}.jpg`), CONTENT);
    }
  }
  return set;
}

/** Says with the product's own writer what a push that sent every file would have said: one batch after the other. */
export async function recordFinished({ count, tree, manifest: file }: FileSet, head: OpenRecord): Promise<void> {
  const options = { ...head.options, source: tree };
  const { dev, ino } = lstatSync(tree, { bigint: true });
  const root = { path: tree as EncodedPath, dev: String(dev), ino: String(ino) };
  const time = new Date().toISOString();
  const manifest = await Manifest.create(`${file}.new`, { ...head, root, options });
  manifest.session({ time, version: SEALIFT_VERSION, pid: process.pid, host: 'bench', options });
  let bytes = 0;
  for (const batch of batchesOf(tree)) {
    const ids = manifest.started(batch.map(({ path }) => path));
    batch.forEach(({ stat }, index) => {
      bytes += stat.sizeBytes;
      manifest.done(ids[index] ?? 0, stat, confirmed(index));
    });
    await manifest.flush();
  }
  await manifest.close({ time, scanned: count, done: count, skipped: 0, failed: 0, bytes, exitCode: 0, complete: true });
}

function* batchesOf(tree: string): Generator<readonly { readonly path: EncodedPath; readonly stat: FileStat }[]> {
  for (const folder of readdirSync(tree).sort()) {
    const names = readdirSync(join(tree, folder)).sort();
    for (let start = 0; start < names.length; start += BATCH_FILES) {
      yield names.slice(start, start + BATCH_FILES).map((name) => ({
        path: `${folder}/${name}` as EncodedPath, stat: fileStatOf(lstatSync(join(tree, folder, name), { bigint: true })),
      }));
    }
  }
}

/** As long as real ones. */
function confirmed(index: number): { etag: string; crc64: string; commitment: string } {
  const digit = (index % 16).toString(16);
  return { etag: digit.toUpperCase().repeat(32), crc64: String(2n ** 63n + BigInt(index)), commitment: digit.repeat(64) };
}
