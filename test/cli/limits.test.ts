import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { RequestInfo } from '../../src/local/cloud.js';
import { callCli, CLI, reach, startCli } from '../support/cli.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

describe('a push under an operating system that gives little', () => {
  it('waits for file descriptors instead of losing files', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 160 }, (_, i) => [`d${i % 7}/f${i}`, content(500, i)])));
    plant(world.source, { 'large.bin': content(4_300_000) });
    const { env, options } = reach(world);
    const push = spawn('bash', ['-c', 'ulimit -n 116; exec "$@"', 'bash', process.execPath, CLI, 'push', world.source, 'oss://sealift/backup', '--key', options[1] ?? '', '--threads', '2', '--concurrency', '30', '--memory', '8MiB', '--part-size', '128KiB', '--quiet'], {
      cwd: world.directory, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    push.stderr.on('data', (text: Buffer) => { said += text.toString(); });
    const code = await new Promise((resolve) => push.on('close', resolve));
    assert.equal(code, 0, said);
    await world.pull(world.path('back'));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
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
