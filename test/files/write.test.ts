import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { writeDirectly, writeFully } from '../../src/files/write.js';
import { DIRECT_BLOCK_BYTES, DIRECT_FROM_BYTES, MiB } from '../../src/limits.js';
import { Arena, viewOf } from '../../src/run/threads/arena.js';
import { openFile } from './tree.js';

const MEMORY = DIRECT_FROM_BYTES + 8 * DIRECT_BLOCK_BYTES;
const STEP = 16;

/** Memory like that of a run, each byte unlike its neighbours; of an arena that is large enough for the system to map it on its own. */
function arenaMemory(salt = 0): Buffer {
  const { memory } = new Arena(64 * MiB);
  const view = viewOf(memory, { offset: 0, bytes: MEMORY });
  view.forEach((_, index) => { view[index] = (index + salt) % 251; });
  return view;
}

/** Whether the file system writes past its cache at all: a block from some place in memory. */
function takesDirectWrites(name: string): boolean {
  const memory = Buffer.alloc(2 * DIRECT_BLOCK_BYTES);
  try {
    const fd = openSync(name, constants.O_WRONLY | constants.O_DIRECT);
    const works = Array.from({ length: DIRECT_BLOCK_BYTES / STEP }, (_, step) => isTaken(fd, memory.subarray(step * STEP, step * STEP + DIRECT_BLOCK_BYTES)));
    closeSync(fd);
    return works.includes(true);
  } catch {
    return false;
  }
}

function isTaken(fd: number, block: Buffer): boolean {
  try {
    return writeSync(fd, block, 0, block.length, 0) === block.length;
  } catch {
    return false;
  }
}

const isGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

describe('writing content', () => {
  it('leaves these bytes and no others, from wherever they lie in memory to wherever they go', (t) => {
    const { fd, name } = openFile(t);
    const memory = arenaMemory();
    const place = fc.oneof(fc.nat({ max: 3 }).map((blocks) => blocks * DIRECT_BLOCK_BYTES), fc.nat({ max: 3 * DIRECT_BLOCK_BYTES }));
    const length = fc.oneof(fc.nat({ max: 2 * DIRECT_BLOCK_BYTES }), fc.integer({ min: DIRECT_FROM_BYTES - 2, max: DIRECT_FROM_BYTES + 2 * DIRECT_BLOCK_BYTES }));
    fc.assert(fc.property(place, place, length, (from, position, bytes) => {
      const before = Buffer.alloc(position + bytes + 5000, 255);
      writeFileSync(name, before);
      const data = memory.subarray(from, from + bytes);
      writeFully(fd, data, position);
      data.copy(before, position);
      assert.ok(readFileSync(name).equals(before));
    }), { numRuns: 60 });
  });

  it('goes past the cache of the system with whole blocks of an arena, where the file system has that', (t) => {
    const { fd, name } = openFile(t);
    const memory = arenaMemory(7);
    const expected = isGlibc && takesDirectWrites(name) ? DIRECT_FROM_BYTES : 0;
    assert.equal(writeDirectly(fd, memory.subarray(0, DIRECT_FROM_BYTES + 100), 0), expected);
    assert.ok(readFileSync(name).subarray(0, expected).equals(memory.subarray(0, expected)));
  });

  it('does not try where it cannot work', (t) => {
    const { fd } = openFile(t);
    const memory = arenaMemory();
    assert.equal(writeDirectly(fd, memory.subarray(0, DIRECT_BLOCK_BYTES - 1), 0), 0);
    assert.equal(writeDirectly(fd, memory.subarray(0, DIRECT_FROM_BYTES), 512), 0);
    assert.equal(writeDirectly(fd, memory.subarray(1, DIRECT_FROM_BYTES), 0), 0);
  });

  it('tells the error of the ordinary write', (t) => {
    const { fd } = openFile(t);
    const gone = openSync('/dev/null', 'r');
    closeSync(gone);
    assert.notEqual(gone, fd);
    assert.throws(() => writeFully(gone, arenaMemory(), 0), { code: 'EBADF' });
  });
});
