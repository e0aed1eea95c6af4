import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodePath, encodePath, normalizePrefix, objectKey, parsePath, pathOfForeignKey, pathOfKey } from '../../src/files/names.js';
import { encodeName } from '../../src/files/path-encoding.js';
import type { EncodedPath } from '../../src/run/types.js';
import { throwsCode } from './expect.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const encoded = (text: string): EncodedPath => encodePath(Buffer.from(text, 'utf8'));

/** Raw paths as a file system can hold them: any byte but NUL, segments neither empty nor dots. */
const rawPath = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 24 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0xff : byte)))),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).map((text) => Buffer.from(text.replace(/[/\0]/g, '%'), 'utf8')),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((names) => Buffer.from(names.map((name) => name.toString('latin1')).join('/'), 'latin1'));

describe('encodePath', () => {
  const table: readonly (readonly [raw: string, path: string])[] = [
    ['plain/name.txt', 'plain/name.txt'],
    ['', ''],
    ['100%', '100%25'],
    ['%41', '%2541'],
    ['a\\b', 'a%5Cb'],
    ['line\nbreak\ttab\r', 'line%0Abreak%09tab%0D'],
    ['\x00\x1f\x20\x7e\x7f', '%00%1F ~%7F'],
    ['gr\xc3\xbc\xc3\x9fe', 'grüße'],
    ['\xef\xbb\xbfbom', '\ufeffbom'],
    ['\xf0\x9f\x98\x80', '😀'],
    ['latin-\xfc', 'latin-%FC'],
    ['\xc3', '%C3'],
    ['\xc3\xc3\xbc', '%C3ü'],
    ['\xc0\xaf overlong', '%C0%AF overlong'],
    ['\xe0\x80\xaf', '%E0%80%AF'],
    ['\xed\xa0\x80 surrogate', '%ED%A0%80 surrogate'],
    ['\xf4\x90\x80\x80 too high', '%F4%90%80%80 too high'],
    ['\xf0\x9f\x98', '%F0%9F%98'],
    ['\xff%\n\xc3\xbc', '%FF%25%0Aü'],
    ['\xc2\x85 c1', '\u0085 c1'],
  ];

  for (const [raw, path] of table) {
    it(`writes ${JSON.stringify(raw)} as ${JSON.stringify(path)} and reads it back`, () => {
      assert.equal(encodePath(latin1(raw)), path);
      assert.equal(encodeName(raw), path);
      assert.deepEqual(decodePath(path as EncodedPath), latin1(raw));
    });
  }

  it('is undone by decodePath for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const raw = Buffer.from(bytes);
      const path = encodePath(raw);
      assert.deepEqual(decodePath(path), raw);
      assert.equal(encodeName(raw.toString('latin1')), path);
      assert.match(path, /^[^\u0000-\u001f\u007f\\]*$/);
    }), { numRuns: 2000 });
  });

  it('encodes a path as it encodes its segments', () => {
    fc.assert(fc.property(rawPath, (raw) => {
      const names = raw.toString('latin1').split('/').map((name) => encodeName(name));
      assert.equal(encodePath(raw), names.join('/'));
    }));
  });
});

describe('decodePath', () => {
  const refused = ['%', '%4', '%zz', '%c3', '%41', '%2F', '%2E%2E', '%C3%BC', 'tab\t', 'a\\b', '\ud800', '%25%', '\u007f', 'a\0b'];

  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}, which encodePath cannot have written`, () => {
      throwsCode(() => decodePath(text as EncodedPath), 'name-invalid');
      throwsCode(() => parsePath(text), 'name-invalid');
    });
  }

  it('accepts nothing but the image of encodePath', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('%', '2', '5', 'C', '3', 'ü', '\\', 'a', '\n', 'c'), maxLength: 8 }), (text) => {
      let raw: Buffer;
      try {
        raw = decodePath(text as EncodedPath);
      } catch {
        return;
      }
      assert.equal(encodePath(raw), text);
    }), { numRuns: 2000 });
  });
});

describe('normalizePrefix', () => {
  it('ignores trailing slashes and nothing else', () => {
    assert.equal(normalizePrefix(''), '');
    assert.equal(normalizePrefix('a/b'), 'a/b');
    assert.equal(normalizePrefix('a/b/'), 'a/b');
    assert.equal(normalizePrefix('a/b//'), 'a/b');
    assert.equal(normalizePrefix(' a%/b\\c '), ' a%/b\\c ');
    assert.equal(normalizePrefix('..a/.b/c..'), '..a/.b/c..');
  });

  for (const prefix of ['/', '/a', '\\a', '.', '..', 'a/../b', 'a/./b', '../a', 'a/..', 'a/../', '\udc00']) {
    it(`refuses ${JSON.stringify(prefix)}`, () => {
      throwsCode(() => normalizePrefix(prefix), 'destination-invalid');
    });
  }
});

describe('objectKey', () => {
  it('joins prefix and path', () => {
    assert.equal(objectKey('', encoded('a/b')), 'a/b');
    assert.equal(objectKey('p/q', encoded('a%\n')), 'p/q/a%25%0A');
  });

  it('allows 1,023 bytes of UTF-8 and not one more', () => {
    const path = encoded('ü'.repeat(510));
    assert.equal(Buffer.byteLength(objectKey('ab', path)), 1023);
    throwsCode(() => objectKey('abc', path), 'key-too-long');
    throwsCode(() => objectKey('', encodePath(Buffer.alloc(342, 0xff))), 'key-too-long');
    assert.equal(objectKey('', encodePath(Buffer.alloc(341, 0xff))).length, 1023);
  });

  it('refuses keys that OSS does not accept', () => {
    throwsCode(() => objectKey('', '/a' as EncodedPath), 'name-invalid');
    throwsCode(() => objectKey('', '' as EncodedPath), 'name-invalid');
    throwsCode(() => objectKey('p', '' as EncodedPath), 'name-invalid');
  });
});

describe('pathOfKey', () => {
  it('undoes objectKey for any path under any prefix', () => {
    const prefix = fc.constantFrom('', 'p', 'p/q', '100%', 'ü', 'a%2Fb', 'a b');
    fc.assert(fc.property(prefix, rawPath, (before, raw) => {
      const path = encodePath(raw);
      const key = objectKey(before, path);
      assert.equal(pathOfKey(before, key), path);
      assert.deepEqual(decodePath(pathOfKey(before, key) ?? assert.fail('not below its own prefix')), raw);
    }));
  });

  it('matches whole segments of the prefix only', () => {
    assert.equal(pathOfKey('photos', 'photos/a'), 'a');
    assert.equal(pathOfKey('photos', 'photos2/a'), null);
    assert.equal(pathOfKey('photos', 'photos.txt'), null);
    assert.equal(pathOfKey('photos', 'Photos/a'), null);
    assert.equal(pathOfKey('photos', 'photo'), null);
  });

  it('names a single object by the last part of its key', () => {
    assert.equal(pathOfKey('a/b/motto.txt', 'a/b/motto.txt'), 'motto.txt');
    assert.equal(pathOfKey('motto.txt', 'motto.txt'), 'motto.txt');
    assert.equal(pathOfKey('a/100%25', 'a/100%25'), '100%25');
    assert.equal(pathOfForeignKey('a/100%25', 'a/100%25'), '100%2525');
  });

  it('takes a key literally that no push can have made', () => {
    assert.equal(pathOfKey('', 'a%2Fb'), 'a%252Fb');
    assert.equal(pathOfKey('p', 'p/%2E%2E/x'), '%252E%252E/x');
    assert.equal(pathOfKey('', 'a\\b'), 'a%5Cb');
  });

  it('takes every key of a foreign object literally', () => {
    assert.equal(pathOfForeignKey('p', 'p/100%25\n'), '100%2525%0A');
    assert.equal(pathOfForeignKey('p', 'q/a'), null);
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (key) => {
      const path = pathOfForeignKey('', key) ?? assert.fail('everything is below the empty prefix');
      assert.equal(decodePath(path).toString('utf8'), key);
    }));
  });
});
