import { walk, type WalkOptions } from '../../src/files/walk.js';
import type { WalkEntry } from '../../src/run/types.js';

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) {
    all.push(value);
  }
  return all;
}

export async function walkAll(root: string, options: Partial<WalkOptions> = {}): Promise<WalkEntry[]> {
  return await collect(walk({ root, symlinks: 'record', ownPaths: [], ...options }));
}

/** One readable word per entry: `file a/b`, `skipped/symlink c`, `failed/vanished d`. */
export function words(entries: readonly WalkEntry[]): string[] {
  return entries.map((entry) => {
    const detail = entry.kind === 'skipped' ? `/${entry.reason}` : entry.kind === 'failed' ? `/${entry.failure.code}` : '';
    return `${entry.kind}${detail} ${entry.path}`;
  });
}
