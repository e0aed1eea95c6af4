import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodePath, guardPath } from '../../src/files/names.js';
import type { EncodedPath } from '../../src/run/types.js';
import { throwsCode } from './expect.js';

const encoded = (text: string): EncodedPath => encodePath(Buffer.from(text, 'latin1'));

describe('guardPath', () => {
  const everywhere = ['', '/', '/etc/passwd', 'a//b', 'a/', '.', '..', '../a', 'a/../b', 'a/..', './a', 'a/./b', 'a\0b', '\0'];
  for (const path of everywhere) {
    it(`refuses ${JSON.stringify(path)} on every system`, () => {
      for (const platform of ['linux', 'darwin', 'win32'] as const) {
        throwsCode(() => guardPath(encoded(path), platform), 'path-escape');
      }
    });
  }

  const onWindows = [
    'C:', 'C:\\x', 'c:/x', 'file.txt:stream', '\\\\server\\share', 'a\\..\\b', '..\\x', 'a\nb', 'a\x1f', 'dot.', 'dot./x', 'space ',
    'con', 'CON', 'Nul.txt', 'a/aux/b', 'prn.tar.gz', 'com1', 'LPT9.log', 'COM\xc2\xb9', 'conin$', 'CONOUT$', 'nul .txt', '...', 'caf\xe9', 'con.a\x85',
  ];
  for (const path of onWindows) {
    it(`refuses ${JSON.stringify(path)} on Windows alone`, () => {
      throwsCode(() => guardPath(encoded(path), 'win32'), 'path-escape');
      guardPath(encoded(path), 'linux');
    });
  }

  for (const path of ['a', '...a', 'a..b/..c', 'console', 'com', 'com10', 'nullable.txt', '-rf', '~', '$HOME', 'caf\xc3\xa9', '%2E%2E']) {
    it(`lets ${JSON.stringify(path)} pass everywhere`, () => {
      guardPath(encoded(path), 'linux');
      guardPath(encoded(path), 'win32');
    });
  }

  it('refuses text that is no encoded path', () => {
    throwsCode(() => guardPath('%2E%2E/x' as EncodedPath, 'linux'), 'name-invalid');
  });

  it('lets nothing pass that resolves to outside the root', () => {
    const hostile = fc.string({ unit: fc.constantFrom('.', '/', '\\', 'a', ':', '\0', ' ', 'C'), maxLength: 10 });
    fc.assert(fc.property(hostile, (text) => {
      for (const [platform, system, root] of [['linux', posix, '/r/t'], ['win32', win32, 'D:\\r\\t']] as const) {
        try {
          guardPath(encoded(text), platform);
        } catch {
          continue;
        }
        const below = system.relative(root, system.resolve(root, text));
        const outside = below === '' || below === '..' || below.startsWith(`..${system.sep}`) || system.isAbsolute(below);
        assert.ok(!outside, `${platform}: ${JSON.stringify(text)}`);
      }
    }), { numRuns: 3000 });
  });
});
