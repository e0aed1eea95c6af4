import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { RequestInfo } from '../../src/local/cloud.js';
import { callCli, CLI, keyFile, reach, startCli } from '../support/cli.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, type World } from '../support/world.js';

describe('a run under an operating system that gives little', { skip: process.platform === 'linux' ? false : 'needs the proc file system' }, () => {
  for (const limit of [64, 96, 128]) {
    it(`pushes, pulls and verifies with ${limit} file descriptors and all defaults`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`d${i % 40}/f${i}`, content(500, i)])));
      plant(world.source, { 'large.bin': content(4_300_000) });
      plant(world.directory, { 'sealift/config.json': '{ "concurrency": 64 }' });
      const key = ['--key', keyFile(world, world.key), '--quiet'];
      const inParts = ['--memory', '8MiB', '--part-size', '128KiB'];
      await limited(world, limit, ['push', world.source, 'oss://sealift/backup', ...key, ...inParts]);
      await limited(world, limit, ['pull', 'oss://sealift/backup', world.path('back'), ...key, ...inParts]);
      assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
      await limited(world, limit, ['verify', 'oss://sealift/backup', '--against', world.source, ...key, ...inParts]);
    });
  }

  it('holds less in flight than it was asked to', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 160 }, (_, i) => [`f${i}`, content(500, i)])));
    const said = await limited(world, 116, ['push', world.source, 'oss://sealift/backup', '--key', keyFile(world, world.key), '--threads', '2', '--concurrency', '30', '--json']);
    assert.match(said, /"threads":1,"threadsAtOnce":1,"concurrency":14,/);
  });

  it('refuses to begin with too few, and says how many it needs', async (t) => {
    const world = await makeWorld(t);
    const said = await limited(world, 60, ['push', world.source, 'oss://sealift/backup', '--key', keyFile(world, world.key)], 2);
    assert.match(said, /60 files and sockets open, and needs 64[^]*ulimit -n 64/);
  });
});

describe('a pull that was killed', () => {
  it('leaves temporary files that the next one removes, and files that it completes', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`small/f${i}`, content(500, i)])));
    plant(world.source, { 'large.bin': content(4_300_000) });
    await world.push();
    const { env, options } = reach(world);
    const place = { cwd: world.directory, env };
    const pulling = ['pull', 'oss://sealift/backup', world.path('back'), ...options, '--quiet'];
    const killedAt = async (moment: (request: RequestInfo) => boolean): Promise<void> => {
      const { child, finished } = startCli(pulling, place);
      world.faults = (request) => {
        if (moment(request)) {
          child.kill('SIGKILL');
        }
        return undefined;
      };
      const { signal, stderr } = await finished;
      assert.equal(signal, 'SIGKILL', stderr);
    };
    await killedAt(({ operation }) => operation === 'ListObjectsV2');
    await killedAt(nth(20, ({ operation, key }) => operation === 'GetObject' && key.startsWith('backup/small/')));
    await killedAt(nth(12, ({ operation, key }) => operation === 'GetObject' && key === 'backup/large.bin'));
    const leftover = readdirSync(world.path('back')).filter((name) => name.startsWith('.sealift-'));
    assert.ok(leftover.length > 0, 'a file was under way');
    world.faults = () => undefined;
    const { code, stderr } = await callCli(pulling, place);
    assert.equal(code, 0, stderr);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    assert.deepEqual(leftover.filter((name) => existsSync(world.path('back', name))), []);
  });

  it('never touches a file that somebody else made meanwhile', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'sealed' });
    await world.push();
    plant(world.path('back'), { 'a.txt': 'mine' });
    const { env, options } = reach(world);
    const { code } = await callCli(['pull', 'oss://sealift/backup', world.path('back'), ...options], { cwd: world.directory, env });
    assert.equal(code, 3);
    writeFileSync(world.path('check'), '');
    assert.match(describeTree(world.path('back')).get('a.txt') ?? '', new RegExp(Buffer.from('mine').toString('base64')));
  });
});

/** True for the n-th request that is meant, once. */
function nth(n: number, isMeant: (request: RequestInfo) => boolean): (request: RequestInfo) => boolean {
  let seen = 0;
  return (request) => isMeant(request) && (seen += 1) === n;
}

/** Runs the program with so few file descriptors, the cloud elsewhere, and returns what it said. */
async function limited(world: World, descriptors: number, args: readonly string[], code = 0): Promise<string> {
  const { env } = reach(world);
  const child = spawn('bash', ['-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash', process.execPath, CLI, ...args], {
    cwd: world.directory, env: { ...process.env, ...env, XDG_CONFIG_HOME: world.directory }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  [child.stdout, child.stderr].forEach((stream) => stream.on('data', (text: Buffer) => { said += text.toString(); }));
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), code, said);
  return said;
}
