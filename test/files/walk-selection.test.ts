import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { compileSelection } from '../../src/files/selection.js';
import { temporaryName } from '../../src/files/temporary.js';
import { walk } from '../../src/files/walk.js';
import type { EncodedPath } from '../../src/run/types.js';
import { rejectsCode } from './expect.js';
import { makeTree, temporaryDirectory } from './tree.js';
import { collect, walkAll, words } from './walking.js';

const TREE = ['a.log', 'b.txt', 'src/a.log', 'src/deep/b.txt', 'src/deep/.hidden', 'cache/x', 'cache/y/z', 'line\nbreak/f\n.txt', '100%/f', 'none/'];
const tree = makeTree(TREE);

async function select(include: readonly string[], exclude: readonly string[]): Promise<string[]> {
  return words(await walkAll(tree, { include, exclude }));
}

/** What is neither excluded nor a directory. */
async function taken(include: readonly string[], exclude: readonly string[]): Promise<string[]> {
  return (await select(include, exclude)).filter((word) => word.startsWith('file ')).map((word) => word.slice(5));
}

const ALL = ['100%25/f', 'a.log', 'b.txt', 'cache/x', 'cache/y/z', 'line%0Abreak/f%0A.txt', 'src/a.log', 'src/deep/.hidden', 'src/deep/b.txt'];

/** The same set, for who has paths and no tree. */
function takenByPath(include: readonly string[], exclude: readonly string[]): string[] {
  const selection = compileSelection(include, exclude);
  return ALL.filter((path) => selection.takes(path as EncodedPath));
}

const without = (...paths: string[]): string[] => ALL.filter((path) => !paths.includes(path));

describe('walk with --exclude', () => {
  const table: readonly (readonly [exclude: string[], gone: string[]])[] = [
    [[], []],
    [['a.log'], ['a.log']],
    [['*.log'], ['a.log']],
    [['**/*.log'], ['a.log', 'src/a.log']],
    [['**/*.{log,txt}'], ['a.log', 'src/a.log', 'b.txt', 'src/deep/b.txt', 'line%0Abreak/f%0A.txt']],
    [['cache'], ['cache/x', 'cache/y/z']],
    [['cache/'], ['cache/x', 'cache/y/z']],
    [['/cache'], ['cache/x', 'cache/y/z']],
    [['cache/**'], ['cache/x', 'cache/y/z']],
    [['cache/*'], ['cache/x', 'cache/y/z']],
    [['**/deep'], ['src/deep/.hidden', 'src/deep/b.txt']],
    [['**/.*'], ['src/deep/.hidden']],
    [['100%/*'], ['100%25/f']],
    [['100%25/*'], []],
    [['line\nbreak/**'], ['line%0Abreak/f%0A.txt']],
    [['line?break/*.txt'], ['line%0Abreak/f%0A.txt']],
    [['a.log', 'b.txt'], ['a.log', 'b.txt']],
    [['!(a).log'], []],
    [['!(b).log'], ['a.log']],
  ];
  for (const [exclude, gone] of table) {
    it(`leaves out ${JSON.stringify(gone)} for ${JSON.stringify(exclude)}`, async () => {
      assert.deepEqual(await taken([], exclude), without(...gone));
      assert.deepEqual(takenByPath([], exclude), without(...gone));
    });
  }

  it('takes a whole directory as one entry, without looking into it', async () => {
    const words = await select([], ['cache', 'src/deep']);
    assert.deepEqual(words.filter((word) => word.startsWith('skipped')), ['skipped/excluded cache', 'skipped/excluded src/deep']);
  });

  it('takes every file of a directory as one entry when the glob asks for the files', async () => {
    const words = await select([], ['cache/*']);
    assert.deepEqual(words.filter((word) => word.startsWith('skipped')), ['skipped/excluded cache/x', 'skipped/excluded cache/y']);
  });
});

describe('walk with --include', () => {
  const table: readonly (readonly [include: string[], exclude: string[], paths: string[]])[] = [
    [['*.log'], [], ['a.log']],
    [['**/*.log'], [], ['a.log', 'src/a.log']],
    [['**/*.txt'], [], ['b.txt', 'line%0Abreak/f%0A.txt', 'src/deep/b.txt']],
    [['src/**'], [], ['src/a.log', 'src/deep/.hidden', 'src/deep/b.txt']],
    [['src/**'], ['**/*.log'], ['src/deep/.hidden', 'src/deep/b.txt']],
    [['src/**', '!**/*.log'], [], ['src/deep/.hidden', 'src/deep/b.txt']],
    [['!**/*.log'], [], without('a.log', 'src/a.log')],
    [['src/deep/b.txt', 'a.log'], [], ['a.log', 'src/deep/b.txt']],
    [['{src,cache}/*'], [], ['cache/x', 'src/a.log']],
    [['100%/f'], [], ['100%25/f']],
    [['nothing'], [], []],
  ];
  for (const [include, exclude, paths] of table) {
    it(`takes ${JSON.stringify(paths)} for ${JSON.stringify(include)} without ${JSON.stringify(exclude)}`, async () => {
      assert.deepEqual(await taken(include, exclude), paths);
      assert.deepEqual(takenByPath(include, exclude), paths);
    });
  }

  it('does not descend where nothing can match, and counts what it leaves out', async () => {
    assert.deepEqual(await select(['src/deep/*.txt'], []), [
      'skipped/excluded 100%25', 'skipped/excluded a.log', 'skipped/excluded b.txt', 'skipped/excluded cache', 'skipped/excluded line%0Abreak',
      'skipped/excluded none', 'skipped/excluded src/a.log', 'skipped/excluded src/deep/.hidden', 'file src/deep/b.txt',
    ]);
  });

  it('takes an empty directory that matches, and counts one that does not', async () => {
    assert.ok((await select(['n*'], [])).includes('empty-directory none'));
    assert.ok((await select(['**/*.txt'], [])).includes('skipped/excluded none'));
  });
});

describe('globs that are none', () => {
  for (const options of [{ include: [''] }, { exclude: ['/'] }, { exclude: ['!a'] }, { include: ['!'] }, { include: ['[z-a]'] }, { exclude: ['*'.repeat(70_000)] }]) {
    it(`refuses ${JSON.stringify(options).slice(0, 40)}`, async () => {
      const error = await rejectsCode(walkAll(tree, options), 'usage');
      assert.equal(error.exitCode, 2);
    });
  }
});

describe('walk and its own files', () => {
  it('skips them by one entry each, without looking into a directory', async () => {
    const root = makeTree(['.sealift/objects/1', '.sealift/objects/2', 'm/run.jsonl', 'm/run.jsonl.lock', 'm/other', 'x/.sealift/kept']);
    const ownPaths = ['.sealift', 'm/run.jsonl', 'm/run.jsonl.lock', 'm/not-there'].map((name) => `${root}/${name}`);
    assert.deepEqual(words(await walkAll(root, { ownPaths })), [
      'skipped/own-file .sealift', 'file m/other', 'skipped/own-file m/run.jsonl', 'skipped/own-file m/run.jsonl.lock', 'file x/.sealift/kept',
    ]);
  });

  it('knows them when they come into being during the walk', async () => {
    const root = makeTree(['a', 'b/1']);
    const entries = walk({ root, symlinks: 'record', ownPaths: [`${root}/b/new/lock`, `${root}/b/store`] });
    await entries.next();
    mkdirSync(`${root}/b/new`);
    writeFileSync(`${root}/b/new/lock`, '');
    mkdirSync(`${root}/b/store`);
    assert.deepEqual(words(await collect(entries)), ['file b/1', 'skipped/own-file b/new/lock', 'skipped/own-file b/store']);
  });

  it('knows them whichever way the tree is entered', async () => {
    const root = makeTree(['real/own/x', 'real/a']);
    const other = temporaryDirectory();
    symlinkSync(`${root}/real`, `${other}/link`);
    symlinkSync('own', `${root}/real/alias`);
    const expected = ['file a', 'skipped/symlink alias', 'skipped/own-file own'];
    assert.deepEqual(words(await walkAll(`${other}/link`, { ownPaths: [`${root}/real/own`] })), expected);
    assert.deepEqual(words(await walkAll(`${root}/real`, { ownPaths: [`${other}/link/own`] })), expected);
    assert.deepEqual(words(await walkAll(`${root}/real`, { ownPaths: [`${root}/real/alias`] })), ['file a', 'skipped/own-file alias', 'skipped/own-file own']);
  });

  it('knows its temporary files, which are nobody\'s data', async () => {
    const temporary = temporaryName();
    const root = makeTree([`a/${temporary}`, `a/${temporary}x`, '.sealift-notes', '.sealift-00000000-00000000-1-1-0123']);
    assert.deepEqual(words(await walkAll(root)), [
      'file .sealift-00000000-00000000-1-1-0123', 'file .sealift-notes', `skipped/own-file a/${temporary}`, `file a/${temporary}x`,
    ]);
  });

  it('refuses to walk its own store', async () => {
    const root = makeTree(['.sealift/objects/1']);
    await rejectsCode(walkAll(`${root}/.sealift`, { ownPaths: [`${root}/.sealift`] }), 'usage');
    await rejectsCode(walkAll(`${root}/.sealift/objects`, { ownPaths: [`${root}/.sealift`] }), 'usage');
  });
});
