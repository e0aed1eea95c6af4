import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Anchoring } from '../../src/files/directory.js';
import { encodePath } from '../../src/files/names.js';
import { TargetTree } from '../../src/files/target-tree.js';
import { temporaryName } from '../../src/files/temporary.js';
import { MAX_OPEN_DIRECTORIES } from '../../src/limits.js';
import type { EncodedPath } from '../../src/run/types.js';
import { withoutDescriptors } from './children.js';
import { rejectsCode, throwsCode } from './expect.js';
import { at, makeTree, temporaryDirectory } from './tree.js';
import { walkAll, words } from './walking.js';

const encoded = (latin1: string): EncodedPath => encodePath(Buffer.from(latin1, 'latin1'));
const descriptors = (): number => readdirSync('/dev/fd').length;

async function put(tree: TargetTree, path: string, content = path): Promise<void> {
  const file = tree.createFile(encoded(path));
  try {
    file.writeAt(Buffer.from(content, 'latin1'), 0);
    await file.commit({ overwrite: false });
  } finally {
    file.discard();
  }
}

/** Both ways of naming files: through descriptors (where the system can) and by path. */
const ANCHORINGS: readonly Anchoring[] = process.platform === 'linux' ? ['descriptor', 'path'] : ['path'];

for (const anchoring of ANCHORINGS) {
  const open = (root: string): TargetTree => TargetTree.open(Buffer.from(root), anchoring);

  describe(`TargetTree by ${anchoring}`, () => {
    it('makes the root and every directory on the way, for names of any bytes', async () => {
      const root = `${temporaryDirectory()}/new/root`;
      const paths = ['a', 'd/e/f/g', 'd/e/h', 'caf\xe9/\n/%41', '\xff/\xff', '-', '...', `${'n'.repeat(255)}/${'m'.repeat(255)}`];
      const tree = open(root);
      for (const path of paths) {
        await put(tree, path);
      }
      tree.close();
      for (const path of paths) {
        assert.equal(readFileSync(at(root, path), 'latin1'), path);
      }
      assert.equal((await walkAll(root)).length, paths.length);
    });

    it('goes deeper than it may keep directories open', async () => {
      const before = descriptors();
      const root = temporaryDirectory();
      const deep = Array.from({ length: 3 * MAX_OPEN_DIRECTORIES }, (_, index) => `d${index}`).join('/');
      const tree = open(root);
      await put(tree, `${deep}/file`);
      assert.ok(descriptors() <= before + MAX_OPEN_DIRECTORIES + 1, `${descriptors() - before} directories stay open`);
      tree.close();
      assert.equal(descriptors(), before);
      assert.ok(existsSync(`${root}/${deep}/file`));
    });

    it('keeps a bounded number of directories open', async () => {
      const before = descriptors();
      const tree = open(temporaryDirectory());
      for (let index = 0; index < 3 * MAX_OPEN_DIRECTORIES; index += 1) {
        await put(tree, `d${index}/file`);
      }
      assert.ok(descriptors() <= before + MAX_OPEN_DIRECTORIES + 1, `${descriptors() - before} directories stay open`);
      tree.close();
      assert.equal(descriptors(), before);
    });

    it('lets a file outlive its place in the cache, and the tree', async () => {
      const root = temporaryDirectory();
      const tree = open(root);
      const file = tree.createFile(encoded('early/file'));
      for (let index = 0; index < MAX_OPEN_DIRECTORIES + 1; index += 1) {
        await put(tree, `d${index}/file`);
      }
      tree.close();
      file.writeAt(Buffer.from('late'), 0);
      await file.commit({ overwrite: false });
      assert.equal(readFileSync(`${root}/early/file`, 'utf8'), 'late');
    });

    it('commits many files of one directory at a time', async () => {
      const root = temporaryDirectory();
      const tree = open(root);
      await Promise.all(Array.from({ length: 100 }, (_, index) => put(tree, `a/b/${index}`)));
      tree.close();
      assert.equal(readdirSync(`${root}/a/b`).length, 100);
    });

    it('never writes through a link or a file, wherever it leads', async () => {
      const outside = makeTree(['target/kept']);
      const root = makeTree(['real/', 'file']);
      symlinkSync(`${outside}/target`, `${root}/out`);
      symlinkSync('real', `${root}/in`);
      symlinkSync('nowhere', `${root}/dangling`);
      symlinkSync('.', `${root}/real/self`);
      const tree = open(root);
      for (const path of ['out/x', 'out/y/x', 'in/x', 'dangling/x', 'file/x', 'real/self/x', 'real/self/y/x']) {
        const error = throwsCode(() => tree.createFile(encoded(path)), 'path-escape');
        assert.match(error.message, /^(?:out|in|dangling|file|real\/self) is a file or a symbolic link/);
        await rejectsCode(tree.makeDirectory(encoded(path)), 'path-escape');
      }
      await rejectsCode(tree.makeDirectory(encoded('file')), 'path-escape');
      await rejectsCode(tree.makeDirectory(encoded('out')), 'path-escape');
      tree.close();
      assert.deepEqual(words(await walkAll(outside)), ['file target/kept']);
      assert.deepEqual(words(await walkAll(root)), ['skipped/symlink dangling', 'file file', 'skipped/symlink in', 'skipped/symlink out', 'skipped/symlink real/self']);
    });

    it('refuses paths that lead out', async () => {
      const root = `${temporaryDirectory()}/root`;
      const tree = open(root);
      for (const path of ['../x', 'a/../../x', '/etc/x', 'a//x', '.', '']) {
        throwsCode(() => tree.createFile(encoded(path)), 'path-escape');
        throwsCode(() => tree.look(encoded(path)), 'path-escape');
        await rejectsCode(tree.makeDirectory(encoded(path)), 'path-escape');
      }
      throwsCode(() => tree.removeLeftovers(encoded('..')), 'path-escape');
      tree.close();
      assert.deepEqual(readdirSync(`${root}/..`), ['root']);
      assert.deepEqual(readdirSync(root), []);
    });

    it('says what is there, without following or making anything', () => {
      const root = makeTree(['f', 'd/x']);
      symlinkSync('f', `${root}/link`);
      symlinkSync('d', `${root}/dir-link`);
      const tree = open(root);
      assert.deepEqual(['f', 'd', 'd/x', 'link'].map((path) => tree.look(encoded(path))?.kind), ['file', 'directory', 'file', 'symlink']);
      assert.equal(tree.look(encoded('d/x'))?.stat.sizeBytes, 3);
      for (const path of ['none', 'd/none', 'none/of/this']) {
        assert.equal(tree.look(encoded(path)), undefined);
      }
      for (const path of ['f/x', 'dir-link/x', 'link/x']) {
        throwsCode(() => tree.look(encoded(path)), 'path-escape');
      }
      tree.close();
      assert.deepEqual(readdirSync(root).sort(), ['d', 'dir-link', 'f', 'link']);
    });

    it('makes directories, also those that exist', async () => {
      const root = temporaryDirectory();
      const tree = open(root);
      for (const path of ['a/b/c', 'a/b', 'a/b/c', 'x']) {
        await tree.makeDirectory(encoded(path));
      }
      tree.close();
      assert.deepEqual(words(await walkAll(root)), ['empty-directory a/b/c', 'empty-directory x']);
    });

    it('goes on with what an earlier process began', async () => {
      const root = temporaryDirectory();
      const first = open(root);
      const { temporaryName: name } = first.createFile(encoded('d/file'));
      first.close();
      const second = open(root);
      const file = second.reopenFile(encoded('d/file'), name);
      file.writeAt(Buffer.from('done'), 0);
      await file.commit({ overwrite: false });
      second.close();
      assert.deepEqual(readdirSync(`${root}/d`), ['file']);
    });

    it('removes leftovers where it is told to', () => {
      const root = makeTree(['d/kept']);
      const host = /^\.sealift-([0-9a-f]{8})/.exec(temporaryName())?.[1] ?? '';
      const dead = temporaryName({ host, boot: '0badb007', pid: 1, start: 1 });
      writeFileSync(`${root}/${dead}`, '');
      writeFileSync(`${root}/d/${dead}`, '');
      const tree = open(root);
      assert.equal(tree.removeLeftovers(encoded('none')).removed, 0);
      assert.equal(tree.removeLeftovers(encoded('d'), { keep: new Set([dead]) }).removed, 0);
      assert.equal(tree.removeLeftovers(encoded('d')).removed, 1);
      assert.equal(tree.removeLeftovers('').removed, 1);
      tree.close();
      assert.deepEqual([readdirSync(root), readdirSync(`${root}/d`)], [['d'], ['kept']]);
    });

    it('refuses a root that is no directory', () => {
      const root = makeTree(['file']);
      throwsCode(() => open(`${root}/file`), 'destination-invalid');
      throwsCode(() => open(`${root}/file/below`), 'destination-invalid');
    });

    it('fills a root that is a link to a directory: the user named it', async () => {
      const root = makeTree(['real/']);
      symlinkSync('real', `${root}/link`);
      const tree = open(`${root}/link`);
      await put(tree, 'a/b');
      tree.close();
      assert.equal(readFileSync(`${root}/real/a/b`, 'utf8'), 'a/b');
    });
  });
}

describe('TargetTree', () => {
  it('writes into the directory it entered, whatever takes its name', { skip: process.platform === 'linux' ? false : 'needs descriptors as names' }, async () => {
    const root = temporaryDirectory();
    const outside = temporaryDirectory();
    const tree = TargetTree.open(Buffer.from(root));
    const file = tree.createFile(encoded('d/file'));
    renameSync(`${root}/d`, `${root}/moved`);
    symlinkSync(outside, `${root}/d`);
    file.writeAt(Buffer.from('x'), 0);
    await file.commit({ overwrite: true });
    await put(tree, 'd/second');
    tree.close();
    assert.deepEqual(readdirSync(outside), []);
    assert.deepEqual(readdirSync(`${root}/moved`).sort(), ['file', 'second']);
    const next = TargetTree.open(Buffer.from(root));
    throwsCode(() => next.createFile(encoded('d/third')), 'path-escape');
    next.close();
  });

  it('waits for file descriptors', () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/a`);
    assert.equal(withoutDescriptors('write', root).result, 'written');
    assert.equal(readFileSync(`${root}/a/b/c/d/file`, 'utf8'), 'written');
  });
});
