import assert from 'node:assert/strict';
import { ftruncateSync, readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { writeAroundHoles } from '../../src/files/sparse.js';
import { writeFully } from '../../src/files/write.js';
import { HOLE_BYTES, MiB } from '../../src/limits.js';
import { openFile } from './tree.js';

/** Blocks of data and of zeros in any order, the last one cut anywhere. */
const patchy = fc.tuple(fc.array(fc.boolean(), { maxLength: 12 }), fc.integer({ min: 0, max: HOLE_BYTES })).map(([blocks, rest]) =>
  Buffer.concat([...blocks.map((isData) => Buffer.alloc(HOLE_BYTES, isData ? 1 : 0)), Buffer.alloc(rest, rest % 2)]));

describe('writing around holes', () => {
  it('leaves the same bytes as plain writing, whatever stood there before', (t) => {
    const { fd, name } = openFile(t);
    fc.assert(fc.property(patchy, patchy, fc.integer({ min: 0, max: 3 * HOLE_BYTES }), (before, data, position) => {
      ftruncateSync(fd, 0);
      writeFully(fd, before, 0);
      ftruncateSync(fd, Math.max(before.length, position + data.length));
      writeAroundHoles(fd, data, position);
      assert.ok(readFileSync(name).subarray(position, position + data.length).equals(data));
    }), { numRuns: 200 });
  });

  it('takes no room for zeros', (t) => {
    const { fd, name } = openFile(t);
    const data = Buffer.alloc(8 * MiB);
    data.fill(1, 5 * MiB, 5 * MiB + 10);
    ftruncateSync(fd, data.length);
    writeAroundHoles(fd, data, 0);
    const { size, blocks } = statSync(name);
    assert.equal(size, data.length);
    assert.ok(blocks * 512 <= MiB, `${blocks * 512} bytes on disk`);
    assert.ok(readFileSync(name).equals(data));
  });
});
