import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tagOf, temporaryName } from '../../src/files/temporary.js';
import { thisMachine } from '../../src/files/machine.js';
import { callCli, type Finished } from '../support/cli.js';

const host = { ...thisMachine, startTime: '1' };
/** No process has this id: it is above what any system gives out. */
const DEAD = tagOf({ ...host, pid: 4_194_305 });
const FAR = tagOf({ ...host, host: 'a container' });

interface Tree {
  readonly root: string;
  readonly gone: string;
  readonly alive: string;
  readonly elsewhere: string;
  readonly doctor: (...args: string[]) => Promise<Finished>;
}

function makeTree(t: TestContext): Tree {
  const root = mkdtempSync(join(tmpdir(), 'sealift-doctor-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'back/a/b'), { recursive: true });
  mkdirSync(join(root, 'beside'));
  const place = (directory: string, name: string): string => {
    writeFileSync(join(root, directory, name), 'plain');
    return join(root, directory, name);
  };
  place('beside', temporaryName(DEAD));
  place('back/a', '.sealift-notes');
  symlinkSync(join(root, 'beside'), join(root, 'back/link'));
  const doctor = async (...args: string[]): Promise<Finished> => await callCli(['doctor', 'back', ...args], { cwd: root, env: {} });
  return { root, gone: place('back/a/b', temporaryName(DEAD)), alive: place('back', temporaryName()), elsewhere: place('back/a', temporaryName(FAR)), doctor };
}

describe('doctor', () => {
  it('lists temporary files below a directory and removes nothing unless told to', async (t) => {
    const { gone, alive, elsewhere, doctor } = makeTree(t);
    const { code, stdout, stderr } = await doctor();
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split('\n').sort(), [`alive      5 B  ${alive}`, `elsewhere  5 B  ${elsewhere}`, `gone       5 B  ${gone}`]);
    assert.match(stderr, /^3 temporary files, 1 gone, 1 alive, 1 elsewhere\n.*--remove takes.*\n.*--remove --force/);
    assert.ok([gone, alive, elsewhere].every((file) => existsSync(file)));
  });

  it('removes those of processes that are gone, and with --force of other hosts, but never of one that runs', async (t) => {
    const { root, gone, alive, elsewhere, doctor } = makeTree(t);
    const first = await doctor('--remove');
    assert.match(first.stderr, /1 removed, 1 alive, 1 elsewhere/);
    assert.deepEqual([gone, alive, elsewhere].map((file) => existsSync(file)), [false, true, true]);
    const { stdout } = await doctor('--remove', '--force', '--json');
    const events = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(events.map(({ event, state, removed }) => [event, state ?? removed]).sort(), [['temporaries', 1], ['temporary', 'alive'], ['temporary', 'removed']]);
    assert.deepEqual([alive, elsewhere, join(root, 'back/a/.sealift-notes')].map((file) => existsSync(file)), [true, false, true]);
  });

  it('refuses what it cannot look through, and --force alone', async (t) => {
    const { root, gone, doctor } = makeTree(t);
    const nowhere = await callCli(['doctor', 'nowhere'], { cwd: root, env: {} });
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /cannot look through .*nowhere: no such file or directory/);
    assert.equal((await doctor('--force')).code, 2);
    assert.ok(existsSync(gone));
  });
});
