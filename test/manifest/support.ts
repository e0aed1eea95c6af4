import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Timer } from '../../src/manifest/journal.js';
import { Manifest, type ManifestOptions, type Sealing } from '../../src/manifest/manifest.js';
import type { CloseRecord, OpenRecord } from '../../src/manifest/record.js';
import type { EncodedPath, FileStat } from '../../src/run/types.js';

/** A directory that is removed when the test file ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-manifest-'));
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

export function path(text: string): EncodedPath {
  return text as EncodedPath;
}

export const HEAD: Omit<OpenRecord, 'type'> = {
  version: 1,
  run: '20261123T090000Z-1a2b3c',
  kind: 'push',
  createdAt: '2026-11-23T09:00:00.000Z',
  root: { path: path('/srv/photos'), dev: '2049', ino: '131073' },
  target: { region: 'cn-hangzhou', bucket: 'backup', prefix: 'photos' },
  envelope: 'oss-crypto',
  keyFingerprint: 'sha256:0f1e2d3c',
  partBytes: 8 * 1024 * 1024,
  options: { include: ['*.jpg'], checksum: false },
};

export const CLOSE: Omit<CloseRecord, 'type'> = {
  time: '2026-11-23T09:05:00.000Z', scanned: 3, done: 2, skipped: 1, failed: 0, bytes: 8192, exitCode: 0, complete: true,
};

export const SESSION = { time: '2026-11-23T09:00:00.000Z', version: '0.1.0', pid: 4711, host: 'alpha', options: {} };

export function statOf(change: Partial<FileStat> = {}): FileStat {
  return { sizeBytes: 4096, mtimeNs: 1_764_000_000_123_456_789n, ctimeNs: 1_764_000_000_223_456_789n, ino: 131_099n, dev: 2049n, mode: 0o644, ...change };
}

export const STORED = { etag: '5D41402ABC4B2A76B9719D911017C592', crc64: '11051210869376104954', commitment: 'ab'.repeat(32) };

export function sealing(id: number, change: Partial<Sealing> = {}): Sealing {
  const metadata = { 'x-oss-meta-sealift-version': '1', 'x-oss-meta-sealift-commitment': 'cd'.repeat(32) };
  return { id, stat: statOf(), metadata, partBytes: 1024, digests: Buffer.alloc(64, 7), attempt: 1, recoverable: true, ...change };
}

/** Time that only passes when the test says so. */
export class ManualTimer {
  readonly #due: { at: number; callback: () => void }[] = [];
  #now = 0;

  readonly timer: Timer = (milliseconds, callback) => {
    const entry = { at: this.#now + milliseconds, callback };
    this.#due.push(entry);
    return () => {
      this.#due.splice(this.#due.indexOf(entry), 1);
    };
  };

  get pending(): number {
    return this.#due.length;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const entry of this.#due.filter(({ at }) => at <= this.#now)) {
      this.#due.splice(this.#due.indexOf(entry), 1);
      entry.callback();
    }
  }
}

/** Opens a new manifest, works on it, and releases it in any case. */
export async function written(file: string, work: (manifest: Manifest) => void | Promise<void>, options: ManifestOptions = {}): Promise<string> {
  const manifest = await Manifest.create(file, HEAD, options);
  await working(manifest, work);
  return file;
}

/** The same on an existing manifest. */
export async function continued(file: string, work: (manifest: Manifest) => void | Promise<void>, options: ManifestOptions = {}): Promise<void> {
  await working(await Manifest.load(file, options), work);
}

async function working(manifest: Manifest, work: (manifest: Manifest) => void | Promise<void>): Promise<void> {
  try {
    await work(manifest);
  } finally {
    await manifest.release();
  }
}

/** The lines of a manifest, each as the object it holds. */
export function linesOf(file: string): readonly Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Calls a function that must throw, and returns what it threw. */
export async function failureOf(work: () => unknown): Promise<Error & { code?: unknown; remedy?: unknown; exitCode?: unknown }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) {
      return error;
    }
  }
  throw new Error('nothing was thrown');
}
