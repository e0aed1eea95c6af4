import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { ListedPaths } from '../../src/files/listed-paths.js';
import type { WalkOptions } from '../../src/files/walk.js';
import { MAX_IGNORE_FILE_BYTES } from '../../src/limits.js';
import { rejectsCode } from './expect.js';
import { at, makeTree } from './tree.js';
import { walkAll, words } from './walking.js';

const NAME = '.ig';

/** Files by name and, of ignore files, their lines; the names are latin1. */
function grow(names: readonly string[], rules: Readonly<Record<string, string | Buffer>>): string {
  const root = makeTree(names);
  for (const [directory, text] of Object.entries(rules)) {
    const file = directory === '' ? NAME : `${directory}/${NAME}`;
    mkdirSync(at(root, dirname(file)), { recursive: true });
    writeFileSync(at(root, file), text);
  }
  return root;
}

async function told(root: string, more: Partial<WalkOptions> = {}): Promise<string[]> {
  return words(await walkAll(root, { ignoreFile: NAME, ...more })).filter((word) => !word.endsWith(NAME));
}

describe('walk with ignore files', () => {
  const table: readonly (readonly [what: string, names: readonly string[], rules: Readonly<Record<string, string>>, told: readonly string[]])[] = [
    ['a name at any depth, a path from here', ['a.o', 'd/a.o', 'd/b', 'build/x', 'd/build/x'], { '': '*.o\n/build\n' },
      ['skipped/excluded a.o', 'skipped/excluded build', 'skipped/excluded d/a.o', 'file d/b', 'file d/build/x']],
    ['a directory alone', ['a/cache/x', 'b/cache'], { '': 'cache/' }, ['skipped/excluded a/cache', 'file b/cache']],
    ['comments, blanks, a byte order mark and CRLF', ['#a', 'a', 'b ', 'b'], { '': '\ufeff# a\r\n\r\n\\#a\r\nb  \r\n' }, ['skipped/excluded #a', 'file a', 'skipped/excluded b', 'file b ']],
    ['the last line that matches', ['a.o', 'keep.o'], { '': '*.o\n!keep.o' }, ['skipped/excluded a.o', 'file keep.o']],
    ['letters in their case', ['A', 'a'], { '': 'a' }, ['file A', 'skipped/excluded a']],
    ['a deeper file later, and for its directory alone', ['a.o', 'd/a.o', 'd/e/a.o', 'd/e/b.o'], { '': '*.o', d: '!*.o', 'd/e': '/b.o' },
      ['skipped/excluded a.o', 'file d/a.o', 'file d/e/a.o', 'skipped/excluded d/e/b.o']],
    ['nothing below what is left out', ['d/keep', 'd/x'], { '': 'd\n!d/keep', d: '!*' }, ['skipped/excluded d']],
    ['what is in a directory that a deeper file takes back', ['d/out/x', 'd/out/out/y', 'd/out/a.o', 'd/o[u]t */x', 'd/oxut */x', 'e/out/x'], { '': 'out\n*.o\no*t*\n', d: '!/out\n!/o\\[u\\]t*/' },
      ['file d/o[u]t */x', 'skipped/excluded d/out/a.o', 'skipped/excluded d/out/out', 'file d/out/x', 'skipped/excluded d/oxut *', 'skipped/excluded e/out']],
    ['names of all kinds', ['new\nline/x', '\xff\xfe', 'back\\slash', '[a]/x', 'a'], { '': 'new?line\n??\nback\\\\slash\n\\[a\\]\n!' },
      ['skipped/excluded [a]', 'file a', 'skipped/excluded back%5Cslash', 'skipped/excluded new%0Aline', 'skipped/excluded %FF%FE']],
  ];
  for (const [what, names, rules, expected] of table) {
    it(`goes by ${what}`, async () => {
      assert.deepEqual(await told(grow(names, rules)), expected);
    });
  }

  it('keeps the files themselves, and reads none where nobody asked for them', async () => {
    const root = grow(['a.o', 'd/b.o'], { '': '*.o', d: '' });
    assert.deepEqual(words(await walkAll(root, { ignoreFile: NAME })), ['file .ig', 'skipped/excluded a.o', 'file d/.ig', 'skipped/excluded d/b.o']);
    assert.deepEqual(words(await walkAll(root)), ['file .ig', 'file a.o', 'file d/.ig', 'file d/b.o']);
  });

  it('takes a link for a file unless it is followed', async () => {
    const root = grow(['d/x', 'e/x'], { '': 'to-d/\nto-e' });
    symlinkSync('d', `${root}/to-d`);
    symlinkSync('e', `${root}/to-e`);
    assert.deepEqual((await told(root)).slice(2), ['skipped/symlink to-d', 'skipped/excluded to-e']);
    assert.deepEqual((await told(root, { symlinks: 'follow' })).slice(2), ['skipped/excluded to-d', 'skipped/excluded to-e']);
  });

  it('holds beside globs, and for what is on a list', async () => {
    const root = grow(['a.o', 'd/a.o', 'd/b', 'd/c', 'e/x'], { '': '*.o\ne', d: 'b' });
    assert.deepEqual(await told(root, { include: ['d/*'], exclude: ['d/c'] }), ['skipped/excluded a.o', 'skipped/excluded d/a.o', 'skipped/excluded d/b', 'skipped/excluded d/c', 'skipped/excluded e']);
    assert.deepEqual(await told(root, { files: new ListedPaths(['d/b', 'd/c', 'e/x']) }), ['skipped/excluded d/b', 'file d/c', 'skipped/excluded e']);
  });

  it('says the same of many names, and keeps no answer for ever', async () => {
    const names = Array.from({ length: 1500 }, (_, index) => `d/${index}`);
    const found = await told(grow(names, { '': '*7' }));
    assert.deepEqual([found.length, found.filter((word) => word.startsWith('skipped/excluded ')).length], [1500, 150]);
  });
});

describe('an ignore file', () => {
  const table: readonly (readonly [what: string, text: Buffer | string, message: RegExp])[] = [
    ['a NUL', 'a\0b', /d\/\.ig.*plain text/],
    ['UTF-16', Buffer.from('\ufeffa', 'utf16le'), /plain text/],
    ['bytes that are not UTF-8', Buffer.from('caf\xe9', 'latin1'), /plain text/],
    ['too many bytes', `#${'x'.repeat(MAX_IGNORE_FILE_BYTES)}`, /524289 bytes/],
  ];
  for (const [what, text, message] of table) {
    it(`fails its directory, and ends the walk at the root, where it has ${what}`, async () => {
      await failsAlone(grow(['d/secret', 'e'], { d: text }), message);
      await rejectsCode(walkAll(grow(['e'], { '': text }), { ignoreFile: NAME }), 'unreadable');
    });
  }

  it('may have as many bytes as are allowed', async () => {
    assert.deepEqual(await told(grow(['e'], { '': `e\n#${'x'.repeat(MAX_IGNORE_FILE_BYTES - 3)}` })), ['skipped/excluded e']);
  });

  it('fails its directory where it is one, a pipe or a link that leads nowhere', async () => {
    await failsAlone(grow(['d/secret', `d/${NAME}/x`, 'e'], {}), /is no file/);
    const piped = grow(['d/secret', 'e'], {});
    execFileSync('mkfifo', [`${piped}/d/${NAME}`]);
    await failsAlone(piped, /is no file/);
    const linked = grow(['d/secret', 'e'], {});
    symlinkSync('nowhere', `${linked}/d/${NAME}`);
    await failsAlone(linked, /leads nowhere/);
  });

  it('may be a link to one', async () => {
    const root = grow(['d/secret', 'rules'], {});
    writeFileSync(`${root}/rules`, 'secret');
    symlinkSync('../rules', `${root}/d/${NAME}`);
    assert.deepEqual(await told(root), ['skipped/excluded d/secret', 'file rules']);
  });
});

async function failsAlone(root: string, message: RegExp): Promise<void> {
  const entries = await walkAll(root, { ignoreFile: NAME });
  assert.deepEqual(words(entries), ['failed/unreadable d', 'file e']);
  assert.ok(entries[0]?.kind === 'failed');
  assert.match(entries[0].failure.message, message);
}
