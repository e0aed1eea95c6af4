import assert from 'node:assert/strict';
import type { Region } from '../../src/run/threads/arena.js';

/** None runs into another, or out of the first `capacity` bytes. */
export function assertApart(regions: readonly Region[], capacity: number): void {
  const sorted = regions.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  for (const [index, { offset, bytes }] of sorted.entries()) {
    assert.ok(offset >= 0 && offset + bytes <= (sorted[index + 1]?.offset ?? capacity), `${offset}+${bytes} runs into the next`);
  }
}
