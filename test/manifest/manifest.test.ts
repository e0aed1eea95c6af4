import assert from 'node:assert/strict';
import {
  chmodSync, closeSync, existsSync, linkSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync, writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MAX_PATHS_PER_LINE } from '../../src/limits.js';
import { lockManifest } from '../../src/manifest/lock.js';
import { Manifest } from '../../src/manifest/manifest.js';
import { openView } from '../../src/manifest/view.js';
import { CLOSE, continued, failureOf, HEAD, linesOf, ManualTimer, path, sealing, SESSION, statOf, STORED, temporaryDirectory, written } from './support.js';

const directory = temporaryDirectory();
let count = 0;

function fresh(): string {
  count += 1;
  return join(directory, `${count}.jsonl`);
}

const FAILURE = { code: 'unreadable', message: 'a cannot be read: EACCES', retryable: false } as const;

describe('a new manifest', () => {
  it('is 0600, below directories that only the user may enter, and begins with its head', async () => {
    const file = join(directory, 'state', 'sealift', 'run.jsonl');
    await written(file, (manifest) => {
      assert.equal(manifest.file, file);
      assert.deepEqual(manifest.head, { type: 'open', ...HEAD });
      assert.equal(manifest.lastSession, undefined);
      assert.equal(manifest.lastClose, undefined);
      assert.equal(linesOf(file).length, 1);
    });
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(directory, 'state')).mode & 0o777, 0o700);
    assert.ok(!existsSync(`${file}.lock`));
  });

  it('never takes the place of a file', async () => {
    const file = await written(fresh(), () => undefined);
    assert.equal((await failureOf(() => Manifest.create(file, HEAD))).code, 'manifest-write-failed');
    assert.equal(linesOf(file).length, 1);
  });

  it('begins in the empty file that a process left which was killed before its first record', async () => {
    const file = fresh();
    writeFileSync(file, '');
    assert.equal((await failureOf(() => Manifest.load(file))).code, 'manifest-missing');
    await written(file, () => undefined);
    await continued(file, (manifest) => assert.equal(manifest.head.run, HEAD.run));
    assert.equal(linesOf(file).length, 1);
  });

  it('is private in an empty file that was not, and takes none that has another name or is one', async () => {
    const file = fresh();
    writeFileSync(file, '');
    chmodSync(file, 0o666);
    await written(file, () => undefined);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const target = fresh();
    writeFileSync(target, '');
    const [hard, soft] = [fresh(), fresh()];
    linkSync(target, hard);
    symlinkSync(target, soft);
    for (const name of [hard, soft]) {
      assert.equal((await failureOf(() => Manifest.create(name, HEAD))).code, 'manifest-write-failed');
    }
    assert.equal(statSync(target).size, 0);
  });

  it('is no place for a second one, however far the first has come', async () => {
    const file = fresh();
    writeFileSync(file, '');
    const lock = await lockManifest(file);
    assert.equal((await failureOf(() => Manifest.create(file, HEAD))).code, 'locked');
    assert.equal(statSync(file).size, 0);
    await lock.release();
    await written(file, async () => {
      assert.equal((await failureOf(() => Manifest.create(file, HEAD))).code, 'manifest-write-failed');
      assert.equal(linesOf(file).length, 1);
    });
  });

  it('counts as none when its lock cannot be taken, and is not removed: by now it may be the manifest of another process', async () => {
    const file = fresh();
    mkdirSync(`${file}.lock`);
    assert.equal((await failureOf(() => Manifest.create(file, HEAD))).code, 'locked');
    assert.equal(statSync(file).size, 0);
    assert.equal((await failureOf(() => openView(file))).code, 'manifest-missing');
    rmdirSync(`${file}.lock`);
    await written(file, () => undefined);
  });

  it('is made anew where another process, which could not begin its own, removes the file meanwhile', async () => {
    const file = fresh();
    for (let turns = 0; turns < 60; turns += 1) {
      const begun = Manifest.create(file, HEAD);
      for (let turn = 0; turn < turns; turn += 1) {
        await new Promise(setImmediate);
      }
      rmSync(file, { force: true });
      await (await begun).release();
      rmSync(file, { force: true });
    }
  });

  it('takes nothing but a file', async () => {
    assert.equal((await failureOf(() => Manifest.create('/dev/null', HEAD))).code, 'manifest-write-failed');
    assert.equal((await failureOf(() => openView('/dev/null'))).code, 'manifest-corrupt');
  });
});

describe('files in a manifest', () => {
  it('get ids in the order of their first mention, forever', async () => {
    const file = await written(fresh(), (manifest) => {
      assert.deepEqual(manifest.started([path('a'), path('b')]), [0, 1]);
      assert.deepEqual(manifest.started([path('c'), path('a')]), [2, 0]);
    });
    await continued(file, (manifest) => {
      assert.deepEqual(manifest.started([path('c'), path('d'), path('b')]), [2, 3, 1]);
      assert.deepEqual([...manifest.entries()].map(({ id }) => manifest.path(id)), ['a', 'b', 'c', 'd']);
      assert.equal(manifest.size, 4);
      assert.equal(manifest.find(path('e')), undefined);
      assert.throws(() => manifest.entry(4), RangeError);
    });
  });

  it('are in the kernel before started returns, and are not started twice', async () => {
    await written(fresh(), (manifest) => {
      manifest.started([path('a')]);
      assert.equal(linesOf(manifest.file).length, 2);
      manifest.started([path('a')]);
      assert.equal(linesOf(manifest.file).length, 2);
      manifest.done(0, statOf(), STORED);
      manifest.started([path('a')]);
      assert.equal(linesOf(manifest.file).at(-1)?.['type'], 'restarted');
      assert.equal(manifest.find(path('a'))?.state, 'started');
    });
  });

  it('come in lines of bounded length', async () => {
    const names = Array.from({ length: 2 * MAX_PATHS_PER_LINE + 1 }, (_, index) => path(`f${index}`));
    const file = await written(fresh(), (manifest) => void manifest.started(names));
    assert.deepEqual(linesOf(file).slice(1).map(({ first }) => first), [0, MAX_PATHS_PER_LINE, 2 * MAX_PATHS_PER_LINE]);
    await continued(file, (manifest) => assert.equal(manifest.path(MAX_PATHS_PER_LINE + 3), `f${MAX_PATHS_PER_LINE + 3}`));
  });

  for (const { name, pathBytes, stored } of [
    { name: 'a path of 140', pathBytes: 140, stored: STORED },
    { name: 'a path of 70 in a bucket with versions', pathBytes: 70, stored: { ...STORED, versionId: 'CAEQNhiBgMDJgZCA0BYiIDc4MGZjZGI2OTBjOTRmNTE5NmU5NmFhZjhjYmY0' } },
  ]) {
    it(`cost at most 500 bytes each with ${name}, the numbers as long as they get`, async () => {
      const files = 64;
      await written(fresh(), (manifest) => {
        const names = Array.from({ length: files }, (_, index) => path(`${'d/'.repeat(30)}${String(index).padStart(pathBytes - 60, '0')}`));
        const before = statSync(manifest.file).size;
        for (let start = 0; start < files; start += 16) {
          manifest.started(names.slice(start, start + 16)).forEach((id) => manifest.done(id, statOf({ sizeBytes: 2 ** 36, ino: 2n ** 63n }), stored));
        }
        manifest.path(0);
        assert.equal(names[0]?.length, pathBytes);
        const perFile = (statSync(manifest.file).size - before) / files + 2 * '999999'.length;
        assert.ok(perFile <= 500 && perFile > 400, `${perFile} bytes per file`);
      });
    });
  }

  it('are unchanged when they are done and their stat is the same', async () => {
    const stat = statOf();
    const file = await written(fresh(), (manifest) => {
      manifest.started([path('a'), path('b')]);
      manifest.done(0, stat, STORED);
    });
    await continued(file, (manifest) => {
      const a = manifest.entry(0);
      assert.deepEqual([a.state, manifest.entry(1).state], ['done', 'started']);
      assert.equal(manifest.isUnchanged(a, stat), true);
      assert.equal(manifest.isUnchanged(a, statOf({ mtimeNs: 5n })), false);
      assert.equal(manifest.isUnchanged(manifest.entry(1), stat), false);
      assert.equal(manifest.sizeBytes(a), stat.sizeBytes);
      assert.deepEqual([manifest.count('done'), manifest.count('started'), manifest.count('failed')], [1, 1, 0]);
    });
  });

  it('can be read back in full, also while their records are still in memory', async () => {
    await written(fresh(), (manifest) => {
      manifest.started([path('a'), path('b')]);
      manifest.done(0, statOf(), { etag: 'E', crc64: '', commitment: '' });
      manifest.done(1, statOf(), { ...STORED, versionId: 'v1' });
      const [plain, full] = [0, 1].map((id) => manifest.read(manifest.entry(id)));
      const stat = { size: 4096, mtimeNs: '1764000000123456789', ctimeNs: '1764000000223456789', ino: '131099', mode: 0o644 };
      assert.deepEqual({ ...plain, seq: 0, chain: '' }, { type: 'done', id: 0, ...stat, etag: 'E', seq: 0, chain: '' });
      assert.deepEqual({ ...full, seq: 0, chain: '' }, { type: 'done', id: 1, ...stat, ...STORED, versionId: 'v1', seq: 0, chain: '' });
    });
  });

  it('know whether an attempt may have written their object', async () => {
    const file = await written(fresh(), (manifest) => {
      const names = ['started', 'failed', 'theirs', 'skipped', 'never'].map(path);
      manifest.started(names.slice(0, 4));
      manifest.failed(path('failed'), FAILURE);
      manifest.failed(path('theirs'), { ...FAILURE, code: 'exists' });
      manifest.skipped(path('skipped'), 'exists');
      manifest.failed(path('never'), FAILURE);
    });
    await continued(file, (manifest) => {
      assert.deepEqual([...manifest.entries()].map(({ state, attempted }) => `${state} ${String(attempted)}`), [
        'started true', 'failed true', 'failed false', 'skipped false', 'failed false',
      ]);
    });
  });
});

describe('facts that are told again', () => {
  const facts: Readonly<Record<string, readonly ((manifest: Manifest) => void)[]>> = {
    failed: [
      (manifest) => manifest.failed(path('a'), FAILURE),
      (manifest) => manifest.failed(path('a'), { ...FAILURE, remedy: 'chmod' }),
      (manifest) => manifest.failed(path('a'), { ...FAILURE, message: 'other' }),
    ],
    skipped: [
      (manifest) => manifest.skipped(path('a'), 'symlink', 'b'),
      (manifest) => manifest.skipped(path('a'), 'symlink', 'c'),
      (manifest) => manifest.skipped(path('a'), 'special'),
    ],
    directory: [(manifest) => manifest.directory(path('a'))],
  };
  for (const [type, tellings] of Object.entries(facts)) {
    it(`do not make the file grow, and do when they differ: ${type}`, async () => {
      const file = await written(fresh(), () => undefined);
      for (const [index, tell] of tellings.entries()) {
        await continued(file, tell);
        await continued(file, (manifest) => {
          tell(manifest);
          tell(manifest);
          assert.equal(manifest.find(path('a'))?.state, type);
        });
        assert.equal(linesOf(file).length, index + 2);
      }
      assert.deepEqual(linesOf(file).slice(1).map((line) => line['path']), ['a', ...tellings.slice(1).map(() => undefined)]);
    });
  }

  it('are told again when something happened in between', async () => {
    const file = await written(fresh(), (manifest) => {
      manifest.failed(path('a'), FAILURE);
      manifest.started([path('a')]);
      manifest.failed(path('a'), FAILURE);
    });
    assert.deepEqual(linesOf(file).map(({ type }) => type), ['open', 'failed', 'restarted', 'failed']);
  });
});

describe('large files', () => {
  it('on their way up are remembered with their upload and parts, on the disk when the promise resolves', async () => {
    const file = fresh();
    const { timer } = new ManualTimer();
    await written(file, async (manifest) => {
      const [id = -1] = manifest.started([path('big')]);
      await manifest.sealed(sealing(id, { resumeKey: 'd3JhcHBlZA==' }));
      assert.equal(linesOf(file).length, 3);
      await manifest.upload(id, 'U1');
      manifest.part(id, { number: 2, etag: 'P2' }, 22n);
      manifest.part(id, { number: 1, etag: 'P1' }, 2n ** 64n - 1n);
    }, { timer });
    await continued(file, (manifest) => {
      const pending = manifest.pendingUpload(0);
      assert.equal(manifest.entry(0).state, 'sealed');
      assert.equal(manifest.pendingUploads.size, 1);
      assert.ok(pending);
      assert.equal(pending.uploadId, 'U1');
      assert.deepEqual([...pending.parts].map(([number, { etag, crc64 }]) => [number, etag, crc64]), [[2, 'P2', '22'], [1, 'P1', '18446744073709551615']]);
      const { metadata, digests, resumeKey, dev, attempt, recoverable } = pending.sealed;
      assert.deepEqual({ metadata, resumeKey, dev, attempt, recoverable }, { metadata: sealing(0).metadata, resumeKey: 'd3JhcHBlZA==', dev: '2049', attempt: 1, recoverable: true });
      assert.deepEqual(Buffer.from(digests, 'base64'), Buffer.alloc(64, 7));
    });
  });

  it('are forgotten when they are done or abandoned; late parts do no harm', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started([path('done'), path('abandoned'), path('again')]);
      for (const id of [0, 1, 2]) {
        await manifest.sealed(sealing(id));
        await manifest.upload(id, `U${id}`);
        manifest.part(id, { number: 1, etag: 'P' }, 1n);
      }
      manifest.done(0, statOf(), STORED);
      await manifest.abandoned(1, 'unstable', 'U1');
      await manifest.sealed(sealing(2, { attempt: 2 }));
      for (const id of [0, 1, 2]) {
        manifest.part(id, { number: 2, etag: 'P' }, 1n);
      }
    });
    await continued(file, async (manifest) => {
      assert.deepEqual([manifest.pendingUpload(0), manifest.pendingUpload(1)], [undefined, undefined]);
      const again = manifest.pendingUpload(2);
      assert.deepEqual([again?.sealed.attempt, again?.uploadId, again?.parts.size], [2, undefined, 1]);
      assert.deepEqual([0, 1, 2].map((id) => manifest.entry(id).state), ['done', 'abandoned', 'sealed']);
      await manifest.abandoned(2, 'vanished');
    });
    assert.equal(linesOf(file).at(-1)?.['uploadId'], undefined);
  });

  it('keep their upload through a failure, so that the next session can go on', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started([path('big')]);
      await manifest.sealed(sealing(0));
      manifest.failed(path('big'), { code: 'remote-unavailable', message: 'big: no answer', retryable: true });
    });
    await continued(file, (manifest) => {
      assert.equal(manifest.entry(0).state, 'failed');
      assert.equal(manifest.pendingUpload(0)?.sealed.attempt, 1);
      manifest.started([path('big')]);
      assert.equal(manifest.pendingUpload(0)?.sealed.attempt, 1);
    });
  });

  it('on their way down are remembered by range', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started([path('a'), path('b')]);
      for (const id of [0, 1]) {
        await manifest.fetching({ id, temporary: `.${id}.part`, etag: 'E', size: 100, rangeBytes: 16, commitment: STORED.commitment });
        manifest.range(id, 3);
        manifest.range(id, 0);
      }
      manifest.done(1, statOf(), STORED);
      manifest.range(1, 4);
      assert.equal(manifest.pendingFetches.size, 1);
    });
    await continued(file, (manifest) => {
      const pending = manifest.pendingFetch(0);
      assert.ok(pending);
      assert.deepEqual([pending.fetching.temporary, [...pending.ranges]], ['.0.part', [3, 0]]);
      assert.equal(manifest.entry(0).state, 'fetching');
      assert.equal(manifest.pendingFetch(1), undefined);
      assert.equal(manifest.pendingUploads.size, 0);
    });
  });
});

describe('sessions', () => {
  it('end with counters, which a later one makes obsolete', async () => {
    const file = fresh();
    const first = await Manifest.create(file, HEAD);
    first.session(SESSION);
    await first.close(CLOSE);
    assert.ok(!existsSync(`${file}.lock`));
    const second = await Manifest.load(file);
    assert.equal(second.lastClose?.complete, true);
    assert.equal(second.lastSession?.pid, SESSION.pid);
    second.session({ ...SESSION, pid: 99 });
    assert.equal(second.lastClose, undefined);
    assert.equal(second.lastSession.pid, 99);
    await second.flush();
    assert.equal(linesOf(file).at(-1)?.['type'], 'session');
    await second.release();
  });

  it('refuse what no reader would take, before it reaches the file', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started([path('a')]);
      assert.throws(() => manifest.done(0, statOf({ mode: 0o100644 }), STORED), TypeError);
      assert.throws(() => manifest.started([path('')]), TypeError);
      assert.throws(() => manifest.done(1, statOf(), STORED), /never introduced/);
      await assert.rejects(manifest.upload(0, 'U'), /not sealed/);
      manifest.directory(path('b'));
    });
    await continued(file, (manifest) => assert.equal(manifest.size, 2));
  });

  it('notice that somebody else changed the file', async () => {
    const file = await written(fresh(), (manifest) => {
      manifest.started([path('a')]);
      manifest.done(0, statOf(), STORED);
      manifest.session(SESSION);
    });
    const view = await openView(file);
    const entry = view.entry(0);
    const misplaced = { ...entry, offset: entry.offset + 1 };
    assert.equal((await failureOf(() => view.read(misplaced))).code, 'manifest-corrupt');
    const mention = readFileSync(file, 'utf8').indexOf('{"seq":2');
    const elsewhere = openSync(file, 'r+');
    writeSync(elsewhere, `${JSON.stringify({ seq: 1, type: 'directory', id: 0, chain: '0'.repeat(16) })}\n`, mention);
    closeSync(elsewhere);
    assert.equal((await failureOf(() => view.path(0))).code, 'manifest-corrupt');
    truncateSync(file, entry.offset + 10);
    assert.equal((await failureOf(() => view.read(entry))).code, 'manifest-corrupt');
    await view.release();
  });
});
