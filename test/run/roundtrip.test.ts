import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { IfExists } from '../../src/run/options.js';
import { content, describeTree, plant, plantHostile } from '../support/trees.js';
import { makeWorld, only, publicHalf, SMALL, strangersKey, testKey, TWO_THREADS } from '../support/world.js';

describe('push and pull', () => {
  it('bring a hostile tree back byte for byte, with times, modes and empty directories', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    plantHostile(world.source);
    const pushed = await world.push();
    assert.equal(pushed.result.exitCode, 0, JSON.stringify(pushed.result.failures));
    assert.equal(pushed.result.complete, true);
    const pulled = await world.pull(world.path('back'));
    assert.equal(pulled.result.exitCode, 0, JSON.stringify(pulled.result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    const { scanned, done, skipped, failed } = pushed.result;
    assert.equal(scanned, done + skipped + failed);
  });

  it('store nothing that can be read without the key', async (t) => {
    const world = await makeWorld(t);
    const secret = 'the quick brown fox jumps over the lazy dog '.repeat(50);
    plant(world.source, { 'a.txt': secret, 'large.txt': secret.repeat(3000) });
    await world.push();
    const inSource = spawnSync('grep', ['-rlaF', 'lazy dog', world.source], { encoding: 'utf8' }).stdout;
    const inCloud = spawnSync('grep', ['-rlaF', 'lazy dog', world.path('cloud')], { encoding: 'utf8' }).stdout;
    assert.equal(inSource.trim().split('\n').length, 2);
    assert.equal(inCloud, '');
  });

  it('seal and open at every boundary of cipher chunk, part and budget', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    const part = SMALL.partBytes;
    const single = 2 * 1024 * 1024;
    const sizes = [0, 1, 15, 16, 17, 65535, 65537, single - 1, single, single + 1, single + part - 1, single + part, single + part + 1, 3 * single, 3 * single + 1];
    plant(world.source, Object.fromEntries(sizes.map((size) => [`${size}.bin`, content(size, size)])));
    const { result } = await world.push();
    assert.equal(result.done, sizes.length, JSON.stringify(result.failures));
    assert.equal(only(world.requests, 'CompleteMultipartUpload').length, sizes.filter((size) => size > single).length);
    const back = await world.pull(world.path('back'));
    assert.equal(back.result.done, sizes.length, JSON.stringify(back.result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });

  it('need only the public key to push, and the private key to pull', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'a', 'large.bin': content(4_300_000) });
    const pushed = await world.push({ keys: [publicHalf(world.key)] });
    assert.equal(pushed.result.exitCode, 0, JSON.stringify(pushed.result.failures));
    await assert.rejects(world.pull(world.path('back'), { keys: [publicHalf(testKey())] }), { code: 'master-key-missing' });
    await assert.rejects(world.push({ keys: [publicHalf(testKey())], checksum: true, newRun: true }), { code: 'master-key-missing', message: /needs the private key/ });
    assert.equal((await world.pull(world.path('back'))).result.exitCode, 0);
  });

  it('refuse every object under a stranger\'s key with the integrity exit code, and write nothing', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'a', 'large.bin': content(4_300_000) });
    await world.push();
    const { result } = await world.pull(world.path('back'), { keys: [strangersKey()] });
    assert.equal(result.exitCode, 4);
    assert.equal(result.failed, 2);
    assert.deepEqual(readdirSync(world.path('back')), []);
  });
});

describe('the same push again', () => {
  it('sends nothing when nothing changed, and what changed when something did', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'a', 'b.txt': 'b', 'large.bin': content(4_300_000) });
    await world.push();
    const before = world.requests.length;
    const again = await world.push();
    assert.deepEqual([again.result.done, again.result.skipped, again.result.exitCode], [0, 3, 0]);
    assert.equal(world.requests.length, before, 'an unchanged tree must cost no request');
    writeFileSync(join(world.source, 'b.txt'), 'changed');
    const changed = await world.push();
    assert.deepEqual([changed.result.done, changed.result.skipped], [1, 2]);
    await world.pull(world.path('back'));
    assert.equal(readFileSync(world.path('back', 'b.txt'), 'utf8'), 'changed');
    assert.equal(readdirSync(world.manifests).filter((name) => name.endsWith('.jsonl') ).length, 2, 'one manifest per identity: a push, a pull');
  });

  it('starts afresh with newRun, and still does not send what the bucket holds in the same state', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'a', 'b.txt': 'b' });
    await world.push();
    const { result } = await world.push({ newRun: true });
    assert.deepEqual([result.done, result.skipped, result.exitCode], [0, 2, 0]);
    const third = await world.push();
    assert.deepEqual([third.result.done, third.result.skipped], [0, 2]);
  });

  it('finds a changed content under an unchanged stat when asked for checksums', async (t) => {
    const world = await makeWorld(t);
    const file = join(world.source, 'a.bin');
    plant(world.source, { 'a.bin': content(1000, 1), 'b.bin': content(1000, 2), 'large.bin': content(4_300_000) });
    await world.push();
    const { result } = await world.push({ checksum: true });
    assert.deepEqual([result.done, result.skipped, result.exitCode], [0, 3, 0], JSON.stringify(result.failures));
    const { atime, mtime } = statSync(file);
    writeFileSync(file, content(1000, 9));
    utimesSync(file, atime, mtime);
    const changed = await world.push({ checksum: true });
    assert.deepEqual([changed.result.done, changed.result.skipped], [1, 2]);
  });
});

describe('an object that no manifest knows', () => {
  /** Done, skipped and failed of two files. */
  const cases = [
    { ifExists: 'changed', sameState: [0, 2, 0], otherState: [2, 0, 0] },
    { ifExists: 'skip', sameState: [0, 2, 0], otherState: [0, 2, 0] },
    { ifExists: 'overwrite', sameState: [2, 0, 0], otherState: [2, 0, 0] },
    { ifExists: 'fail', sameState: [0, 0, 2], otherState: [0, 0, 2] },
  ] as const;
  it('is handled as asked, whole or in parts', async (t) => {
    const world = await makeWorld(t);
    const plantState = (seed: number): void =>
      plant(world.source, Object.fromEntries(cases.flatMap(({ ifExists }) => [[`${ifExists}/small.bin`, content(10, seed)], [`${ifExists}/large.bin`, content(4_300_000, seed)]])));
    const pushAgain = async (ifExists: IfExists): Promise<number[]> => {
      const { result } = await world.push({ source: world.path('source', ifExists), target: { ...world.target, prefix: `backup/${ifExists}` }, newRun: true, ifExists });
      return [result.done, result.skipped, result.failed];
    };
    plantState(1);
    await world.push();
    for (const { ifExists, sameState } of cases) {
      assert.deepEqual(await pushAgain(ifExists), sameState, `--if-exists ${ifExists}, the same state`);
    }
    plantState(2);
    for (const { ifExists, otherState } of cases) {
      assert.deepEqual(await pushAgain(ifExists), otherState, `--if-exists ${ifExists}, another state`);
    }
  });

  it('of another tool is never replaced by default, and the run goes on', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'mine', 'b.txt': 'b' });
    await world.push({ target: { ...world.target, prefix: 'other' } });
    const foreign = await world.putPlain('backup/a.txt', 'somebody else\'s');
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [1, 1, 3]);
    assert.equal(result.failures[0]?.code, 'exists');
    assert.equal(await world.etag('backup/a.txt'), foreign);
  });
});

describe('pull onto existing files', () => {
  it('skips what is there already, refuses what differs, replaces on request', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'a', 'b.txt': 'b' });
    await world.push();
    await world.pull(world.path('back'));
    const again = await world.pull(world.path('back'));
    assert.deepEqual([again.result.done, again.result.skipped, again.result.exitCode], [0, 2, 0]);
    writeFileSync(world.path('back', 'a.txt'), 'edited');
    const edited = await world.pull(world.path('back'));
    assert.deepEqual([edited.result.failed, edited.result.skipped, edited.result.exitCode], [1, 1, 3]);
    assert.equal(readFileSync(world.path('back', 'a.txt'), 'utf8'), 'edited');
    const replaced = await world.pull(world.path('back'), { overwrite: true });
    assert.equal(replaced.result.exitCode, 0);
    assert.equal(readFileSync(world.path('back', 'a.txt'), 'utf8'), 'a');
  });

  it('never writes through a symbolic link', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'sub/a.txt': 'a' });
    await world.push();
    plant(world.path('back'), { 'x': 'x' });
    plant(world.path('elsewhere'), { 'kept': 'kept' });
    symlinkSync(world.path('elsewhere'), world.path('back', 'sub'));
    const { result } = await world.pull(world.path('back'));
    assert.equal(result.failed, 1);
    assert.equal(result.failures[0]?.code, 'path-escape');
    assert.equal(existsSync(world.path('elsewhere', 'a.txt')), false);
  });

  it('reports names that differ in case or Unicode form before anything is written', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'Readme': '1', 'readme': '2', 'other': '3', 'caf\u00e9': '4', 'cafe\u0301': '5' });
    await world.push();
    const refused = await world.pull(world.path('back'));
    assert.equal(refused.result.exitCode, 3);
    assert.deepEqual(readdirSync(world.path('back')), []);
    const kept = await world.pull(world.path('kept'), { onCollision: 'keep' });
    assert.equal(kept.result.exitCode, 0);
    assert.deepEqual(describeTree(world.path('kept')), describeTree(world.source));
    const renamed = await world.pull(world.path('renamed'), { onCollision: 'rename' });
    assert.equal(renamed.result.done, 5);
    assert.equal(readdirSync(world.path('renamed')).length, 5);
  });

  it('a single object lands under its last name part', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'deep/er/a.txt': 'a', 'deep/er/a.txt2': 'b' });
    await world.push();
    const { result } = await world.pull(world.path('back'), { target: { ...world.target, prefix: 'backup/deep/er/a.txt' } });
    assert.equal(result.done, 1);
    assert.deepEqual(readdirSync(world.path('back')), ['a.txt']);
  });
});

/** A directory whose name leaves room for that of a manifest, and none for that of its lock. */
function nearTheLongest(root: string): string {
  const manifest = '/20261123T090000Z-1a2b3c.jsonl';
  const length = 4095 - manifest.length - 1;
  const names = Array<string>(21).fill('d'.repeat(200));
  return join(root, ...names).slice(0, length).replace(/\/$/, 'd');
}

describe('a run', () => {
  it('counts everything it saw, and tells it in order', async (t) => {
    const world = await makeWorld(t);
    plantHostile(world.source);
    symlinkSync('nowhere', join(world.source, 'link'));
    execFileSync('mkfifo', [join(world.source, 'fifo')]);
    plant(world.source, { 'x.log': 'excluded' });
    const { result, events } = await world.push({ exclude: ['**/*.log'] });
    assert.equal(result.exitCode, 0, 'recorded links and special files do not change the code');
    assert.equal(events[0]?.event, 'start');
    assert.equal(events.at(-1)?.event, 'summary');
    const files = events.filter((event) => event.event === 'file');
    assert.equal(files.length, result.scanned);
    const reasons = files.filter((event) => event.state === 'skipped').map((event) => event.code);
    assert.deepEqual(reasons.sort(), ['empty-directory', 'excluded', 'special', 'symlink']);
    const summary = events.at(-1);
    assert.deepEqual(result.skipReasons, { 'empty-directory': 1, 'excluded': 1, 'special': 1, 'symlink': 1 });
    assert.deepEqual(summary?.event === 'summary' && summary.skipReasons, result.skipReasons);
  });

  it('plans without sending or writing anything on a dry run', async (t) => {
    const world = await makeWorld(t);
    plantHostile(world.source);
    const { result, events } = await world.push({ dryRun: true });
    assert.equal(result.exitCode, 0);
    assert.ok(result.done > 10);
    assert.deepEqual(world.requests, []);
    assert.deepEqual(readdirSync(world.manifests), []);
    const start = events[0];
    assert.ok(start?.event === 'start');
    assert.equal(start.effective.partBytes, SMALL.partBytes);
  });

  it('plans by the manifest that the push would go on with', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const { result: { manifest = '' } } = await world.push({ target: { ...world.target, prefix: 'other' } });
    for (const dryRun of [true, false]) {
      await assert.rejects(world.push({ manifest, dryRun }), { code: 'usage' });
      await assert.rejects(world.push({ manifest, dryRun, newRun: true }), { code: 'usage' });
      assert.equal((await world.push({ manifest: world.path('new.jsonl'), dryRun })).result.done, 1);
    }
  });

  it('fails the file whose key is too long, by name, and goes on', async (t) => {
    const world = await makeWorld(t);
    const long = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(180)).join('/');
    plant(world.source, { [`${long}/f`]: 'x', 'short': 'y' });
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [1, 1, 3]);
    assert.equal(result.failures[0]?.code, 'key-too-long');
  });

  it('ends with exit code 2 when there is no such source, bucket or prefix', async (t) => {
    const world = await makeWorld(t);
    await assert.rejects(world.push({ source: world.path('nothing') }), { code: 'source-missing', exitCode: 2 });
    plant(world.source, { a: 'a' });
    const { result } = await world.push({ target: { ...world.target, bucket: 'no-such-bucket' } });
    assert.equal(result.exitCode, 2);
    await assert.rejects(world.push({ target: { ...world.target, prefix: '/absolute' } }), { code: 'destination-invalid' });
  });

  it('refuses an address that cannot be before anything is made, planned or not', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    for (const wrong of [{ bucket: 'X_' }, { endpoint: 'nonsense://x' }, { region: 'no region' }]) {
      const target = { ...world.target, ...wrong };
      for (const dryRun of [true, false]) {
        await assert.rejects(world.push({ target, dryRun, resumeSecret: world.path('secret') }), { code: 'config-invalid', exitCode: 2 });
        await assert.rejects(world.pull(world.path('back'), { target, dryRun }), { code: 'config-invalid', exitCode: 2 });
      }
      await assert.rejects(world.verify({ target, report: world.path('report') }), { code: 'config-invalid', exitCode: 2 });
    }
    assert.deepEqual([readdirSync(world.manifests), ...['secret', 'back', 'report'].map((name) => existsSync(world.path(name)))], [[], false, false, false]);
    assert.deepEqual(world.requests, []);
  });

  it('begins in an empty manifest, as a kill before its first record leaves it', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    for (const name of ['push.jsonl', 'pull.jsonl']) {
      writeFileSync(world.path(name), '');
    }
    assert.equal((await world.push({ manifest: world.path('push.jsonl') })).result.done, 1);
    assert.equal((await world.pull(world.path('back'), { manifest: world.path('pull.jsonl') })).result.done, 1);
    assert.equal((await world.push({ manifest: world.path('push.jsonl') })).result.skipped, 1);
    assert.equal((await world.pull(world.path('back'), { manifest: world.path('pull.jsonl') })).result.skipped, 1);
  });

  it('leaves no manifest behind where its lock cannot be taken', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const directory = nearTheLongest(world.path('state'));
    await assert.rejects(world.push({ manifestDirectories: [directory] }), { code: 'manifest-write-failed', message: /\.lock cannot be created: ENAMETOOLONG/ });
    assert.deepEqual(readdirSync(directory), []);
  });

  it('takes over the lock that was left on an empty manifest, when told to', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const manifest = world.path('empty.jsonl');
    writeFileSync(manifest, '');
    writeFileSync(`${manifest}.lock`, JSON.stringify({ host: 'gone', bootId: '', pid: 1, startTime: '', since: '' }));
    await assert.rejects(world.push({ manifest }), { code: 'locked' });
    assert.equal((await world.push({ manifest, breakLock: true })).result.exitCode, 0);
  });

  it('stops clean at refused credentials and says so with exit code 5', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, 'x'])));
    const { result } = await world.push({ credentials: { accessKeyId: world.cloud.accessKeyId, accessKeySecret: 'wrong' } });
    assert.equal(result.exitCode, 5);
    assert.ok(world.requests.length < 100, `${world.requests.length} requests after the first refusal`);
    const retried = await world.push();
    assert.equal(retried.result.done, 200);
  });

  it('fails by name what it may not read', async (t) => {
    if (process.getuid?.() === 0) {
      t.diagnostic('root reads everything; the walk tests drop privileges for this');
      return;
    }
    const world = await makeWorld(t);
    plant(world.source, { 'secret': 'x', 'open': 'y' });
    chmodSync(join(world.source, 'secret'), 0);
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [1, 1, 3]);
  });

  it('fails by name an empty directory whose place a file has taken, and ends in good order', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'x': 'first a file', 'y': 'y' });
    await world.push();
    rmSync(join(world.source, 'x'));
    mkdirSync(join(world.source, 'x'));
    mkdirSync(join(world.source, 'z'));
    await world.push();
    const { result, events } = await world.pull(world.path('back'));
    assert.deepEqual([result.scanned, result.done, result.skipped, result.exitCode], [4, 2, 1, 3]);
    assert.deepEqual(result.failures.map(({ path, code }) => [path, code]), [['x', 'path-escape']]);
    assert.equal(events.at(-1)?.event, 'summary');
    assert.deepEqual(readdirSync(world.path('back')), ['x', 'y', 'z']);
    assert.equal((await world.pull(world.path('back'))).result.done, 0, 'the file is done, whatever became of the directory');
  });

  it('is stopped by its signal, says 130, and is finished by the next call', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    plant(world.source, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, content(100, i)])));
    const abort = new AbortController();
    world.faults = ({ sequence }) => {
      if (sequence === 40) {
        abort.abort();
      }
      return undefined;
    };
    const first = await world.push({ signal: abort.signal });
    assert.equal(first.result.exitCode, 130);
    assert.ok(first.result.done >= 1 && first.result.done < 300, `${first.result.done} done`);
    const second = await world.push();
    assert.equal(second.result.exitCode, 0);
    assert.equal(first.result.done + second.result.done, 300);
    const puts = only(world.requests, 'PutObject').length;
    assert.equal(puts, 300, 'what was done was not sent again');
    rmSync(world.path('back'), { recursive: true, force: true });
    await world.pull(world.path('back'));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});
