import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startLocalCloud, type LocalCloud } from '../../src/local/cloud.js';
import { createOssStore } from '../../src/store/oss.js';
import { keyFile } from '../support/cli.js';
import { testKey } from '../support/world.js';
import { createWorld, eventsOf } from './process.js';

const PLACE = 'oss://sealift/backup';
const COMMON = ['--key', 'key.pem', '--threads', '1', '--json'] as const;

describe('a pull that names the manifest of the push', () => {
  const world = createWorld();
  let cloud: LocalCloud;
  let env: Readonly<Record<string, string>>;

  before(async () => {
    cloud = await startLocalCloud({ dataDirectory: world.path('cloud') });
    env = { OSS_ENDPOINT: cloud.oss.endpoint, OSS_REGION: cloud.oss.region, OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret };
    mkdirSync(world.path('tree'));
    writeFileSync(world.path('tree/kept'), 'kept');
    writeFileSync(world.path('tree/gone'), 'gone');
    keyFile(world, testKey(), 'key.pem');
    const { code, stderr } = await world.call(['push', 'tree', PLACE, ...COMMON, '--manifest', 'push.jsonl'], env);
    assert.equal(code, 0, stderr);
    await remove('backup/gone');
  });
  after(async () => {
    await cloud.close();
    world.remove();
  });

  async function remove(key: string): Promise<void> {
    const { accessKeyId, accessKeySecret, oss: { bucket, region, endpoint } } = cloud;
    const store = await createOssStore({ bucket, region, endpoint, credentials: { accessKeyId, accessKeySecret }, connections: 1 });
    await store.delete(key);
    await store.close();
  }

  /** Code and failures of a command. */
  async function outcome(...words: string[]): Promise<unknown> {
    const { code, stdout } = await world.call([...words, ...COMMON], env);
    return [code, eventsOf(stdout).flatMap(({ event, path, code: reason, state }) => (event === 'file' && state === 'failed' ? [`${String(path)} ${String(reason)}`] : []))];
  }

  it('misses what that records, and so does every resume of it', async () => {
    const missing = [4, ['gone missing']];
    assert.deepEqual(await outcome('pull', PLACE, 'back', '--manifest', 'push.jsonl'), missing);
    assert.deepEqual(await outcome('resume', '--dry-run'), missing);
    assert.deepEqual(await outcome('resume'), missing);
    assert.deepEqual(await outcome('resume'), missing);
  });

  it('is done without it when it is given again so', async () => {
    assert.deepEqual(await outcome('pull', PLACE, 'back'), [0, []]);
    assert.deepEqual(await outcome('resume'), [2, []], 'nothing is left to resume');
  });
});
