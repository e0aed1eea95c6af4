import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { callCli, CLI, reach, startCli } from '../support/cli.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

describe('a push under an operating system that gives little', () => {
  it('waits for file descriptors instead of losing files', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 7}/f${i}`, content(500, i)])));
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
    const pulling = ['pull', 'oss://sealift/backup', world.path('back'), ...options, '--quiet'];
    let killed = 0;
    for (const killAt of [5, 20, 45, 70, 90]) {
      let seen = 0;
      const { child, finished } = startCli(pulling, { cwd: world.directory, env });
      world.faults = () => {
        seen += 1;
        if (seen === killAt) {
          child.kill('SIGKILL');
        }
        return undefined;
      };
      const { signal } = await finished;
      killed += signal === 'SIGKILL' ? 1 : 0;
    }
    assert.ok(killed >= 3, `${killed} kills hit`);
    // As a process that is long gone would have left it.
    const leftover = readdirSync(world.path('back')).find((name) => name.startsWith('.sealift-'));
    world.faults = () => undefined;
    const { code, stderr } = await callCli(pulling, { cwd: world.directory, env });
    assert.equal(code, 0, stderr);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    assert.ok(leftover === undefined || !existsSync(world.path('back', leftover)));
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
