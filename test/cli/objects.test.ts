import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { callCli, CLI, keyFile, reach, runCli, type Place } from '../support/cli.js';
import { content, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

describe('sealift ls, cat and inspect as commands', () => {
  it('print what they found and nothing else, end quietly when nobody reads on, and give not one byte of a changed object', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.bin': content(3_000_000), 'sub/b.txt': 'hello' });
    await world.push();
    const command = { cwd: world.directory, env: reach(world).env };
    const file = keyFile(world, world.key);
    const place = `oss://${world.cloud.oss.bucket}/backup`;
    await assertOutputs(command, { place, key: ['--key', file] });
    assert.deepEqual(await firstBytes(`cat ${place}/a.bin --key ${file}`, command), { code: 0, stdout: content(4).toString('latin1') });
    world.faults = ({ operation }) => (operation === 'GetObject' ? { kind: 'answer', status: 412, code: 'PreconditionFailed' } : undefined);
    const replaced = await callCli(['cat', `${place}/a.bin`, '--key', file], command);
    assert.deepEqual([replaced.code, replaced.stdout], [4, '']);
  });
});

async function assertOutputs(command: Place, { place, key }: { place: string; key: readonly string[] }): Promise<void> {
  const [listing, text, inspected, refused, mistake] = await Promise.all([
    runCli(['ls', place], command),
    callCli(['cat', `${place}/sub/b.txt`, ...key], command),
    callCli(['inspect', `${place}/sub/b.txt`, ...key, '--json'], command),
    callCli(['cat', `${place}/sub/b.txt`, ...key, '--range', '1-2'], command),
    callCli(['cat', `${place}/sub/b.txt`, ...key, '--rnage', '1-2'], command),
  ]);
  assert.deepEqual([listing.code, listing.stdout.split('\n').map((line) => line.trim())], [0, ['3,000,000  sealed           backup/a.bin', '5  sealed           backup/sub/b.txt', '']]);
  assert.deepEqual([text.code, text.stdout, text.stderr], [0, 'hello', '']);
  assert.deepEqual([inspected.code, (JSON.parse(inspected.stdout) as { key: string }).key], [0, 'backup/sub/b.txt']);
  assert.deepEqual([refused.code, refused.stdout], [2, '']);
  assert.match(refused.stderr, /--unverified-range/);
  assert.deepEqual([mistake.code, mistake.stdout], [2, '']);
  assert.match(mistake.stderr, /See: sealift cat --help/);
}

/** What `sealift … | head -c 4` prints, and the exit code of the former. */
async function firstBytes(words: string, { env }: Place): Promise<{ code: number; stdout: string }> {
  const script = `set -o pipefail; "${process.execPath}" "${CLI}" ${words} | head -c 4`;
  return await new Promise((resolve) => {
    execFile('bash', ['-c', script], { encoding: 'latin1', env: { ...env, PATH: process.env['PATH'] ?? '' } }, (error, stdout) => resolve({ code: error === null ? 0 : Number(error.code), stdout }));
  });
}
