import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ownerOf, removeLeftovers, temporaryName, type Owner, type ProcessTag } from '../../src/files/temporary.js';
import { CHILD } from './children.js';
import { makeTree, temporaryDirectory } from './tree.js';

const here: ProcessTag = { host: 'aaaaaaaa', boot: 'bbbbbbbb', pid: 42, start: 1000 };
const running = (pid: number): number | undefined => (pid === 42 ? 1000 : undefined);

describe('ownerOf', () => {
  const table: readonly (readonly [what: string, tag: Partial<ProcessTag>, owner: Owner])[] = [
    ['this very process', {}, 'alive'],
    ['a process that is gone', { pid: 43 }, 'gone'],
    ['an earlier process with the same id', { start: 999 }, 'gone'],
    ['an earlier boot', { boot: 'cccccccc' }, 'gone'],
    ['another host, whatever runs there', { host: 'dddddddd', pid: 43 }, 'elsewhere'],
    ['another host in another boot', { host: 'dddddddd', boot: 'cccccccc' }, 'elsewhere'],
  ];
  for (const [what, tag, owner] of table) {
    it(`is ${owner} for ${what}`, () => assert.equal(ownerOf(temporaryName({ ...here, ...tag }), here, running), owner));
  }

  it('is nobody for every name that is not ours', () => {
    for (const name of ['', 'file', '.sealift', '.sealift-', '.sealift-x.tmp', '.sealift-aaaaaaaa-bbbbbbbb-43-1000-short', 'x.sealift-aaaaaaaa-bbbbbbbb-43-1000-0123456789abcdef']) {
      assert.equal(ownerOf(name, here, running), undefined, name);
    }
  });

  it('knows that this process is alive', () => {
    assert.equal(ownerOf(temporaryName()), 'alive');
  });
});

describe('temporaryName', () => {
  it('never repeats itself and fits any file system', () => {
    const names = new Set(Array.from({ length: 100 }, () => temporaryName()));
    assert.equal(names.size, 100);
    for (const name of names) {
      assert.match(name, /^\.sealift-[0-9a-f-]{20,100}$/);
    }
  });
});

describe('removeLeftovers', () => {
  const dead = { ...here, host: /^\.sealift-([0-9a-f]{8})/.exec(temporaryName())?.[1] ?? '', boot: '0badb007' };

  it('removes what a killed process left, and nothing before it is dead', async () => {
    const root = makeTree(['kept']);
    const child = spawn(process.execPath, [CHILD, 'linger', root], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const name = line.toString().trim();
    const directory = Buffer.from(root);
    assert.equal(removeLeftovers(directory).removed, 0);
    assert.ok(readdirSync(root).includes(name));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(removeLeftovers(directory, { keep: new Set([name]) }).removed, 0);
    assert.equal(removeLeftovers(directory).removed, 1);
    assert.deepEqual(readdirSync(root), ['kept']);
  });

  it('keeps nothing that has got its final name as well', () => {
    const root = temporaryDirectory();
    const [unfinished, landed] = [temporaryName(dead), temporaryName(dead)];
    writeFileSync(`${root}/${unfinished}`, '');
    writeFileSync(`${root}/${landed}`, '');
    linkSync(`${root}/${landed}`, `${root}/final`);
    assert.equal(removeLeftovers(Buffer.from(root), { keep: new Set([unfinished, landed]) }).removed, 1);
    assert.deepEqual(readdirSync(root).sort(), [unfinished, 'final'].sort());
  });

  it('names those of other hosts, and removes them of the one process that is known to be gone', () => {
    const root = temporaryDirectory();
    const [gone, other] = [{ ...here, pid: 1 }, { ...here, pid: 10 }];
    const [removed, kept, left] = [temporaryName(gone), temporaryName(gone), temporaryName(other)];
    [removed, kept, left].forEach((name) => writeFileSync(`${root}/${name}`, ''));
    assert.deepEqual(removeLeftovers(Buffer.from(root), { keep: new Set([kept]), gone }), { removed: 1, elsewhere: [left] });
    assert.deepEqual(readdirSync(root).sort(), [kept, left].sort());
  });

  it('removes files alone', () => {
    const root = temporaryDirectory();
    const [directory, link, file, second] = [temporaryName(dead), temporaryName(dead), temporaryName(dead), temporaryName(dead)];
    mkdirSync(`${root}/${directory}`);
    symlinkSync('nowhere', `${root}/${link}`);
    writeFileSync(`${root}/${file}`, '');
    linkSync(`${root}/${file}`, `${root}/${second}`);
    assert.equal(removeLeftovers(Buffer.from(root)).removed, 2);
    assert.deepEqual(readdirSync(root).sort(), [directory, link].sort());
  });
});
