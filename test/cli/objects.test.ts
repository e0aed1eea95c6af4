import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { callCli, CLI, keyFile, reach, runCli } from '../support/cli.js';
import { content, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

describe('sealift ls, cat and inspect as commands', () => {
  it('print what they found to standard output and nothing else', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(300_000), 'sub/b.txt': 'hello' });
    await world.push();
    const { env } = reach(world);
    const command = { cwd: world.directory, env };
    const key = ['--key', keyFile(world, world.key)];
    const place = `oss://${world.cloud.oss.bucket}/backup`;
    const [listing, text, inspected, refused, mistake] = await Promise.all([
      runCli(['ls', place], command),
      callCli(['cat', `${place}/sub/b.txt`, ...key], command),
      runCli(['inspect', `${place}/sub/b.txt`, ...key, '--json'], command),
      callCli(['cat', `${place}/sub/b.txt`, ...key, '--range', '1-2'], command),
      callCli(['cat', `${place}/sub/b.txt`, ...key, '--rnage', '1-2'], command),
    ]);
    assert.deepEqual([listing.code, listing.stdout.split('\n').map((line) => line.trim())], [0, ['300,000  sealed           backup/a.bin', '5  sealed           backup/sub/b.txt', '']]);
    assert.deepEqual([text.code, text.stdout, text.stderr], [0, 'hello', '']);
    assert.deepEqual([inspected.code, (JSON.parse(inspected.stdout) as { key: string }).key], [0, 'backup/sub/b.txt']);
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, /--unverified-range/);
    assert.deepEqual([mistake.code, mistake.stdout], [2, '']);
    assert.match(mistake.stderr, /See: sealift cat --help/);
  });

  it('give a changed object the integrity code and not one byte, and end quietly when nobody reads on', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(3_000_000) });
    await world.push();
    const { env } = reach(world);
    const file = keyFile(world, world.key);
    const url = `oss://${world.cloud.oss.bucket}/backup/a.bin`;
    const head = await new Promise<{ code: number | null; stdout: string }>((resolve) => {
      const script = `set -o pipefail; "${process.execPath}" "${CLI}" cat ${url} --key ${file} | head -c 4`;
      execFile('bash', ['-c', script], { encoding: 'latin1', env: { ...env, PATH: process.env['PATH'] ?? '' } }, (error, stdout) => resolve({ code: error === null ? 0 : Number(error.code), stdout }));
    });
    assert.deepEqual(head, { code: 0, stdout: content(4).toString('latin1') });
    world.faults = ({ operation }) => (operation === 'GetObject' ? { kind: 'answer', status: 412, code: 'PreconditionFailed' } : undefined);
    const replaced = await callCli(['cat', url, '--key', file], { cwd: world.directory, env });
    assert.deepEqual([replaced.code, replaced.stdout], [4, '']);
  });
});
