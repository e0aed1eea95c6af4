import assert from 'node:assert/strict';
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ListedPaths } from '../../src/files/listed-paths.js';
import { fileFilter, sizeFilter, type SizesAndTimes } from '../../src/files/size-and-age.js';
import type { SymlinkMode } from '../../src/files/entry.js';
import { temporaryDirectory } from './tree.js';
import { walkAll, words } from './walking.js';

const MAX = Number.MAX_SAFE_INTEGER;
const AT = new Date('2026-11-23T12:00:00Z');
const AT_NS = BigInt(AT.getTime()) * 1_000_000n;

describe('sizes', () => {
  const table: readonly (readonly [wanted: SizesAndTimes, taken: readonly number[], left: readonly number[]])[] = [
    [{}, [0, 1, MAX], []],
    [{ minBytes: undefined, maxBytes: undefined }, [0, MAX], []],
    [{ minBytes: 0 }, [0, MAX], []],
    [{ minBytes: 1 }, [1, 2, MAX], [0]],
    [{ minBytes: 10, maxBytes: 20 }, [10, 11, 20], [0, 9, 21, MAX]],
    [{ minBytes: 10, maxBytes: 10 }, [10], [9, 11]],
    [{ maxBytes: 0 }, [0], [1]],
    [{ maxBytes: MAX }, [MAX], []],
  ];
  for (const [wanted, taken, left] of table) {
    it(`of ${JSON.stringify(wanted)} are ${taken.join(', ')} and not ${left.join(', ')}`, () => {
      const takes = sizeFilter(wanted);
      assert.deepEqual([...taken, ...left].filter(takes), taken);
    });
  }

  for (const wanted of [{ minBytes: -1 }, { minBytes: 1.5 }, { maxBytes: Number.NaN }, { maxBytes: Number.POSITIVE_INFINITY }, { minBytes: 2, maxBytes: 1 }]) {
    it(`are not ${JSON.stringify(wanted)}`, () => assert.throws(() => sizeFilter(wanted), { code: 'usage', exitCode: 2 }));
  }
});

describe('times', () => {
  const takes = (wanted: SizesAndTimes, mtimeNs: bigint): boolean => fileFilter(wanted)({ sizeBytes: 0, mtimeNs });

  it('split a tree in two, to the nanosecond', () => {
    for (const [mtimeNs, isNewer] of [[AT_NS - 1n, false], [AT_NS, true], [AT_NS + 1n, true], [-1n, false]] as const) {
      assert.deepEqual([takes({ modifiedSince: AT }, mtimeNs), takes({ modifiedBefore: AT }, mtimeNs)], [isNewer, !isNewer], `${mtimeNs}`);
    }
  });

  it('can be a span, and come with sizes', () => {
    const span = { modifiedSince: AT, modifiedBefore: new Date(AT.getTime() + 1) };
    assert.deepEqual([AT_NS - 1n, AT_NS, AT_NS + 999_999n, AT_NS + 1_000_000n].map((mtimeNs) => takes(span, mtimeNs)), [false, true, true, false]);
    assert.equal(takes({ ...span, minBytes: 1 }, AT_NS), false);
  });

  for (const wanted of [{ modifiedSince: AT, modifiedBefore: AT }, { modifiedSince: AT, modifiedBefore: new Date(0) }, { modifiedSince: new Date('never') }, { modifiedBefore: new Date(Number.NaN) }, { modifiedSince: AT, minBytes: -1 }]) {
    it(`are not ${JSON.stringify(wanted)}`, () => assert.throws(() => fileFilter(wanted), { code: 'usage', exitCode: 2 }));
  }
});

describe('walk with sizes and times', () => {
  const root = temporaryDirectory();
  mkdirSync(`${root}/d/empty`, { recursive: true });
  for (const [name, bytes] of Object.entries({ 'd/0': 0, 'd/9': 9, 'd/10': 10, 'd/11': 11 })) {
    writeFileSync(`${root}/${name}`, Buffer.alloc(bytes));
    utimesSync(`${root}/${name}`, AT, bytes < 10 ? new Date(AT.getTime() - 1) : AT);
  }
  linkSync(`${root}/d/10`, `${root}/hard`);
  symlinkSync('d/9', `${root}/to-9`);
  symlinkSync('d/11', `${root}/to-11`);
  symlinkSync('d', `${root}/to-d`);

  const walked = async (wanted: SizesAndTimes, symlinks: SymlinkMode = 'record', files?: readonly string[]): Promise<string[]> =>
    words(await walkAll(root, { wanted, symlinks, ...(files === undefined ? {} : { files: new ListedPaths(files) }) }));

  it('leaves out files as excluded, and neither directories nor links that are not followed', async () => {
    const links = ['skipped/symlink to-11', 'skipped/symlink to-9', 'skipped/symlink to-d'];
    assert.deepEqual(await walked({ minBytes: 10, maxBytes: 10 }), ['skipped/excluded d/0', 'file d/10', 'skipped/excluded d/11', 'skipped/excluded d/9', 'empty-directory d/empty', 'file hard', ...links]);
    assert.deepEqual(await walked({ modifiedBefore: AT }), ['file d/0', 'skipped/excluded d/10', 'skipped/excluded d/11', 'file d/9', 'empty-directory d/empty', 'skipped/excluded hard', ...links]);
  });

  it('goes by what a link leads to where links are followed', async () => {
    const followed = (entries: readonly string[]): string[] => entries.filter((word) => word.includes(' to-'));
    assert.deepEqual(followed(await walked({ minBytes: 10 }, 'follow')), [
      'file to-11', 'skipped/excluded to-9', 'skipped/excluded to-d/0', 'file to-d/10', 'file to-d/11', 'skipped/excluded to-d/9', 'empty-directory to-d/empty',
    ]);
    assert.deepEqual(followed(await walked({ modifiedSince: AT }, 'follow')).slice(0, 2), ['file to-11', 'skipped/excluded to-9']);
  });

  it('leaves out what is on a list, too', async () => {
    assert.deepEqual(await walked({ maxBytes: 10 }, 'record', ['d/10', 'd/11', 'none']), ['file d/10', 'skipped/excluded d/11', 'failed/vanished none']);
  });
});
