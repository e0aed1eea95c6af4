import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectUploads, type UploadCollection } from '../../src/run/gc-uploads.js';
import { parseDuration } from '../../src/values.js';
import { callCli, reach, runCli } from '../support/cli.js';
import { makeWorld } from '../support/world.js';

const DAY = 86_400_000;

describe('gc-uploads', () => {
  it('aborts what is old below the prefix, keeps the rest, and says which is which', async (t) => {
    const world = await makeWorld(t);
    const begin = async (key: string): Promise<string> => await world.store.initiateUpload(key, { metadata: {} });
    const [old, , beside] = [await begin('a/old'), await begin('a/old'), await begin('ab/beside')];
    const place = { cwd: world.directory, env: reach(world).env };
    const words = ['gc-uploads', 'oss://sealift/a'];
    const run = async (...args: string[]): ReturnType<typeof callCli> => await callCli([...words, ...args], place);

    const young = await run();
    assert.equal(young.code, 0, young.stderr);
    assert.match(young.stderr, /2 unfinished uploads, 2 kept/);
    const planned = await run('--older-than', '0s', '--dry-run', '--json');
    const events = planned.stdout.trim().split('\n').map((line) => JSON.parse(line) as { event: string; state?: string; uploadId?: string; planned?: number });
    assert.deepEqual(events.map(({ event, state }) => state ?? event), ['planned', 'planned', 'uploads']);
    assert.ok(events.some(({ uploadId }) => uploadId === old));
    assert.equal((await world.store.listUploads('')).length, 3, 'a dry run aborts nothing');
    const done = await runCli([...words, '--older-than', '0s'], place);
    assert.match(done.stdout, /^aborted {2}\S+ {2}\S+ {2}a\/old\n/);
    assert.match(done.stderr, /2 unfinished uploads, 2 aborted/);
    assert.deepEqual((await world.store.listUploads('')).map(({ uploadId }) => uploadId), [beside]);
  });

  it('refuses an age without a unit, before anything is asked for', async (t) => {
    const world = await makeWorld(t);
    const { code, stderr } = await callCli(['gc-uploads', 'oss://sealift', '--older-than', '1'], { cwd: world.directory, env: reach(world).env });
    assert.equal(code, 2);
    assert.match(stderr, /--older-than/);
    assert.deepEqual(world.requests, []);
  });

  it('keeps an upload whose age nobody can tell, and takes the whole bucket without a prefix', async () => {
    const aborted: string[] = [];
    const upload = { key: 'k', uploadId: 'u' };
    const store: UploadCollection['store'] = {
      listUploads: () => Promise.resolve([{ ...upload, initiated: '' }, { ...upload, initiated: new Date(0).toISOString() }]),
      abortUpload: (key) => Promise.resolve(void aborted.push(key)),
    };
    const states: string[] = [];
    for await (const { state } of collectUploads({ store, prefix: '', olderThanMs: DAY, dryRun: false, now: DAY })) {
      states.push(state);
    }
    assert.deepEqual([states, aborted], [['kept', 'aborted'], ['k']]);
  });

  it('reads ages', () => {
    assert.deepEqual(['90s', '30m', '12h', '7d'].map((text) => parseDuration('x', text)), [90_000, 1_800_000, 43_200_000, 7 * DAY]);
    for (const text of ['', '7', 'd', '1.5d', '-1d', '1w', '1d2h']) {
      assert.throws(() => parseDuration('--older-than', text), { code: 'usage' }, text);
    }
  });
});
