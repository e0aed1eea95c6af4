import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import type { BenchFile } from '../../src/commands/bench/rows.js';
import { measureProgram, type Measures } from '../../src/commands/bench/round.js';
import type { Suggestion } from '../../src/commands/bench/suggest.js';
import type { Place } from '../../src/commands/bench/target.js';
import { makeWork } from '../../src/commands/bench/work.js';
import { createRsaKey } from '../../src/keys/key-files.js';
import type { Credentials } from '../../src/run/options.js';
import { callCli, reach, runCli, startCli } from '../support/cli.js';
import { openProxy } from '../support/proxy.js';
import { makeWorld, type World } from '../support/world.js';

const TARGET = ['--target', 'oss://sealift/tmp'];

/** What the process needs to reach the cloud, and a scratch directory that can be looked into. */
function place(world: World): { cwd: string; env: Record<string, string> } {
  mkdirSync(world.path('scratch'));
  return { cwd: world.directory, env: { ...reach(world).env, TMPDIR: world.path('scratch') } };
}

async function assertNothingLeft(world: World): Promise<void> {
  assert.deepEqual(readdirSync(world.path('scratch')), []);
  assert.deepEqual([(await world.store.list('')).objects, await world.store.listUploads('')], [[], []]);
}

describe('sealift bench against a bucket', () => {
  it('suggests flags with a reason, measured there, and removes what it put', async (t) => {
    const world = await makeWorld(t);
    const flags = ['--suggest', '--files', '30', '--size', '1KiB', '--threads', '1', '--concurrency', '2,4', '--warm', '--json'];
    const { code, stdout, stderr } = await runCli(['bench', ...TARGET, ...flags], place(world));
    assert.equal(code, 0, stderr);
    const { rows, suggestion } = JSON.parse(stdout) as BenchFile & { suggestion: Suggestion };
    assert.deepEqual(rows.map(({ threads, concurrency, operation, target }) => [threads, concurrency, operation, target]), [[1, 2, 'push', 'oss://sealift'], [1, 4, 'push', 'oss://sealift']]);
    assert.match(suggestion.flags.join(' '), /^--threads 1 --concurrency [24]$/);
    assert.match(suggestion.reason, /(?:CPU|latency|disk)-bound/);
    assert.ok(suggestion.reason.includes(`${suggestion.bound}-bound`), suggestion.reason);
    assert.ok(world.requests.some(({ method, key }) => method === 'PUT' && key.includes('/sealift-bench-')));
    assert.ok(world.requests.some(({ method, key }) => method === 'PUT' && key.includes('-warm-up/')));
    await assertNothingLeft(world);
  });

  it('reaches it through the proxy that is named', async (t) => {
    const world = await makeWorld(t);
    const { url, host, seen } = await openProxy(t, { refuse: () => 'HTTP/1.1 403 Forbidden\r\n\r\n' });
    const { code, stderr } = await callCli(['bench', ...TARGET, '--proxy', url], place(world));
    assert.equal(code, 9, stderr);
    assert.match(stderr, new RegExp(`the proxy ${host} refuses to connect`));
    assert.equal(seen.length, 1);
    assert.deepEqual(world.requests, []);
  });

  it('removes objects and scratch files when it is stopped', async (t) => {
    const world = await makeWorld(t);
    const { child, finished } = startCli(['bench', ...TARGET, '--files', '3000', '--size', '1KiB'], place(world));
    world.faults = ({ method, key }) => {
      if (method === 'PUT' && key.endsWith('/file-7')) {
        child.kill('SIGINT');
      }
      return undefined;
    };
    const { code, stderr } = await finished;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /the bench was stopped by SIGINT/);
    await assertNothingLeft(world);
  });

  it('gives every measured process credentials that still hold', async (t) => {
    const world = await makeWorld(t);
    const { cloud } = world;
    ['data', 'scratch'].forEach((name) => mkdirSync(world.path(name)));
    await createRsaKey(world.path('bench.pem'), { bits: 2048 });
    let current: Credentials = cloud.issueCredentials(3_600_000);
    const work = makeWork('few', [{ files: 3, bytes: 10 }], world.path('data'));
    const place: Place = {
      name: 'local', target: { ...cloud.oss, prefix: 'bench' }, credentials: () => Promise.resolve(current), forget: () => Promise.resolve(), close: () => Promise.resolve(),
    };
    const measured = async (): Promise<Measures> => await measureProgram('sealift', { threads: 1, concurrency: 4, partBytes: undefined, memoryBytes: undefined, withPull: true, withProfile: false, isWarm: false, runs: 1 }, {
      work, place, sink: place, latencyMs: 0, scratch: world.path('scratch'), keyFile: world.path('bench.pem'),
      envelope: 'oss-crypto', keyBits: 2048, signal: new AbortController().signal, mayRepeat: () => false, say: () => undefined,
    });
    for (let round = 0; round < 2; round += 1) {
      const { push, pull } = await measured();
      assert.deepEqual([push?.files, pull?.files], [3, 3]);
      cloud.expireCredentials(current.accessKeyId);
      current = cloud.issueCredentials(3_600_000);
    }
  });

  it('says what is wrong with the bucket before it makes anything', async (t) => {
    const world = await makeWorld(t);
    const { code, stderr } = await runCli(['bench', '--target', 'oss://nowhere/tmp'], place(world));
    assert.equal(code, 2, stderr);
    assert.match(stderr, /the bucket does not exist/);
    assert.doesNotMatch(stderr, /mixed:/);
    await assertNothingLeft(world);
  });
});

describe('the cloud of a bench', () => {
  it('ends with the process that started it, however that ends', async (t) => {
    const parent = startParent(t, (await makeWorld(t)).path('cloud-of-its-own'));
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const { oss } = JSON.parse(line) as { oss: { endpoint: string } };
    const socket = connect(Number(new URL(oss.endpoint).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined).resume();
    parent.kill('SIGKILL');
    await once(socket, 'close');
  });
});

/** A process that starts the cloud, says where it is, and waits. */
function startParent(t: TestContext, directory: string) {
  const processes = new URL('../../src/commands/bench/processes.js', import.meta.url);
  const script = `import { startCloud } from '${processes.href}'; console.log(JSON.stringify((await startCloud(process.argv[1])).announced));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}
