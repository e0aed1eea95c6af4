import assert from 'node:assert/strict';
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AtomicFile, type CommitOptions } from '../../src/files/atomic.js';
import { DirectoryHandle } from '../../src/files/directory.js';
import { writeFailure } from '../../src/files/errno.js';
import { asNobody } from './children.js';
import { rejectsCode, throwsCode, withCode } from './expect.js';
import { temporaryDirectory } from './tree.js';

function create(root: string, name = 'final'): AtomicFile {
  const directory = DirectoryHandle.open(Buffer.from(root));
  const file = AtomicFile.create({ directory, name: Buffer.from(name), label: name });
  directory.release();
  return file;
}

async function put(root: string, content: string, options: Partial<CommitOptions> = {}): Promise<void> {
  const file = create(root);
  file.writeAt(Buffer.from(content), 0);
  await file.commit({ overwrite: false, ...options });
}

const contentOf = (root: string, name = 'final'): string => readFileSync(`${root}/${name}`, 'utf8');
const modeOf = (file: string): number => lstatSync(file).mode & 0o7777;

describe('AtomicFile', () => {
  it('has no name, and is nobody else\'s to read, until it is whole', async () => {
    const root = temporaryDirectory();
    const file = create(root);
    assert.deepEqual(readdirSync(root), [file.temporaryName]);
    assert.equal(modeOf(`${root}/${file.temporaryName}`), 0o600);
    file.writeAt(Buffer.from('content'), 0);
    await file.commit({ overwrite: false });
    assert.deepEqual(readdirSync(root), ['final']);
    assert.equal(contentOf(root), 'content');
    assert.equal(modeOf(`${root}/final`), 0o600);
  });

  it('takes its parts in any order', async () => {
    const root = temporaryDirectory();
    const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
    const order = fc.shuffledSubarray(Array.from({ length: 10 }, (_, index) => index), { minLength: 10 });
    await fc.assert(fc.asyncProperty(order, async (parts) => {
      const file = create(root);
      file.preallocate(content.length);
      for (const part of parts) {
        file.writeAt(content.subarray(part * 100, part * 100 + 100), part * 100);
      }
      await file.commit({ overwrite: true });
      assert.deepEqual(readFileSync(`${root}/final`), content);
    }), { numRuns: 10 });
  });

  it('sets the mtime to the microsecond', async () => {
    const root = temporaryDirectory();
    const times = [0n, 1n, 999n, 1_700_000_000_123_456_789n, 1_999_999_999_999_999_999n, 4_102_444_799_999_999_999n, -1n, -1_000_000_000n, -12_345_678_901_234_567n];
    for (const mtimeNs of times) {
      await put(root, 'x', { overwrite: true, mtimeNs });
      assert.equal(lstatSync(`${root}/final`, { bigint: true }).mtimeNs / 1000n, mtimeNs / 1000n, `${mtimeNs} ns`);
    }
  });

  it('sets permission bits, and special ones only on request', async () => {
    const root = temporaryDirectory();
    for (const [mode, preserveSpecialBits, expected] of [[0o644, false, 0o644], [0o400, false, 0o400], [0, false, 0], [0o6755, false, 0o755], [0o6755, true, 0o6755], [0o1777, true, 0o1777], [0o100644, true, 0o644]] as const) {
      await put(root, 'x', { overwrite: true, mode, preserveSpecialBits });
      assert.equal(modeOf(`${root}/final`), expected);
    }
  });

  it('replaces nothing unless it may', async () => {
    const root = temporaryDirectory();
    await put(root, 'first');
    const error = await rejectsCode(put(root, 'second'), 'exists');
    assert.equal(error.object, 'final');
    assert.deepEqual([contentOf(root), readdirSync(root)], ['first', ['final']]);
    await put(root, 'third', { overwrite: true });
    assert.deepEqual([contentOf(root), readdirSync(root)], ['third', ['final']]);
  });

  it('lets one of several win the name', async () => {
    const root = temporaryDirectory();
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((content) => put(root, content)));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.deepEqual(readdirSync(root), ['final']);
  });

  it('replaces a link itself and leaves its target alone', async () => {
    const root = temporaryDirectory();
    const outside = `${temporaryDirectory()}/target`;
    writeFileSync(outside, 'precious');
    symlinkSync(outside, `${root}/final`);
    await rejectsCode(put(root, 'x'), 'exists');
    assert.equal(readlinkSync(`${root}/final`), outside);
    await put(root, 'new', { overwrite: true });
    assert.ok(lstatSync(`${root}/final`).isFile());
    assert.equal(readFileSync(outside, 'utf8'), 'precious');
  });

  it('does not create the target of a dangling link', async () => {
    const root = temporaryDirectory();
    symlinkSync('elsewhere', `${root}/final`);
    await rejectsCode(put(root, 'x'), 'exists');
    assert.ok(!existsSync(`${root}/elsewhere`));
  });

  it('does not replace a directory', async () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/final`);
    for (const overwrite of [false, true]) {
      await rejectsCode(put(root, 'x', { overwrite }), 'exists');
    }
    assert.deepEqual(readdirSync(root), ['final']);
  });

  it('leaves nothing behind when it is discarded', async () => {
    const root = temporaryDirectory();
    const file = create(root);
    file.writeAt(Buffer.from('x'), 0);
    file.discard();
    file.discard();
    assert.deepEqual(readdirSync(root), []);
    const second = create(root);
    await second.commit({ overwrite: false });
    second.discard();
    assert.deepEqual(readdirSync(root), ['final']);
    await assert.rejects(second.commit({ overwrite: true }), TypeError);
    assert.deepEqual(readdirSync(root), ['final']);
  });

  it('leaves nothing behind when the name cannot be given', async () => {
    const root = temporaryDirectory();
    const file = create(root, 'n'.repeat(256));
    await rejectsCode(file.commit({ overwrite: true }), 'name-invalid');
    assert.deepEqual(readdirSync(root), []);
  });

  it('gives every descriptor back', async () => {
    const root = temporaryDirectory();
    const before = readdirSync('/dev/fd').length;
    await put(root, 'x');
    create(root).discard();
    await rejectsCode(put(root, 'y'), 'exists');
    assert.equal(readdirSync('/dev/fd').length, before);
  });

  it('refuses at once what the disk cannot hold', () => {
    const root = temporaryDirectory();
    const file = create(root);
    const error = throwsCode(() => file.preallocate(2 ** 52), 'disk-full');
    assert.match(error.message, /final needs 4503599627370496 bytes, its disk has \d+ free/);
    file.discard();
  });

  it('goes on with the file of an earlier process', async () => {
    const root = temporaryDirectory();
    const { temporaryName } = create(root);
    writeFileSync(`${root}/${temporaryName}`, 'first,');
    const directory = DirectoryHandle.open(Buffer.from(root));
    const file = AtomicFile.reopen({ directory, name: Buffer.from('final'), label: 'final' }, temporaryName);
    file.writeAt(Buffer.from('second'), 6);
    await file.commit({ overwrite: false });
    assert.deepEqual([contentOf(root), readdirSync(root)], ['first,second', ['final']]);
    directory.release();
  });

  it('knows what it reserved a name with, also after a commit that was killed half-way', () => {
    const root = temporaryDirectory();
    const { temporaryName } = create(root);
    chmodSync(`${root}/${temporaryName}`, 0o644);
    const directory = DirectoryHandle.open(Buffer.from(root));
    const file = AtomicFile.reopen({ directory, name: Buffer.from('final'), label: 'final' }, temporaryName);
    const verdicts = [[0, 0o600], [0, 0o644], [1, 0o600]] as const;
    assert.deepEqual(verdicts.map(([sizeBytes, mode]) => file.isReservation({ sizeBytes, mode })), [true, false, false]);
    file.discard();
    directory.release();
  });

  it('goes on with nothing that only looks like one', () => {
    const root = temporaryDirectory();
    const directory = DirectoryHandle.open(Buffer.from(root));
    const reopen = (name: string): AtomicFile => AtomicFile.reopen({ directory, name: Buffer.from('final'), label: 'final' }, name);
    writeFileSync(`${root}/precious`, 'precious');
    linkSync(`${root}/precious`, `${root}/linked`);
    symlinkSync('precious', `${root}/symlink`);
    mkdirSync(`${root}/directory`);
    for (const name of ['linked', 'none']) {
      throwsCode(() => reopen(name), 'write-failed');
    }
    for (const name of ['symlink', 'directory']) {
      assert.throws(() => reopen(name));
    }
    assert.equal(contentOf(root, 'precious'), 'precious');
    directory.release();
  });
});

describe('writeFailure', () => {
  it('knows a full disk', { skip: process.platform === 'linux' ? false : 'needs /dev/full' }, () => {
    const full = openSync('/dev/full', 'w');
    try {
      writeSync(full, 'x');
      assert.fail('/dev/full took a byte');
    } catch (error) {
      withCode(writeFailure(error, 'object'), 'disk-full');
    }
  });

  it('knows a place where nobody may write', () => {
    const root = temporaryDirectory();
    chmodSync(root, 0o555);
    assert.equal(asNobody('write', root).code, 'write-failed');
  });

  it('passes on what is no failure of the disk', () => {
    const bug = new TypeError('bug');
    assert.equal(writeFailure(bug, 'object'), bug);
  });
});
