import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { collisionKey, CollisionFinder, decodePath, encodePath, guardPath, renamedPath } from '../../src/files/names.js';
import type { EncodedPath } from '../../src/run/types.js';

const encoded = (text: string): EncodedPath => encodePath(Buffer.from(text, 'utf8'));
const NONE = { case: false, unicode: false };

function finderOf(paths: readonly string[], folding = { case: true, unicode: true }): CollisionFinder {
  const finder = new CollisionFinder(folding);
  for (const path of paths) {
    finder.add(encoded(path));
  }
  return finder;
}

function colliding(paths: readonly string[], folding = { case: true, unicode: true }): string[] {
  const finder = finderOf(paths, folding);
  return paths.filter((path) => finder.collides(encoded(path)));
}

describe('collisionKey', () => {
  const same: readonly (readonly [string, string])[] = [
    ['README', 'readme'], ['Ünï', 'üNÏ'], ['é', 'e\u0301'], ['É', 'e\u0301'], ['ΑΣ', 'ας'], ['ς', 'σ'], ['\u212a', 'k'],
    ['ſ', 's'], ['Å', '\u212b'], ['a/B/c', 'A/b/C'], ['가', '\u1100\u1161'],
  ];
  for (const [one, other] of same) {
    it(`is equal for ${one} and ${other}`, () => assert.equal(collisionKey(encoded(one)), collisionKey(encoded(other))));
  }

  it('differs for what no file system confuses', () => {
    for (const [one, other] of [['a', 'b'], ['a', 'a '], ['e', 'é'], ['a/b', 'ab'], ['%', '%25']] as const) {
      assert.notEqual(collisionKey(encoded(one)), collisionKey(encoded(other)));
    }
    assert.notEqual(collisionKey(encodePath(Buffer.from([0xe9]))), collisionKey(encodePath(Buffer.from([0xc9]))));
  });

  it('folds what the file system folds and no more', () => {
    const [lower, upper, split] = [encoded('é'), encoded('É'), encoded('e\u0301')];
    assert.notEqual(collisionKey(lower, NONE), collisionKey(upper, NONE));
    assert.equal(collisionKey(lower, { case: true, unicode: false }), collisionKey(upper, { case: true, unicode: false }));
    assert.notEqual(collisionKey(lower, { case: true, unicode: false }), collisionKey(split, { case: true, unicode: false }));
    assert.equal(collisionKey(lower, { case: false, unicode: true }), collisionKey(split, { case: false, unicode: true }));
  });

  it('folds once and for all', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (text) => {
      const key = collisionKey(encoded(text));
      assert.equal(collisionKey(key as EncodedPath), key);
      assert.equal(collisionKey(encoded(text.normalize('NFD'))), key);
    }), { numRuns: 1000 });
  });
});

describe('CollisionFinder', () => {
  it('reports every member of a collision, in any order', () => {
    assert.deepEqual(colliding(['a', 'B', 'c', 'b', 'A']), ['a', 'B', 'b', 'A']);
    assert.deepEqual(colliding(['a', 'B', 'c', 'b', 'A'], NONE), []);
  });

  it('reports two keys for one path even where every difference counts', () => {
    assert.deepEqual(colliding(['x', 'x'], NONE), ['x', 'x']);
  });

  it('reports a file where others need a directory', () => {
    assert.deepEqual(colliding(['a', 'a/b/c'], NONE), ['a']);
    assert.deepEqual(colliding(['a/b/c', 'A/B']), ['A/B']);
    assert.deepEqual(colliding(['a/b/c', 'ab', 'a/bc'], NONE), []);
  });

  it('does not mind one directory in two spellings that hold different files', () => {
    assert.deepEqual(colliding(['Dir/x', 'dir/y']), []);
  });

  it('agrees with comparing all pairs', () => {
    const name = fc.constantFrom('a', 'A', 'b', 'é', 'e\u0301', 'É');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
    fc.assert(fc.property(fc.array(path, { maxLength: 12 }), (paths) => {
      const key = (text: string): string => collisionKey(encoded(text));
      const expected = paths.filter((one, i) => paths.some((other, j) => i !== j && (key(one) === key(other) || key(other).startsWith(`${key(one)}/`))));
      assert.deepEqual(colliding(paths), expected);
      assert.equal(finderOf(paths).hasCollisions, expected.length > 0);
    }));
  });

  it('gives new names that neither collide with the batch nor with each other', () => {
    const name = fc.constantFrom('a.txt', 'A.txt', 'a.TXT', 'É', 'é', 'e\u0301');
    fc.assert(fc.property(fc.uniqueArray(name, { minLength: 2 }), (paths) => {
      const finder = finderOf(paths);
      const names = paths.map((path) => (finder.collides(encoded(path)) ? finder.rename(encoded(path)) : encoded(path)));
      assert.equal(new Set(names.map((renamed) => collisionKey(renamed))).size, paths.length);
    }));
  });

  it('skips a new name that the batch already has', () => {
    const first = finderOf(['a', 'A']).rename(encoded('a'));
    const finder = finderOf(['a', 'A', first]);
    assert.notEqual(finder.rename(encoded('a')), first);
    const inDirectory = finderOf(['a', 'A', `${first.toUpperCase()}/x`]);
    assert.notEqual(inDirectory.rename(encoded('a')), first);
  });
});

describe('renamedPath', () => {
  const free = (): boolean => false;

  it('keeps directory, stem and extension, and is the same every time', () => {
    const renamed = renamedPath(encoded('docs/Read Me.tar.gz'), free);
    assert.match(renamed, /^docs\/Read Me\.tar~[0-9a-f]{16}\.gz$/);
    assert.equal(renamedPath(encoded('docs/Read Me.tar.gz'), free), renamed);
    assert.notEqual(renamedPath(encoded('docs/read me.tar.gz'), free).toLowerCase(), renamed.toLowerCase());
    assert.match(renamedPath(encoded('.profile'), free), /^\.profile~[0-9a-f]{16}$/);
    assert.match(renamedPath(encoded('What? A sentence. And then more words'), free), /more words~[0-9a-f]{16}$/);
  });

  it('tries on until a name is free', () => {
    const refused = new Set<string>();
    const renamed = renamedPath(encoded('a'), (candidate) => refused.size < 3 && refused.add(candidate).size > 0);
    assert.equal(refused.size, 3);
    assert.ok(!refused.has(renamed));
  });

  it('stays within 255 bytes, whole characters, and the directory it was in', () => {
    const name = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 255 }), fc.constant('é'.repeat(127)), fc.constant(`${'x'.repeat(250)}.txt`));
    fc.assert(fc.property(name, (text) => {
      const raw = Buffer.from(text.replace(/[/\0]/g, '_'), 'utf8').subarray(0, 255);
      const path = `d/${encodePath(raw)}` as EncodedPath;
      const renamed = renamedPath(path, free);
      const written = decodePath(renamed).subarray(2);
      assert.ok(written.length <= 255 && written.length > 17);
      assert.ok(!renamed.includes('\ufffd') || text.includes('\ufffd'));
      guardPath(renamed, 'linux');
    }));
    assert.match(renamedPath(encoded('é'.repeat(127)), free), /^é{119}~[0-9a-f]{16}$/);
  });
});
