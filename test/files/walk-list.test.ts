import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ListedPaths } from '../../src/files/listed-paths.js';
import type { WalkOptions } from '../../src/files/walk.js';
import { throwsCode } from './expect.js';
import { makeTree } from './tree.js';
import { walkAll, words } from './walking.js';

const TREE = ['a', 'd/e/f', 'd/e/g', 'd/e-/f', 'd/x', 'd e', 'not-\xff\xfe-utf8/f', 'new\nline', 'per%cent', 'z/none/'];
const tree = makeTree(TREE);
mkdirSync(`${tree}/links`);
symlinkSync('../d', `${tree}/links/d`);

async function listed(files: readonly (string | Uint8Array)[], options: Partial<WalkOptions> = {}): Promise<string[]> {
  return words(await walkAll(tree, { ...options, files: new ListedPaths(files) }));
}

describe('a walk that keeps to a list', () => {
  const table: readonly (readonly [what: string, files: readonly (string | Uint8Array)[], found: readonly string[], options?: Partial<WalkOptions>])[] = [
    ['nothing', [], []],
    ['files, in its own order and each once', ['d/x', 'a', './a', 'd//e/f', 'a'], ['file a', 'file d/e/f', 'file d/x']],
    ['bytes that are no text', [Buffer.from('not-\xff\xfe-utf8/f', 'latin1'), 'new\nline', 'per%cent'], ['file new%0Aline', 'file not-%FF%FE-utf8/f', 'file per%25cent']],
    ['a directory, with all that is in it', ['d/e/'], ['file d/e/f', 'file d/e/g']],
    ['an empty directory', ['z/none'], ['empty-directory z/none']],
    ['what is not there', ['d/e/none', 'none', 'no/ne'], ['failed/vanished d/e/none', 'failed/vanished no/ne', 'failed/vanished none']],
    ['what is not there, in a directory that is listed too', ['d/e', 'd/e/none/x'], ['file d/e/f', 'file d/e/g', 'failed/vanished d/e/none/x']],
    ['what would be in a file', ['a/b', 'a/c'], ['failed/vanished a/b', 'failed/vanished a/c']],
    ['a file and what would be in it', ['a', 'a/b'], ['file a', 'failed/vanished a/b']],
    ['a link', ['links/d'], ['skipped/symlink links/d']],
    ['what is behind a link', ['links/d/x'], ['failed/vanished links/d/x']],
    ['what is behind a link that is followed', ['links/d/x'], ['file links/d/x'], { symlinks: 'follow' }],
    ['what is excluded', ['d/e/f', 'd/x'], ['skipped/excluded d/e', 'file d/x'], { exclude: ['d/e'] }],
  ];
  for (const [what, files, found, options] of table) {
    it(`meets ${what}`, async () => assert.deepEqual(await listed(files, options), found));
  }

  it('is the walk of everything for the root', async () => {
    assert.deepEqual(await listed(['.']), words(await walkAll(tree)));
    assert.deepEqual(await listed(['./', 'd/e/f']), words(await walkAll(tree)));
  });

  it('refuses paths that are none below the root', () => {
    for (const file of ['', '/', '/a', '..', 'a/../../b', 'd/..', 'a\0b']) {
      throwsCode(() => new ListedPaths([file]), 'usage');
    }
  });

  it('is what a walk of everything meets of it, whatever is listed', async () => {
    const all = await walkAll(tree);
    const places = ['a', 'd', 'd/e', 'd/e/f', 'd/e/g', 'd/e-', 'd/e-/f', 'd/x', 'd e', 'links', 'links/d', 'new\nline', 'z', 'z/none'];
    await fc.assert(fc.asyncProperty(fc.subarray(places), async (files) => {
      const wanted = files.map((file) => file.replace('\n', '%0A'));
      const expected = all.filter(({ path }) => wanted.some((file) => path === file || path.startsWith(`${file}/`)));
      assert.deepEqual(await listed(files), words(expected));
    }));
  });
});
