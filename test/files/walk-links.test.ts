import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { describe, it } from 'node:test';
import { at, makeTree, temporaryDirectory } from './tree.js';
import { walkAll, words } from './walking.js';

function link(root: string, name: string, target: string): void {
  symlinkSync(Buffer.from(target, 'latin1'), at(root, name));
}

describe('walk and symbolic links', () => {
  it('records them with their targets, byte for byte, and follows none', async () => {
    const root = makeTree(['a', 'd/x']);
    link(root, 'to-file', 'a');
    link(root, 'to-directory', 'd');
    link(root, 'broken', 'no\xff\n%where');
    link(root, 'self', 'self');
    link(root, 'd/up', '..');
    const entries = await walkAll(root);
    assert.deepEqual(words(entries), [
      'file a', 'skipped/symlink broken', 'skipped/symlink d/up', 'file d/x', 'skipped/symlink self', 'skipped/symlink to-directory', 'skipped/symlink to-file',
    ]);
    const targets = entries.flatMap((entry) => (entry.kind === 'skipped' ? [entry.target] : []));
    assert.deepEqual(targets, ['no%FF%0A%25where', '..', 'self', 'd', 'a']);
  });

  it('counts them without their targets on request', async () => {
    const root = makeTree([]);
    link(root, 'l', 'anywhere');
    assert.deepEqual(await walkAll(root, { symlinks: 'skip' }), [{ kind: 'skipped', path: 'l', reason: 'symlink' }]);
  });

  it('follows them to files and directories, out of the tree too', async () => {
    const outside = makeTree(['o/1', 'o/2/3']);
    const root = makeTree(['a']);
    link(root, 'b', 'a');
    link(root, 'c', `${outside}/o`);
    const entries = await walkAll(root, { symlinks: 'follow' });
    assert.deepEqual(words(entries), ['file a', 'file b', 'file c/1', 'file c/2/3']);
    assert.deepEqual(entries.flatMap((entry) => (entry.kind === 'file' ? [entry.sizeBytes] : [])), [1, 1, 3, 5]);
  });

  it('ends at every loop, however it is closed', async () => {
    const root = makeTree(['t/a', 't/d/e/x']);
    link(root, 't/d/e/up', '../..');
    link(root, 't/d/here', '.');
    link(root, 't/out', '..');
    const entries = await walkAll(`${root}/t`, { symlinks: 'follow' });
    assert.deepEqual(words(entries), [
      'file a', 'skipped/symlink d/e/up', 'file d/e/x', 'skipped/symlink d/here', 'skipped/symlink out/t',
    ]);
    const [up] = entries.filter((entry) => entry.path === 'd/e/up');
    assert.deepEqual(up, { kind: 'skipped', path: 'd/e/up', reason: 'symlink', target: '../..' });
  });

  it('reaches one directory by two ways, as find -L does', async () => {
    const root = makeTree(['d/x']);
    link(root, 'e', 'd');
    assert.deepEqual(words(await walkAll(root, { symlinks: 'follow' })), ['file d/x', 'file e/x']);
  });

  it('fails a link that leads nowhere, naming its target', async () => {
    const root = makeTree(['a']);
    link(root, 'broken', 'no\nwhere');
    link(root, 'self', 'self');
    link(root, 'through', 'a/b');
    const entries = await walkAll(root, { symlinks: 'follow' });
    assert.deepEqual(words(entries), ['file a', 'failed/unreadable broken', 'failed/unreadable self', 'failed/unreadable through']);
    const messages = entries.flatMap((entry) => (entry.kind === 'failed' ? [entry.failure.message] : []));
    assert.match(messages[0] ?? '', /broken points to nothing: no%0Awhere/);
    assert.match(messages[1] ?? '', /self.*ELOOP/);
  });

  it('does not follow a link into what is ours', async () => {
    const own = makeTree(['objects/x']);
    const root = temporaryDirectory();
    link(root, 'a', own);
    link(root, 'b', `${own}/objects`);
    link(root, 'c', `${own}/objects/x`);
    const entries = await walkAll(root, { symlinks: 'follow', ownPaths: [own] });
    assert.deepEqual(words(entries), ['skipped/own-file a', 'skipped/own-file b', 'skipped/own-file c']);
  });
});
