import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { thisMachine } from '../../src/files/machine.js';
import { keyFile } from '../support/cli.js';
import { testKey } from '../support/world.js';
import { createWorld, eventsOf, type World } from './process.js';

/** A small tree with a name that a terminal must not see as it is. */
function makeTree(world: World): void {
  mkdirSync(world.path('tree/sub/empty'), { recursive: true });
  writeFileSync(world.path('tree/a.txt'), 'alpha');
  writeFileSync(world.path('tree/sub/b.txt'), 'beta');
  writeFileSync(world.path('tree/sub/zero'), '');
  writeFileSync(world.path('tree/bad\u001b[31mname'), 'x');
}

const PLACE = 'oss://bucket/backup';
const LOCAL = ['--local', '--threads', '1'] as const;
/** Spares the making of one. */
const KEY = ['--key', '../key.pem'] as const;

describe('what a push says to go on with', () => {
  it('names whatever unlocks its key', async () => {
    const world = createWorld();
    const deep = ['long', ...Array.from({ length: 5 }, () => 'd'.repeat(250))].join('/');
    mkdirSync(world.path(deep), { recursive: true });
    writeFileSync(world.path(deep, 'file'), 'its key is longer than OSS allows');
    writeFileSync(world.path('phrase'), 'phrase\n', { mode: 0o600 });
    keyFile(world, testKey(), 'k.pem', 'phrase');
    const { code, stdout } = await world.call(['push', 'long', 'oss://bucket/long', '--local', '--key', 'k.pem', '--passphrase-file', 'phrase', '--manifest', 'm.jsonl']);
    assert.equal(code, 3);
    const [, options = ''] = /continue with: sealift resume \S+ (.*)$/m.exec(stdout) ?? [];
    assert.equal(options, `--key ${world.path('k.pem')} --passphrase-file ${world.path('phrase')}`);
    rmSync(world.path('long'), { recursive: true });
    mkdirSync(world.path('long'));
    assert.equal((await world.call(['resume', 'm.jsonl', ...options.split(' '), '--local'])).code, 0);
    world.remove();
  });
});

describe('a first try without any configuration', () => {
  const world = createWorld();
  before(() => makeTree(world));
  after(() => world.remove());

  it('plans for every way to say yes, and sends nothing', async () => {
    for (const yes of ['--dry-run=1', '--dry-run=yes', '--dry-run=on', '--dry-run=True']) {
      const { code, stdout } = await world.call(['push', 'tree', PLACE, ...LOCAL, yes, '--json=1']);
      assert.deepEqual([code, eventsOf(stdout)[0]?.['manifest']], [0, undefined], yes);
      assert.ok(eventsOf(stdout).some(({ state }) => state === 'planned'), yes);
    }
    const { code, stdout } = await world.call(['push', 'tree', PLACE, ...LOCAL, '--dry-run=off', '--threads', 'abc', '--json=0']);
    assert.deepEqual([code, stdout], [2, '']);
  });

  it('plans without sending', async () => {
    const { code, stdout, stderr } = await world.call(['push', 'tree', PLACE, ...LOCAL, '--dry-run']);
    assert.equal(code, 0, stderr);
    for (const part of ['threads      1', '64 in flight per thread', '8 MiB', '256 MiB', 'planned  a.txt  5 B', 'push planned: 5 scanned = 4 done + 1 skipped + 0 failed', 'nothing was sent']) {
      assert.ok(stdout.includes(part), `${part} is not in\n${stdout}`);
    }
    assert.match(stderr, /^planned from the files and the manifest alone: .*in it already.*$/m);
    assert.doesNotMatch(stdout + stderr, /\u001b/);
    const status = await world.call(['status']);
    assert.equal(status.code, 2, 'a plan leaves no manifest');
  });

  it('pushes, and says where the manifest is', async () => {
    const { code, stdout, stderr } = await world.run(['push', 'tree', PLACE, ...LOCAL]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^push complete: 5 scanned = 4 done \+ 1 skipped \+ 0 failed\n {2}10 B in .*\n {2}skipped: 1 empty directory\n {2}manifest .*state\/sealift\/manifests\/.*\.jsonl\n$/);
  });

  it('keeps its key to its owner', async () => {
    const { code, stdout } = await world.call(['keys', 'show', '.sealift/key.pem']);
    assert.equal(code, 0);
    assert.match(stdout, /RSA-3072/);
  });

  it('sends nothing twice, and tells programs so', async () => {
    const { code, stdout } = await world.call(['push', 'tree', PLACE, ...LOCAL, '--json']);
    assert.equal(code, 0);
    const events = eventsOf(stdout);
    assert.deepEqual(events.filter(({ event }) => event === 'file').map((event) => event['state']), Array<string>(5).fill('skipped'));
    const [first] = events;
    assert.equal(first?.event, 'start');
    assert.equal(typeof first['run'], 'string');
    assert.match(String(first['manifest']), /\.jsonl$/);
    assert.deepEqual((first['effective'] as Record<string, unknown>)['threads'], 1);
    const last = events.at(-1);
    assert.deepEqual({ ...last, time: '' }, { v: 1, event: 'summary', time: '', scanned: 5, done: 0, skipped: 5, failed: 0, bytes: 0, exitCode: 0, skipReasons: { 'unchanged': 4, 'empty-directory': 1 } });
    for (const { v, time } of events) {
      assert.equal(v, 1);
      assert.equal(new Date(time).toISOString(), time);
    }
  });

  it('reports the run as complete', async () => {
    const { code, stdout } = await world.call(['status', '--json']);
    const [status, summary] = eventsOf(stdout);
    assert.deepEqual([code, status?.event, status?.['complete'], status?.['done'], status?.['left'], status?.['bytes']], [0, 'status', true, 4, 0, 10]);
    assert.deepEqual([summary?.event, summary?.['exitCode'], summary?.['skipReasons']], ['summary', 0, { 'empty-directory': 1 }]);
    assert.match((await world.call(['status'])).stdout, /^push .*tree → oss:\/\/bucket\/backup: complete\n[^]*\n {2}skipped {3}1: 1 empty directory\n/);
  });

  it('has nothing to resume then', async () => {
    const { code, stderr } = await world.call(['resume', ...LOCAL]);
    assert.equal(code, 2);
    assert.match(stderr, /there is no unfinished run/);
  });

  it('pulls the same bytes and the empty directory back', async () => {
    const { code, stderr } = await world.run(['pull', PLACE, 'out', ...LOCAL]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(readdirSync(world.path('out'), { recursive: true }).sort(), readdirSync(world.path('tree'), { recursive: true }).sort());
    for (const name of ['a.txt', 'sub/b.txt', 'sub/zero', 'bad\u001b[31mname']) {
      assert.deepEqual(readFileSync(world.path('out', name)), readFileSync(world.path('tree', name)));
    }
  });

  it('verifies against the source, with a record', async () => {
    const { code, stdout, stderr } = await world.call(['verify', PLACE, ...LOCAL, '--against', 'tree', '--report', 'proof.json', '--quiet']);
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
    const proof = JSON.parse(readFileSync(world.path('proof.json'), 'utf8')) as { complete: boolean; files: unknown[] };
    assert.ok(proof.complete && proof.files.length >= 4);
  });

  it('finds a difference with exit code 4 and prints the name escaped', async () => {
    writeFileSync(world.path('tree/bad\u001b[31mname'), 'y');
    const { code, stdout, stderr } = await world.run(['verify', PLACE, ...LOCAL, '--against', 'tree']);
    assert.equal(code, 4, stderr);
    assert.match(stdout, /verify NOT complete \(exit code 4\)/);
    assert.match(stdout, /failed {2}bad(?:%1B|\\x1b)\[31mname: /);
    assert.doesNotMatch(stdout + stderr, /\u001b/);
  });
});

describe('own files', () => {
  const world = createWorld();
  before(() => void keyFile(world, testKey(), '../key.pem'));
  after(() => world.remove());

  it('are never uploaded: the local store, the manifest and its lock', async () => {
    mkdirSync(world.path('manifests'));
    writeFileSync(world.path('a.txt'), 'alpha');
    const { code, stdout, stderr } = await world.call(['push', '.', PLACE, ...LOCAL, ...KEY, '--json']);
    assert.equal(code, 0, stderr);
    const files = eventsOf(stdout).filter(({ event }) => event === 'file');
    assert.deepEqual(files.filter((event) => event['state'] === 'done').map((event) => event['path']), ['a.txt']);
    assert.ok(files.some((event) => event['path'] === '.sealift' && event['code'] === 'own-file'));
    const [start] = eventsOf(stdout);
    assert.ok(String(start?.['manifest']).startsWith(join(world.cwd, 'manifests/')));
    assert.equal((await world.call(['status'])).code, 0);
  });

  it('are not missing in the bucket either', async () => {
    const { code, stdout } = await world.call(['verify', PLACE, ...LOCAL, ...KEY, '--against', '.']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^verify complete: 1 scanned = 1 done \+ 0 skipped \+ 0 failed\n/);
  });

  it('are no place to go on from when a verification found something', async () => {
    const [manifest = ''] = readdirSync(world.path('manifests'));
    Array.from({ length: 11 }, (_, index) => writeFileSync(world.path(`unsent-${index}`), ''));
    const verify = ['verify', PLACE, ...LOCAL, ...KEY, '--against', '.', '--manifest', `manifests/${manifest}`];
    const { code, stdout } = await world.call(verify);
    assert.equal(code, 4, stdout);
    assert.match(stdout, /… and 1 more; all of them: pass --report FILE\n {2}manifest .*\.jsonl\n$/);
    assert.doesNotMatch(stdout, /sealift (?:resume|status)/);
    assert.match((await world.call([...verify, '--report', 'proof.json'])).stdout, /all of them: .*proof\.json\n/);
  });
});

describe('what stops a run before it begins', () => {
  const world = createWorld();
  before(() => {
    makeTree(world);
    keyFile(world, testKey(), '../key.pem');
  });
  after(() => world.remove());

  it('a missing source is exit code 2', async () => {
    const { code, stdout, stderr } = await world.call(['push', 'missing', PLACE, ...LOCAL, '--json']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /missing/);
    const events = eventsOf(stdout);
    assert.deepEqual(events.map(({ event }) => event), ['summary']);
    assert.equal(events[0]?.['exitCode'], 2);
  });

  it('a file in the place of a directory is exit code 2, and leaves no manifest behind', async () => {
    const { code, stderr } = await world.call(['push', 'tree/a.txt', PLACE, ...LOCAL, ...KEY, '--manifest', 'none.jsonl']);
    assert.equal(code, 2);
    assert.match(stderr, /a\.txt: it is not a directory\n.*--include/);
    assert.equal(existsSync(join(world.cwd, 'none.jsonl')), false);
  });

  it('a manifest of another run is exit code 2', async () => {
    assert.equal((await world.call(['push', 'tree', PLACE, ...LOCAL, '--manifest', 'm.jsonl', ...KEY])).code, 0);
    const { code, stderr } = await world.call(['push', 'tree/sub', PLACE, ...LOCAL, '--manifest', 'm.jsonl', ...KEY]);
    assert.equal(code, 2);
    assert.match(stderr, /m\.jsonl is the manifest of another run/);
  });

  it('an empty manifest, as a kill before its first record leaves it, is none', async () => {
    writeFileSync(join(world.cwd, 'empty.jsonl'), '');
    for (const command of ['status', 'resume']) {
      const { code, stderr } = await world.call([command, 'empty.jsonl']);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /empty\.jsonl is empty: [^]*start the run again/);
    }
    const again = await world.call(['push', 'tree', PLACE, ...LOCAL, '--manifest', 'empty.jsonl', ...KEY]);
    assert.equal(again.code, 0, again.stderr);
    assert.equal((await world.call(['status', 'empty.jsonl'])).code, 0);
  });

  it('the lock of another container is exit code 8, and push and resume say what to look at and what to type', async () => {
    const push = ['push', 'tree', PLACE, ...LOCAL, ...KEY, '--manifest', 'contained.jsonl'];
    assert.equal((await world.call(push)).code, 0);
    const { host, bootId } = thisMachine;
    const lock = JSON.stringify({ host, bootId, namespace: 'pid:[7]', pid: 17, startTime: '5', since: '2026' });
    const lockFile = join(world.cwd, 'contained.jsonl.lock');
    for (const command of [push, ['resume', 'contained.jsonl', ...LOCAL, ...KEY]]) {
      writeFileSync(lockFile, lock);
      const { code, stderr } = await world.call(command);
      assert.equal(code, 8, stderr);
      assert.match(stderr, /in use by process 17 of another container \(pid:\[7\]\) on .* since 2026/);
      assert.match(stderr, /docker ps[^]*give the same command again with --break-lock/);
      const broken = await world.call([...command, '--break-lock']);
      assert.equal(broken.code, 0, broken.stderr);
      assert.ok(!existsSync(lockFile));
    }
  });

  it('a damaged manifest is exit code 7', async () => {
    writeFileSync(world.path('damaged.jsonl'), '{"type":"open"}\n{"type":"close"}\n');
    const { code, stderr } = await world.run(['status', 'damaged.jsonl']);
    assert.equal(code, 7, stderr);
  });
});
