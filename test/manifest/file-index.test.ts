import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FileIndex, type EntryState } from '../../src/manifest/file-index.js';
import { digestPath, PathTable, type PathDigest } from '../../src/manifest/path-table.js';
import { path, statOf } from './support.js';

const STATES: readonly EntryState[] = ['started', 'sealed', 'done', 'failed', 'skipped', 'directory', 'abandoned', 'fetching'];

describe('the file index', () => {
  it('agrees with a plain map, whatever is added and set', () => {
    const change = fc.record({ name: fc.nat(40), state: fc.constantFrom(...STATES), offset: fc.maxSafeNat(), attempted: fc.option(fc.boolean(), { nil: undefined }) });
    fc.assert(fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const index = new FileIndex();
      const model = new Map<string, { id: number; state: EntryState; offset: number; attempted: boolean }>();
      for (const { name, state, offset, attempted } of changes) {
        const file = path(`directory/${name}`);
        const id = index.add(file, offset);
        const known = model.get(file);
        assert.equal(id, known === undefined ? model.size : undefined);
        const entry = known ?? { id: model.size, state, offset, attempted: false };
        Object.assign(entry, { state, offset }, attempted === undefined ? {} : { attempted });
        model.set(file, entry);
        index.set(entry.id, state, attempted === undefined ? { offset } : { offset, attempted });
      }
      assert.equal(index.size, model.size);
      for (const [file, entry] of model) {
        assert.deepEqual(index.find(path(file)), entry);
      }
      for (const state of STATES) {
        assert.equal(index.count(state), [...model.values()].filter((entry) => entry.state === state).length);
      }
      assert.equal(index.find(path('directory/41')), undefined);
    }), { numRuns: 100 });
  });

  it('finds every one of 100,000 files in less than 100 bytes each', () => {
    const before = process.memoryUsage().arrayBuffers;
    const index = new FileIndex();
    const count = 100_000;
    for (let id = 0; id < count; id += 1) {
      assert.equal(index.add(path(`photos/${id >> 8}/a rather long file name, as cameras give them ${id}.jpg`), id * 3), id);
    }
    const bytesPerFile = (process.memoryUsage().arrayBuffers - before) / count;
    assert.ok(bytesPerFile < 100, `${bytesPerFile} bytes per file`);
    for (let id = 0; id < count; id += 997) {
      assert.equal(index.find(path(`photos/${id >> 8}/a rather long file name, as cameras give them ${id}.jpg`))?.id, id);
      assert.equal(index.mentionOffset(id), id * 3);
    }
  });

  it('calls a file unchanged only when it is done and size, times and inode are equal', () => {
    const index = new FileIndex();
    const id = index.add(path('a'), 0) ?? -1;
    const stat = statOf({ mtimeNs: -1n, ino: 2n ** 64n - 1n });
    index.setStat(id, stat);
    assert.equal(index.isUnchanged({ id }, stat), false);
    index.set(id, 'done', { offset: 0 });
    assert.equal(index.isUnchanged({ id }, stat), true);
    assert.equal(index.isUnchanged({ id }, { ...stat, dev: 1n, mode: 0 } as typeof stat), true);
    for (const change of [{ sizeBytes: 4097 }, { mtimeNs: -2n }, { ctimeNs: 0n }, { ino: 1n }]) {
      assert.equal(index.isUnchanged({ id }, { ...stat, ...change }), false);
    }
    assert.equal(index.sizeBytes(id), stat.sizeBytes);
    const distant = statOf({ mtimeNs: 999_999_999_999_999_999_999n, ctimeNs: -(2n ** 63n) - 1n });
    index.setStat(id, distant);
    assert.equal(index.isUnchanged({ id }, distant), true);
    assert.equal(index.isUnchanged({ id }, { ...distant, mtimeNs: distant.mtimeNs - 1n }), false);
  });

  it('remembers where a file was last done, whatever it is since, and whether an attempt was begun after that', () => {
    const index = new FileIndex();
    const id = index.add(path('a'), 0) ?? -1;
    const at = (state: EntryState, offset: number, attempted?: boolean): unknown => {
      index.set(id, state, attempted === undefined ? { offset } : { offset, attempted });
      return index.lastDone(id);
    };
    assert.equal(index.lastDone(id), undefined);
    assert.equal(at('started', 1, true), undefined);
    assert.deepEqual(at('done', 2, true), { offset: 2, attemptedSince: false });
    index.setStat(id, statOf());
    assert.deepEqual(at('failed', 3), { offset: 2, attemptedSince: false });
    assert.deepEqual(at('started', 4, true), { offset: 2, attemptedSince: true });
    assert.deepEqual(at('skipped', 5, false), { offset: 2, attemptedSince: true });
    assert.equal(index.isUnchanged({ id }, statOf()), false);
    assert.deepEqual(at('done', 6, true), { offset: 6, attemptedSince: false });
    index.setStat(id, statOf());
    assert.deepEqual(at('done', 7, true), { offset: 7, attemptedSince: false });
    assert.equal(index.isUnchanged({ id }, statOf()), true);
    assert.deepEqual(at('directory', 8), { offset: 7, attemptedSince: false });
    assert.deepEqual(index.entry(id), { id, state: 'directory', offset: 8, attempted: true });
  });

  it('remembers that the object of a file may be there, until somebody else\'s is found', () => {
    const index = new FileIndex();
    const id = index.add(path('a'), 0) ?? -1;
    const after = (state: EntryState, change: { attempted?: boolean; mayHoldOurs?: boolean } = {}): boolean => {
      index.set(id, state, { offset: 1, ...change });
      return index.mayHoldOurs(id);
    };
    assert.equal(index.mayHoldOurs(id), false);
    assert.deepEqual([after('started', { attempted: true }), after('sealed', { attempted: true })], [false, false]);
    assert.deepEqual([after('abandoned', { mayHoldOurs: true }), after('sealed', { attempted: true }), after('abandoned'), after('failed')], [true, true, true, true]);
    assert.deepEqual([after('failed', { attempted: false, mayHoldOurs: false }), after('started', { attempted: true })], [false, false]);
    assert.deepEqual([after('done', { attempted: true }), after('started'), after('skipped', { mayHoldOurs: false })], [true, true, false]);
    assert.deepEqual(index.entry(id), { id, state: 'skipped', offset: 1, attempted: true });
  });

  it('refuses ids that it never gave', () => {
    const index = new FileIndex();
    index.add(path('a'), 0);
    assert.throws(() => index.entry(1), RangeError);
    assert.throws(() => index.entry(1 << 20), RangeError);
  });
});

describe('the path table', () => {
  it('tells digests apart that fall into one slot, and of which only one word differs', () => {
    const digests: PathDigest[] = [];
    const table = new PathTable({
      matches: (id, digest) => digests[id]?.every((word, index) => word === digest[index]) ?? false,
      digestOf: (id) => digests[id] ?? [0, 0, 0, 0],
    });
    const variants: PathDigest[] = [[5, 1, 1, 1], [5, 2, 1, 1], [5, 1, 2, 1], [5, 1, 1, 2], [4095, 1, 1, 1], [4095, 2, 1, 1]];
    for (const digest of variants) {
      assert.equal(table.find(digest), undefined);
      table.add(digest, digests.push(digest) - 1);
    }
    assert.deepEqual(variants.map((digest) => table.find(digest)), [0, 1, 2, 3, 4, 5]);
  });

  it('takes the first 128 bits of SHA-256', () => {
    assert.deepEqual(digestPath(path('abc')), [0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223].map((word) => Buffer.from(word.toString(16).padStart(8, '0'), 'hex').readUInt32LE()));
  });
});
