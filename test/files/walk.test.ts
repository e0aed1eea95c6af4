import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodePath } from '../../src/files/names.js';
import { walk } from '../../src/files/walk.js';
import { WALK_ENTRIES_PER_TURN } from '../../src/limits.js';
import type { SourceFile, WalkEntry } from '../../src/run/types.js';
import { rejectsCode } from './expect.js';
import { makeTree, temporaryDirectory } from './tree.js';
import { collect, walkAll, words } from './walking.js';

const rawOf = (entry: WalkEntry): string => decodePath(entry.path).toString('latin1');

describe('walk', () => {
  it('yields files and empty directories depth first, in byte order of names', async () => {
    const root = makeTree(['b/2', 'b/10', 'a.txt', 'a/deep/er/x', 'B', '.dot/.file', 'empty/', 'a/none/', '\xc3\xa9', 'z']);
    assert.deepEqual(words(await walkAll(root)), [
      'file .dot/.file', 'file B', 'file a/deep/er/x', 'empty-directory a/none', 'file a.txt', 'file b/10', 'file b/2',
      'empty-directory empty', 'file z', 'file é',
    ]);
  });

  it('yields nothing for an empty root, whose own existence is not recorded', async () => {
    assert.deepEqual(await walkAll(temporaryDirectory()), []);
  });

  it('reports what lstat says, to the nanosecond, and hard links', async () => {
    const root = makeTree(['one', 'other/']);
    linkSync(`${root}/one`, `${root}/other/two`);
    const [one, two] = (await walkAll(root)) as SourceFile[];
    const { size, mtimeNs, ctimeNs, ino, dev, mode } = lstatSync(`${root}/one`, { bigint: true });
    const expected = { kind: 'file', sizeBytes: Number(size), mtimeNs, ctimeNs, ino, dev, mode: Number(mode & 0o7777n), links: 2 };
    assert.deepEqual(one, { path: 'one', ...expected });
    assert.deepEqual(two, { path: 'other/two', ...expected });
  });

  it('finds every byte that a name can have, and names that globbing gets wrong', async () => {
    const bytes = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).filter((byte) => byte !== '/' && byte !== '.');
    const hostile = [
      '.\\foo', 'foo', '..\\foo', '...', '**', '{a,b}', '[x]', '!not', '(p|q)', '\\', '$HOME', '~', '-rf', '%41', 'A%', 'new\nline', '\n', '\r\n',
      'n'.repeat(255), '\xff'.repeat(255), '\xc3', '\xed\xa0\x80', 'e\xcc\x81', '\xc3\xa9', 'caf\xe9/in\xff/\n/f', ' lead', 'trail ', '\x1b[31m', '\xe2\x80\xae',
    ];
    const names = [...new Set([...bytes, ...bytes.map((byte) => `x${byte}y/.${byte}`), ...hostile])];
    const entries = await walkAll(makeTree(names));
    assert.deepEqual(entries.filter((entry) => entry.kind !== 'file'), []);
    assert.deepEqual(entries.map(rawOf).sort(), names.sort());
  });

  it('agrees with find on random trees of random bytes', async () => {
    const name = fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x80 : byte))).toString('latin1'));
    const safe = name.map((text) => (text === '.' || text === '..' ? `${text}x` : text));
    const path = fc.array(safe, { minLength: 2, maxLength: 4 }).map((names) => `${names.slice(0, -1).map((part) => `d${part}`).join('/')}/f${names.at(-1) ?? ''}`);
    await fc.assert(fc.asyncProperty(fc.array(path, { maxLength: 25 }), async (paths) => {
      const root = makeTree(paths);
      const found = execFileSync('find', ['.', '!', '-type', 'd', '-print0'], { cwd: root }).toString('latin1');
      const expected = found.split('\0').slice(0, -1).map((line) => line.slice(2)).sort();
      assert.deepEqual((await walkAll(root)).map(rawOf).sort(), expected);
      rmSync(root, { recursive: true });
    }), { numRuns: 15 });
  });

  it('goes as deep as the system lets it, and names the directory where that ends', async () => {
    const root = temporaryDirectory();
    // The tree goes deeper than PATH_MAX (4,096 bytes), which only relative steps can make.
    execFileSync('sh', ['-c', 'for i in $(seq 1 50); do mkdir dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd && cd d*; touch file; done'], { cwd: root });
    const entries = await walkAll(root);
    const files = entries.filter((entry) => entry.kind === 'file');
    assert.ok(files.length > 35 && files.length < 50, `${files.length} files`);
    assert.deepEqual(words(entries.filter((entry) => entry.kind !== 'file')).map((word) => word.slice(0, 21)), ['failed/unreadable ddd']);
    const [failed] = entries.filter((entry) => entry.kind === 'failed');
    assert.match(failed?.failure.message ?? '', /ENAMETOOLONG/);
    // rmSync cannot reach the end of it either.
    execFileSync('rm', ['-rf', root]);
  });

  it('skips FIFOs, sockets and devices, and never waits for one', async () => {
    const root = makeTree(['a']);
    execFileSync('mkfifo', [`${root}/fifo`]);
    execFileSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(`${root}/socket`)}, () => process.exit())`]);
    if (!words(await walkAll(root)).includes('skipped/special socket')) {
      assert.fail('the socket was removed when its server ended: the test needs another way to leave one');
    }
    symlinkSync('/dev/null', `${root}/device`);
    assert.deepEqual(words(await walkAll(root, { symlinks: 'follow' })), ['file a', 'skipped/special device', 'skipped/special fifo', 'skipped/special socket']);
  });
});

describe('walk, while the tree changes', () => {
  it('lists a directory only when it gets there', async () => {
    const root = makeTree(['a/1', 'b/1', 'c/1', 'd/1']);
    const entries = walk({ root, symlinks: 'record', ownPaths: [] });
    const first = await entries.next();
    writeFileSync(`${root}/b/2`, 'late');
    rmSync(`${root}/c`, { recursive: true });
    rmSync(`${root}/d/1`);
    const rest = await collect(entries);
    assert.deepEqual(words([first.value as WalkEntry, ...rest]), ['file a/1', 'file b/1', 'file b/2', 'failed/vanished c', 'empty-directory d']);
  });

  it('reports a file that vanished after its directory was listed', async () => {
    const root = makeTree(['a', 'b', 'c']);
    const entries = walk({ root, symlinks: 'record', ownPaths: [] });
    await entries.next();
    rmSync(`${root}/b`);
    assert.deepEqual(words(await collect(entries)), ['failed/vanished b', 'file c']);
  });

  it('looks at a file right before it is handed out', async () => {
    const root = makeTree(['a', 'b']);
    const entries = walk({ root, symlinks: 'record', ownPaths: [] });
    await entries.next();
    writeFileSync(`${root}/b`, 'longer than before');
    const [b] = (await collect(entries)) as SourceFile[];
    assert.equal(b?.sizeBytes, 18);
  });

  it('takes a directory that became a file, and a file that became a directory, as what they are', async () => {
    const root = makeTree(['a', 'b/1', 'c']);
    const entries = walk({ root, symlinks: 'record', ownPaths: [] });
    await entries.next();
    rmSync(`${root}/b`, { recursive: true });
    writeFileSync(`${root}/b`, '');
    rmSync(`${root}/c`);
    mkdirSync(`${root}/c`);
    assert.deepEqual(words(await collect(entries)), ['file b', 'empty-directory c']);
  });

  it('leaves the rest of the tree alone when the consumer stops', async () => {
    const root = makeTree(['a', 'b/1']);
    for await (const entry of walk({ root, symlinks: 'record', ownPaths: [] })) {
      assert.equal(entry.path, 'a');
      break;
    }
  });
});

describe('walk, its manners', () => {
  it('lets timers and sockets have their turn', async () => {
    const root = makeTree(Array.from({ length: 3 * WALK_ENTRIES_PER_TURN }, (_, index) => `f${index}`));
    let turns = 0;
    let over = false;
    const count = async (): Promise<void> => {
      for (; !over; turns += 1) {
        await setImmediate();
      }
    };
    const counting = count();
    await walkAll(root);
    over = true;
    await counting;
    assert.ok(turns >= 3, `${turns} turns of the event loop`);
  });

  it('stops with an error when its signal aborts: an end would look like a whole tree', async () => {
    const root = makeTree(['a', 'b']);
    const abort = new AbortController();
    const entries = walk({ root, symlinks: 'record', ownPaths: [], signal: abort.signal });
    await entries.next();
    abort.abort();
    await rejectsCode(entries.next(), 'interrupted');
  });

  it('says what is wrong with a root that is none', async () => {
    const root = makeTree(['file']);
    const missing = await rejectsCode(walkAll(`${root}/none`), 'source-missing');
    assert.match(missing.message, /none: there is no such directory/);
    const file = await rejectsCode(walkAll(`${root}/file`), 'source-missing');
    assert.match(file.message, /file: it is not a directory/);
    symlinkSync('nowhere', `${root}/dangling`);
    await rejectsCode(walkAll(`${root}/dangling`), 'source-missing');
    assert.equal(missing.exitCode, 2);
  });

  it('walks a root that is a link to a directory', async () => {
    const root = makeTree(['real/a']);
    symlinkSync('real', `${root}/link`);
    assert.deepEqual(words(await walkAll(`${root}/link`)), ['file a']);
    assert.deepEqual(words(await walkAll(`${root}/link/`)), ['file a']);
  });
});
