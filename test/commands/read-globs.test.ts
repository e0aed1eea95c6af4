import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { withListedGlobs } from '../../src/commands/read-globs.js';
import { compileSelection } from '../../src/files/selection.js';
import { KiB, MAX_GLOB_BYTES } from '../../src/limits.js';

const directory = mkdtempSync(join(tmpdir(), 'sealift-test-'));
after(() => rmSync(directory, { recursive: true }));

function list(name: string, data: Buffer | string): string {
  const file = join(directory, name);
  writeFileSync(file, data);
  return file;
}

/** By hand, too. */
function isUsable(glob: string): boolean {
  try {
    compileSelection([glob], [glob]);
    return true;
  } catch {
    return false;
  }
}

async function globsOf(data: Buffer | string): Promise<readonly string[] | undefined> {
  return (await withListedGlobs({ 'exclude-from': [list('list', data)] })).exclude;
}

describe('a list of globs', () => {
  const table: readonly (readonly [data: Buffer | string, globs: readonly string[] | undefined])[] = [
    ['', undefined],
    ['\n\r\n \t\n# nothing\n  # either\n', undefined],
    ['a', ['a']],
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a \t\r\n\t b', ['a', 'b']],
    ['a b\tc', ['a b\tc']],
    ['a\\ \nb\\  \r\nc[ ]', ['a\\ ', 'b\\ ', 'c[ ]']],
    ['\ufeffa', ['a']],
    ['\ufeff# a\n#b\n\\#c\n[#]d\nd#', ['\\#c', '[#]d', 'd#']],
    ['a\n\ufeffb', ['a', '\ufeffb']],
    ['; no comment\n\u00a0', ['; no comment', '\u00a0']],
    ['üñï/**/*.{jpg,файл}\n!(a).log', ['üñï/**/*.{jpg,файл}', '!(a).log']],
    ['a\na', ['a', 'a']],
  ];
  for (const [data, globs] of table) {
    it(`of ${JSON.stringify(data)} is ${JSON.stringify(globs)}`, async () => assert.deepEqual(await globsOf(data), globs));
  }

  it('is what the same globs are that were given by hand, and comes after those', async () => {
    const glob = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => `a${text.replaceAll(/[\0\r\n\p{Cs}]/gu, '')}z`).filter(isUsable);
    const filler = fc.constantFrom('', ' ', '\t', '# a comment', '  #');
    const lines = fc.array(fc.tuple(fc.array(filler), glob, fc.constantFrom('', ' ', '\t ', '\r', ' \r')));
    await fc.assert(fc.asyncProperty(fc.array(glob), lines, lines, fc.boolean(), async (typed, included, excluded, hasMark) => {
      const [wanted, unwanted] = [included, excluded].map((rows, at) => {
        const text = rows.flatMap(([fillers, glob, end]) => [...fillers, `${glob}${end}`]).join('\n');
        return list(`list-${at}`, `${hasMark ? '\ufeff' : ''}${text}`);
      });
      const settings = await withListedGlobs({ include: ['typed', ...typed], exclude: typed, 'include-from': [wanted ?? ''], 'exclude-from': [unwanted ?? ''] });
      const byHand = [...typed, ...excluded.map(([, glob]) => glob)];
      assert.deepEqual(settings, {
        include: ['typed', ...typed, ...included.map(([, glob]) => glob)], ...(byHand.length === 0 ? {} : { exclude: byHand }),
      });
    }), { numRuns: 50 });
  });

  it('joins several files in their order', async () => {
    const settings = await withListedGlobs({ json: true, 'include-from': [list('1', 'a\n!b'), list('2', 'c')], 'exclude-from': [list('3', 'd'), list('4', '')] });
    assert.deepEqual(settings, { json: true, include: ['a', '!b', 'c'], exclude: ['d'] });
  });
});

describe('a list of globs that is none', () => {
  const table: readonly (readonly [what: string, data: Buffer | string, line: number, message: RegExp])[] = [
    ['a NUL', 'a\n\nb\0c\n', 3, /holds a NUL/],
    ['UTF-16', Buffer.from('\ufeffa\n', 'utf16le'), 1, /NUL|UTF-8/],
    ['bytes that are not UTF-8', Buffer.from('# one\nb\xff\n', 'latin1'), 2, /not UTF-8/],
    ['bytes that are not UTF-8 in a comment', Buffer.from('# caf\xe9\n', 'latin1'), 1, /not UTF-8/],
    ['lines that end with a carriage return alone', 'a\rb\r', 1, /carriage return/],
    ['a negation', '# comment\n\n!a', 3, /"!a" is not usable: an exclude cannot be negated/],
    ['an empty path', '/', 1, /"\/" is not usable: it is empty/],
    ['a group that is none', 'a!( z', 1, /"a!\( z" is not usable/],
    ['a class that is none', 'a\n[z-a]', 2, /"\[z-a\]" is not usable/],
  ];
  for (const [what, data, line, message] of table) {
    it(`is refused by file and line: ${what}`, async () => {
      await assert.rejects(globsOf(data), (error: Error & { code?: string; exitCode?: number; remedy?: string }) => {
        assert.deepEqual([error.code, error.exitCode], ['usage', 2]);
        assert.ok(error.message.startsWith(`${join(directory, 'list')}, line ${line}: `), error.message);
        assert.match(error.message, message);
        assert.ok(error.remedy !== undefined);
        return true;
      });
    });
  }

  it('is refused when it cannot be read', async () => {
    await assert.rejects(withListedGlobs({ 'include-from': [join(directory, 'nowhere')] }), { code: 'usage', message: /cannot read the list of globs .*nowhere/, remedy: 'check --include-from' });
    await assert.rejects(withListedGlobs({ 'exclude-from': [directory] }), { code: 'usage', remedy: 'check --exclude-from' });
  });

  it('is refused when nothing wanted is in it, for that would be everything', async () => {
    const file = list('none', '# to do\n');
    await assert.rejects(withListedGlobs({ 'include-from': [file] }), { code: 'usage', message: /no glob is in .*none/ });
    assert.deepEqual((await withListedGlobs({ include: ['a'], 'include-from': [file] })).include, ['a']);
  });

  it('is refused when it is longer than a manifest keeps', async () => {
    // In JSON each takes three bytes more, and the brackets one more than the comma that the last one has not.
    const glob = 'x'.repeat(KiB - 3);
    const globs = [...new Array<string>(MAX_GLOB_BYTES / KiB - 1).fill(glob), glob.slice(1)];
    assert.deepEqual(await globsOf(globs.join('\n')), globs);
    await assert.rejects(globsOf(`${globs.join('\n')}x`), { code: 'usage', message: new RegExp(`there are ${MAX_GLOB_BYTES + 1} bytes of globs`) });
  });
});
