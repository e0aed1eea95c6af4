import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startLocalCloud, type LocalCloud } from '../../src/local/cloud.js';
import { createWorld, eventsOf, type World } from './process.js';

function makeTree(world: World): void {
  mkdirSync(world.path('tree'));
  writeFileSync(world.path('tree/a.txt'), 'alpha');
  writeFileSync(world.path('tree/b.txt'), 'beta');
}

const PLACE = 'oss://bucket/backup';

describe('a KMS key on the command line', () => {
  const world = createWorld();
  before(() => makeTree(world));
  after(() => world.remove());
  const local = ['--local', '--threads', '1'];

  it('needs nothing but its name in the embedded cloud, and no name to pull', async () => {
    const pushed = await world.call(['push', 'tree', PLACE, ...local, '--kms-key', 'default', '--envelope', 'client-side-encryption', '--json']);
    assert.equal(pushed.code, 0, pushed.stderr);
    const effective = eventsOf(pushed.stdout)[0]?.['effective'] as { masterKeys: string[]; envelope: string };
    assert.match(effective.masterKeys.join(), /^kms:cn-hangzhou:[0-9a-f-]{36}$/);
    assert.equal(effective.envelope, 'client-side-encryption');
    const pulled = await world.call(['pull', PLACE, 'back', ...local]);
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.equal(readFileSync(world.path('back/a.txt'), 'utf8'), 'alpha');
  });

  it('is recorded for resume, its passphrase is not', async () => {
    writeFileSync(world.path('phrase'), 'CANARY phrase\n', { mode: 0o600 });
    const options = ['--kms-key', 'default', '--kms-passphrase-file', 'phrase', '--kms-qps', '500'];
    const first = await world.call(['push', 'tree', 'oss://bucket/two', ...local, ...options, '--manifest', 'run.jsonl']);
    assert.equal(first.code, 0, first.stderr);
    const manifest = readFileSync(world.path('run.jsonl'), 'utf8');
    assert.match(manifest, /"kms-key":"default"/);
    assert.match(manifest, /"kms-qps":500/);
    assert.doesNotMatch(manifest, /CANARY|phrase/);
    writeFileSync(world.path('tree/c.txt'), 'gamma');
    const resumed = await world.call(['resume', 'run.jsonl', '--local', '--kms-passphrase-file', 'phrase']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stdout, /3 scanned = 1 done \+ 2 skipped/);
    rmSync(world.path('tree/c.txt'));
  });

  it('opens with the right passphrase only, and says what may be wrong', async () => {
    const wrong = await world.call(['pull', 'oss://bucket/two', 'wrong', ...local]);
    assert.equal(wrong.code, 5, wrong.stdout);
    assert.match(`${wrong.stdout}${wrong.stderr}`, /KMS key [0-9a-f-]{36}: Decrypt refused \(InvalidCiphertext/);
    const right = await world.call(['pull', 'oss://bucket/two', 'right', ...local, '--kms-passphrase-file', 'phrase']);
    assert.equal(right.code, 0, right.stderr);
  });
});

/** The library that asks all these sources reads the environment of its process. */
describe('credentials of the default chain', () => {
  const world = createWorld();
  let cloud: LocalCloud;
  let issued = 0;
  const accessKeys: string[] = [];
  const used = new Set<string>();
  const server = createServer((_, response) => {
    issued += 1;
    const { accessKeyId, accessKeySecret, securityToken, expiration } = cloud.issueCredentials(3_600_000);
    accessKeys.push(accessKeyId);
    response.end(JSON.stringify({ Code: 'Success', AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken, Expiration: expiration }));
  });
  before(async () => {
    makeTree(world);
    cloud = await startLocalCloud({ dataDirectory: world.path('cloud'), bucket: 'bucket', log: ({ accessKeyId }) => used.add(accessKeyId) });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await cloud.close();
    world.remove();
  });

  const reach = (): string[] => ['--region', cloud.oss.region, '--endpoint', cloud.oss.endpoint, '--kms-endpoint', cloud.kms.endpoint];

  it('are fetched once for OSS and KMS and every thread', async () => {
    const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const env = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true', ALIBABA_CLOUD_CREDENTIALS_URI: uri };
    const pushed = await world.run(['push', 'tree', PLACE, '--threads', '2', '--kms-key', cloud.kms.keyId, ...reach()], env);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.deepEqual([...used], accessKeys);
    assert.equal(issued, 1);
  });

  it('of a profile of the aliyun CLI are those of its file', async () => {
    used.clear();
    const home = world.path('home');
    mkdirSync(`${home}/.aliyun`, { recursive: true });
    const temporary = cloud.issueCredentials(3_600_000);
    const profiles = [{ name: 'temporary', mode: 'StsToken', access_key_id: temporary.accessKeyId, access_key_secret: temporary.accessKeySecret, sts_token: temporary.securityToken }];
    writeFileSync(`${home}/.aliyun/config.json`, JSON.stringify({ current: 'none', profiles }));
    const pulled = await world.run(['pull', PLACE, 'back', '--threads', '1', '--profile', 'temporary', ...reach()], { HOME: home, OSS_ACCESS_KEY_ID: 'ignored', OSS_ACCESS_KEY_SECRET: 'ignored' });
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.deepEqual([...used], [temporary.accessKeyId]);
    assert.equal(readFileSync(world.path('back/b.txt'), 'utf8'), 'beta');
  });

  it('of a profile of the shared file too', async () => {
    const home = world.path('home2');
    mkdirSync(`${home}/.alibabacloud`, { recursive: true });
    writeFileSync(`${home}/.alibabacloud/credentials`, `[mine]\ntype = access_key\naccess_key_id = ${cloud.accessKeyId}\naccess_key_secret = ${cloud.accessKeySecret}\n`);
    const verified = await world.run(['verify', PLACE, '--threads', '1', '--profile', 'mine', ...reach()], { HOME: home });
    assert.equal(verified.code, 0, verified.stderr);
  });
});
