import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertUnchanged, openSource, type SourceHandle } from '../../src/files/source.js';
import { fileStatOf } from '../../src/files/stat.js';
import { asNobody, withoutDescriptors } from './children.js';
import { throwsCode } from './expect.js';
import { at, makeTree, temporaryDirectory } from './tree.js';

const onLinux = { skip: process.platform === 'linux' ? false : 'needs the proc file system' };

function fileWith(content: string | Buffer): string {
  const file = `${temporaryDirectory()}/file`;
  writeFileSync(file, content);
  // Long ago, so that any later write shows in the times, however coarse the clock of the file system.
  utimesSync(file, 1, 1);
  return file;
}

function open(file: string | Buffer, followSymlinks = false): SourceHandle {
  return openSource(Buffer.from(file), { followSymlinks });
}

/** Opens a file, does something to it, and expects that reading it whole fails. */
function assertUnstable(content: string, meanwhile: (file: string) => void, message: RegExp): void {
  const file = fileWith(content);
  const source = open(file);
  meanwhile(file);
  const error = throwsCode(() => source.readAll(Buffer.alloc(source.stat.sizeBytes)), 'unstable');
  assert.match(error.message, message);
  assert.equal(error.object, file);
  source.close();
}

describe('openSource', () => {
  it('reads what is there, of any size', () => {
    for (const size of [0, 1, 4095, 4096, 65537, 300_001]) {
      const content = Buffer.alloc(size, `size ${size} `);
      const source = open(fileWith(content));
      const target = Buffer.alloc(size);
      source.readAll(target);
      assert.deepEqual(target, content);
      source.assertUnchanged();
      source.close();
    }
  });

  it('knows the file as lstat does', () => {
    const file = fileWith('x');
    const source = open(file);
    assert.deepEqual(source.stat, fileStatOf(lstatSync(file, { bigint: true })));
    source.close();
  });

  it('opens names of any bytes, and shows them encoded', () => {
    const root = makeTree(['caf\xe9\n%']);
    const source = openSource(at(root, 'caf\xe9\n%'), { followSymlinks: false });
    assert.equal(source.name, `${root}/caf%E9%0A%25`);
    source.close();
  });

  it('follows a link only when asked to', () => {
    const file = fileWith('target');
    symlinkSync(file, `${file}.link`);
    throwsCode(() => open(`${file}.link`), 'unstable');
    const source = open(`${file}.link`, true);
    assert.equal(source.stat.sizeBytes, 6);
    source.close();
  });

  it('neither waits for a FIFO nor takes anything else for a file', () => {
    const root = temporaryDirectory();
    execFileSync('mkfifo', [`${root}/fifo`]);
    execFileSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(`${root}/socket`)}, () => process.exit())`]);
    mkdirSync(`${root}/directory`);
    for (const name of ['fifo', 'socket', 'directory']) {
      throwsCode(() => open(`${root}/${name}`), 'unstable');
    }
    throwsCode(() => open('/dev/null'), 'unstable');
  });

  it('says that a file vanished, its directory too', () => {
    const file = fileWith('');
    throwsCode(() => open(`${file}-none`), 'vanished');
    throwsCode(() => open(`${file}/below`), 'vanished');
    throwsCode(() => open(`${file}-none`, true), 'vanished');
  });

  it('says that a file is unreadable, and why', () => {
    const file = fileWith('secret');
    chmodSync(`${file}/..`.replace('/file/..', ''), 0o755);
    chmodSync(file, 0);
    assert.equal(asNobody('read', file).code, 'unreadable');
    assert.match(throwsCode(() => open(`/${'x'.repeat(300)}`), 'unreadable').message, /ENAMETOOLONG/);
  });

  it('refuses a file that is not as it was seen before', () => {
    const file = fileWith('1');
    const source = open(file);
    source.close();
    openSource(Buffer.from(file), { followSymlinks: false, expected: source.stat }).close();
    appendFileSync(file, '2');
    const before = readdirSync('/dev/fd').length;
    throwsCode(() => openSource(Buffer.from(file), { followSymlinks: false, expected: source.stat }), 'unstable');
    assert.equal(readdirSync('/dev/fd').length, before, 'the refused file stayed open');
  });

  it('waits for a file descriptor', () => {
    assert.equal(withoutDescriptors('read', fileWith('content')).result, 'content');
  });
});

describe('SourceHandle', () => {
  it('notices whatever happens to the file while it is read', () => {
    assertUnstable('12345', (file) => appendFileSync(file, '6'), /more bytes/);
    assertUnstable('12345', (file) => truncateSync(file, 3), /ended at byte 3/);
    assertUnstable('12345', (file) => writeFileSync(file, '54321'), /changed while/);
    assertUnstable('12345', (file) => utimesSync(file, 1, 2), /changed while/);
    assertUnstable('', (file) => writeFileSync(file, 'x'), /more bytes/);
  });

  it('reads on from a file that was renamed or removed: it is the same file', () => {
    const file = fileWith('12345');
    const source = open(file);
    renameSync(file, `${file}2`);
    rmSync(`${file}2`);
    const target = Buffer.alloc(5);
    source.readAt(target, 0);
    assert.equal(target.toString(), '12345');
    source.close();
  });

  it('does not believe a size of zero', onLinux, () => {
    const source = open('/proc/self/status');
    assert.equal(source.stat.sizeBytes, 0);
    throwsCode(() => source.readAll(Buffer.alloc(0)), 'unstable');
    source.close();
  });

  it('reports a disk that cannot be read', onLinux, () => {
    const source = open('/proc/self/mem');
    const error = throwsCode(() => source.readAt(Buffer.alloc(1), 0), 'unreadable');
    assert.match(error.message, /EIO/);
    assert.equal(error.retryable, false);
    source.close();
  });

  it('reads any range, and refuses one that the file does not have', () => {
    const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
    const source = open(fileWith(content));
    fc.assert(fc.property(fc.nat(1100), fc.nat(200), (position, length) => {
      const target = Buffer.alloc(length);
      if (length > 0 && position + length > content.length) {
        throwsCode(() => source.readAt(target, position), 'unstable');
        return;
      }
      source.readAt(target, position);
      assert.deepEqual(target, content.subarray(position, position + length));
    }));
    source.close();
  });

  it('refuses a target of another size', () => {
    const source = open(fileWith('12345'));
    assert.throws(() => source.readAll(Buffer.alloc(4)), RangeError);
    assert.throws(() => source.readAll(Buffer.alloc(6)), RangeError);
    source.close();
  });

  it('closes its own descriptor, once', () => {
    const file = fileWith('x');
    const source = open(file);
    source.close();
    const reused = openSync(file, 'r');
    assert.equal(reused, source.fd, 'the descriptor was not free');
    source.close();
    assert.equal(readFileSync(reused, 'utf8'), 'x');
  });
});

describe('assertUnchanged', () => {
  const stat = { sizeBytes: 1, mtimeNs: 2n, ctimeNs: 3n, ino: 4n, dev: 5n, mode: 0o644 };

  it('compares size, mtime, ctime and inode', () => {
    for (const change of [{ sizeBytes: 2 }, { mtimeNs: 3n }, { ctimeNs: 4n }, { ino: 5n }]) {
      throwsCode(() => assertUnchanged(stat, { ...stat, ...change }, 'f'), 'unstable');
    }
    assertUnchanged(stat, { ...stat, dev: 6n }, 'f');
  });
});
