import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startLocalCloud, type FaultPlan, type LocalCloud, type RequestRecord } from '../../src/local/cloud.js';
import { keyFile } from '../support/cli.js';
import { testKey } from '../support/world.js';
import { createWorld, eventsOf } from './process.js';

const PLACE = 'oss://sealift/backup';
const FILES = 40;

describe('a push that is interrupted', () => {
  const world = createWorld();
  const requests: RequestRecord[] = [];
  let faults: FaultPlan | undefined;
  let manifest = '';
  let cloud: LocalCloud;
  let env: Readonly<Record<string, string>>;

  before(async () => {
    cloud = await startLocalCloud({ dataDirectory: world.path('cloud'), log: (record) => requests.push(record), faults: (request) => faults?.(request) });
    env = { OSS_ENDPOINT: cloud.oss.endpoint, OSS_REGION: cloud.oss.region, OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret };
    mkdirSync(world.path('tree'));
    for (let index = 0; index < FILES; index += 1) {
      writeFileSync(world.path('tree', `file-${index}`), `content ${index}`);
    }
    keyFile(world, testKey(), 'key.pem');
  });
  after(async () => {
    await cloud.close();
    world.remove();
  });

  it('refuses wrong credentials with exit code 5, and never prints the right ones', async () => {
    const { code, stdout, stderr } = await world.call(['push', 'tree', PLACE, '--key', 'key.pem', '--threads', '1', '--json'], { ...env, OSS_ACCESS_KEY_SECRET: 'CANARY-WRONG' });
    assert.equal(code, 5, stderr);
    assert.equal(eventsOf(stdout).at(-1)?.['exitCode'], 5);
    assert.doesNotMatch(stdout + stderr, /CANARY/);
  });

  it('names a missing bucket with exit code 2', async () => {
    for (const words of [['push', 'tree', 'oss://no-such-bucket'], ['pull', 'oss://no-such-bucket', 'back'], ['verify', 'oss://no-such-bucket']]) {
      const { code, stdout, stderr } = await world.call([...words, '--key', 'key.pem', '--threads', '1', '--json'], env);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^ +(?:stopped|failed .*): .*no-such-bucket.* \(bucket-missing\)$/m);
      const error = eventsOf(stdout).at(-1)?.['error'] as Record<string, unknown> | undefined;
      assert.deepEqual([error?.['code'], typeof error?.['message'], typeof error?.['remedy']], ['bucket-missing', 'string', 'string']);
    }
  });

  it('finishes what is in flight at the first SIGINT, and says how to go on', async () => {
    let arrived = 0;
    // Every answer takes a while, so that something is in flight when the signal comes, and something is left after it.
    faults = ({ operation }) => {
      arrived += operation === 'PutObject' ? 1 : 0;
      return operation === 'PutObject' ? { kind: 'delay', ms: 300 } : undefined;
    };
    const { child, finished } = world.start(['push', 'tree', PLACE, '--key', 'key.pem', '--threads', '1', '--concurrency', '2', '--json'], env);
    await until(() => arrived > 0);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await finished;
    const events = eventsOf(stdout);
    const summary = events.at(-1);
    assert.equal(code, 130, stderr);
    assert.deepEqual([summary?.event, summary?.['exitCode']], ['summary', 130]);
    assert.ok(Number(summary?.['done']) < FILES, 'everything was done: nothing was interrupted');
    assert.match(stderr, /push interrupted[\s\S]*continue with: sealift resume .*\.jsonl --key .*key\.pem/);
    assert.equal((await world.call(['status'])).code, 3);
    manifest = String(events[0]?.['manifest']);
  });

  it('is locked while it runs, and ends at once at the second SIGINT', async () => {
    faults = ({ operation }) => (operation === 'PutObject' ? { kind: 'stall' } : undefined);
    const from = requests.length;
    const { child, said, finished } = world.start(['push', 'tree', PLACE, '--key', 'key.pem', '--threads', '1'], env);
    await until(() => said.stderr.includes('run '));
    const second = await world.call(['push', 'tree', PLACE, '--key', 'key.pem', '--threads', '1', '--json'], env);
    assert.equal(second.code, 8, second.stderr);
    assert.equal(eventsOf(second.stdout).at(-1)?.['exitCode'], 8);
    child.kill('SIGINT');
    await until(() => said.stderr.includes('once more stops at once'));
    child.kill('SIGINT');
    assert.equal((await finished).code, 130);
    assert.ok(requests.slice(from).every(({ status, operation }) => operation !== 'PutObject' || status !== 200));
  });

  it('is completed by resume, which needs the key again and nothing else', async () => {
    faults = undefined;
    const without = await world.call(['resume', manifest], env);
    assert.equal(without.code, 5, without.stderr);
    const { code, stdout, stderr } = await world.call(['resume', basename(manifest, '.jsonl'), '--key', 'key.pem', '--json'], env);
    assert.equal(code, 0, stderr);
    const summary = eventsOf(stdout).at(-1);
    assert.deepEqual([summary?.['scanned'], summary?.['failed']], [FILES, 0]);
    assert.equal((await world.call(['status', manifest])).code, 0);
  });

  it('left no secret in its manifest', () => {
    const directory = world.path('../state/sealift/manifests');
    const manifests = readdirSync(directory).map((name) => readFileSync(`${directory}/${name}`, 'utf8')).join('');
    const pem = readFileSync(world.path('key.pem'), 'utf8').split('\n').slice(1, -2);
    assert.ok(manifests.length > 1000 && pem.length > 10);
    for (const secret of [cloud.accessKeySecret, ...pem]) {
      assert.ok(!manifests.includes(secret));
    }
  });

  it('goes on when nobody reads its output any more', async () => {
    const { child, finished } = world.start(['push', 'tree', `${PLACE}-2`, '--key', 'key.pem', '--threads', '1', '--json'], env);
    child.stdout?.destroy();
    assert.equal((await finished).code, 0);
    assert.equal((await world.call(['status'])).code, 0);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'waited for 30 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('an interrupted demo', () => {
  it('ends at once and leaves neither files nor processes behind', async () => {
    const world = createWorld();
    mkdirSync(world.path('tmp'));
    const { child, said, finished } = world.start(['demo'], { TMPDIR: world.path('tmp') });
    await until(() => said.stdout.includes('\n3  '));
    child.kill('SIGINT');
    const { code, stdout, stderr } = await finished;
    assert.equal(code, 130, stderr);
    assert.doesNotMatch(stdout, /\n4  /);
    assert.deepEqual(readdirSync(world.path('tmp')), []);
    world.remove();
  });
});
