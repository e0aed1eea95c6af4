import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Directory } from '../../src/files/entry.js';
import { listDirectory } from '../../src/files/walk-listing.js';
import { asNobody, withoutDescriptors } from './children.js';
import { throwsCode } from './expect.js';
import { makeTree } from './tree.js';

describe('walk and permissions', () => {
  it('fails an unreadable directory by name and goes on', () => {
    const root = makeTree(['a/1', 'b/1', 'c/1']);
    chmodSync(root, 0o755);
    chmodSync(`${root}/b`, 0o311);
    assert.deepEqual(asNobody('walk', root).result, ['file a/1', 'failed/unreadable b', 'file c/1']);
  });

  it('fails each file of a directory whose names can be read but whose files cannot be reached', () => {
    const root = makeTree(['a/1', 'a/2/x', 'z']);
    chmodSync(root, 0o755);
    chmodSync(`${root}/a`, 0o744);
    assert.deepEqual(asNobody('walk', root).result, ['failed/unreadable a/1', 'failed/unreadable a/2', 'file z']);
  });

  it('walks a file that it could not open: opening is not its business', () => {
    const root = makeTree(['secret']);
    chmodSync(root, 0o755);
    chmodSync(`${root}/secret`, 0);
    assert.deepEqual(asNobody('walk', root).result, ['file secret']);
  });

  it('refuses a root that cannot be read', () => {
    const root = makeTree(['a']);
    chmodSync(root, 0o711);
    assert.equal(asNobody('walk', root).code, 'unreadable');
  });
});

describe('walk without file descriptors', () => {
  it('waits until one is free, and loses nothing', () => {
    const root = makeTree(['a/1', 'b/1', 'c']);
    assert.deepEqual(withoutDescriptors('walk', root).result, ['file a/1', 'file b/1', 'file c']);
  });
});

describe('listDirectory', () => {
  const root = makeTree(['a', 'b']);
  const { dev, ino } = statSync(root, { bigint: true });
  const directory: Directory = { kind: 'directory', path: '', raw: root, real: root, dev, ino, parent: undefined };

  /** Readers that answer from lists, one per reading. */
  function scripted(census: string[][], glob: string[][]): Parameters<typeof listDirectory>[1] {
    let reading = 0;
    return { census: () => [...(census[reading] ?? [])], glob: () => glob[reading++] ?? [] };
  }

  it('believes two readings that agree', () => {
    assert.deepEqual(listDirectory(directory), { names: ['a', 'b'], doubt: undefined });
    assert.deepEqual(listDirectory(directory, scripted([['b', 'a']], [['a', 'b']])).names, ['a', 'b']);
  });

  it('reads again when they differ, and believes the second pair', () => {
    for (const found of [[], ['a'], ['a', 'b', 'c'], ['a', 'c'], ['a', 'a']]) {
      const listing = listDirectory(directory, scripted([['a', 'b'], ['a', 'b', 'd']], [found, ['d', 'b', 'a']]));
      assert.deepEqual(listing, { names: ['a', 'b', 'd'], doubt: undefined });
    }
  });

  it('returns every name together with its doubt when they differ twice', () => {
    for (const [found, names] of [[['a'], ['a', 'b']], [['c', 'a', 'b'], ['a', 'b', 'c']], [[], ['a', 'b']]] as const) {
      const listing = listDirectory(directory, scripted([['a', 'b'], ['a', 'b']], [[...found], [...found]]));
      assert.deepEqual(listing.names, names);
      assert.equal(listing.doubt?.code, 'directory-incomplete');
    }
  });

  it('reads again when the directory changed meanwhile', () => {
    let readings = 0;
    const listing = listDirectory(directory, {
      census: () => ['a', 'b'],
      glob: () => {
        readings += 1;
        chmodSync(root, 0o700 + readings);
        return ['a', 'b'];
      },
    });
    assert.equal(readings, 2);
    assert.equal(listing.doubt, undefined);
  });

  it('refuses another directory that took the place of the one that was seen', () => {
    const error = throwsCode(() => listDirectory({ ...directory, ino: ino + 1n }), 'vanished');
    assert.match(error.message, /replaced/);
  });
});
