import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Manifest } from '../../src/manifest/manifest.js';
import { summarize } from '../../src/manifest/summary.js';
import { CLOSE, continued, HEAD, path, sealing, SESSION, statOf, STORED, temporaryDirectory } from './support.js';

const directory = temporaryDirectory();

describe('the summary of a run', () => {
  it('counts files by state, adds up bytes, and knows the last error of each', async () => {
    const file = join(directory, 'run.jsonl');
    const manifest = await Manifest.create(file, HEAD);
    manifest.session(SESSION);
    manifest.started(['a', 'b', 'up', 'begun', 'down', 'lost', 'left'].map(path));
    manifest.done(0, statOf({ sizeBytes: 1000 }), STORED);
    manifest.done(1, statOf({ sizeBytes: 24 }), STORED);
    await manifest.sealed(sealing(2));
    await manifest.sealed(sealing(3));
    await manifest.upload(3, 'U3');
    manifest.part(3, { number: 1, etag: 'P' }, 1n);
    await manifest.fetching({ id: 4, temporary: '.t', etag: 'E', size: 77, rangeBytes: 16 });
    await manifest.abandoned(5, 'unstable');
    manifest.failed(path('bad'), { code: 'unreadable', message: 'first', retryable: false });
    manifest.failed(path('bad'), { code: 'remote-unavailable', message: 'last', remedy: 'wait', retryable: true });
    manifest.failed(path('worse'), { code: 'vanished', message: 'gone', retryable: false });
    manifest.skipped(path('link'), 'symlink', 'a');
    manifest.skipped(path('other link'), 'symlink', 'b');
    manifest.skipped(path('pipe'), 'special');
    manifest.skipped(path('seen'), 'special');
    manifest.skipped(path('seen'), 'exists');
    manifest.directory(path('empty'));
    manifest.started([path('a')]);
    manifest.done(0, statOf({ sizeBytes: 2000 }), STORED);

    const during = await summarize(file);
    assert.deepEqual(during.counts, { started: 1, sealed: 2, done: 2, failed: 2, skipped: 4, directory: 1, abandoned: 1, fetching: 1 });
    assert.deepEqual(during.skipReasons, { 'symlink': 2, 'special': 1, 'exists': 1, 'empty-directory': 1 });
    assert.equal(during.left, 5);
    assert.equal(during.bytes, 2024);
    assert.deepEqual(during.failures, [
      { path: 'bad', code: 'remote-unavailable', message: 'last', remedy: 'wait', retryable: true },
      { path: 'worse', code: 'vanished', message: 'gone', retryable: false },
    ]);
    assert.deepEqual(during.unfinished, [
      { path: 'up', direction: 'up', sizeBytes: 4096, pieces: 0 },
      { path: 'begun', direction: 'up', sizeBytes: 4096, pieces: 1, uploadId: 'U3' },
      { path: 'down', direction: 'down', sizeBytes: 77, pieces: 0 },
    ]);
    assert.deepEqual([during.complete, during.lastClose, during.file, during.head.run], [false, undefined, file, HEAD.run]);

    await manifest.close({ ...CLOSE, complete: false });
    const after = await summarize(file);
    assert.deepEqual([after.complete, after.lastClose?.exitCode], [false, CLOSE.exitCode]);
    await continued(file, async (again) => {
      again.session(SESSION);
      await again.close(CLOSE);
    });
    assert.equal((await summarize(file)).complete, true);
  });
});
