import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { callCli, reach } from '../support/cli.js';
import { content, plant } from '../support/trees.js';
import { makeWorld, only, type World } from '../support/world.js';

const LARGE = 4_300_000;

async function classesOf(world: World): Promise<(string | undefined)[]> {
  const heads = await Promise.all(['backup/small', 'backup/large'].map((key) => world.store.head(key)));
  return heads.map(({ storageClass }) => storageClass);
}

describe('the class of what is pushed', () => {
  it('is that of the bucket, or the one that was asked for, in each envelope', async (t) => {
    for (const envelope of ['oss-crypto', 'client-side-encryption'] as const) {
      const world = await makeWorld(t);
      plant(world.source, { small: 'a', large: content(LARGE) });
      assert.equal((await world.push({ envelope })).result.exitCode, 0);
      assert.deepEqual(await classesOf(world), ['Standard', 'Standard']);
      appendFileSync(world.path('source', 'small'), 'b');
      appendFileSync(world.path('source', 'large'), 'b');
      assert.equal((await world.push({ envelope, storageClass: 'ColdArchive' })).result.done, 2);
      assert.deepEqual(await classesOf(world), ['ColdArchive', 'ColdArchive']);
    }
  });

  it('is the same when a request is sent again', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { small: 'a', large: content(LARGE) });
    const refused = new Set<string>();
    world.faults = ({ operation }) => {
      if (!/^(?:PutObject|InitiateMultipartUpload)$/.test(operation) || refused.has(operation)) {
        return undefined;
      }
      refused.add(operation);
      return { kind: 'answer', status: 503, code: 'ServiceUnavailable' };
    };
    assert.equal((await world.push({ storageClass: 'IA' })).result.exitCode, 0);
    assert.deepEqual([only(world.requests, 'PutObject').length, only(world.requests, 'InitiateMultipartUpload').length], [2, 2]);
    assert.deepEqual(await classesOf(world), ['IA', 'IA']);
  });

  it('is repeated by resume', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { small: 'a', large: content(LARGE) });
    const { env, options } = reach(world);
    const place = { cwd: world.directory, env };
    world.faults = ({ operation }) => (/^(?:PutObject|InitiateMultipartUpload)$/.test(operation) ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined);
    const first = await callCli(['push', 'source', 'oss://sealift/backup', ...options, '--storage-class', 'Archive'], place);
    assert.equal(first.code, 5, first.stdout);
    world.faults = () => undefined;
    const second = await callCli(['resume', ...options.slice(0, 2)], place);
    assert.equal(second.code, 0, second.stdout);
    assert.deepEqual(await classesOf(world), ['Archive', 'Archive']);
  });

  it('is one that OSS has', async (t) => {
    const world = await makeWorld(t);
    const { env, options } = reach(world);
    const { code, stderr } = await callCli(['push', 'source', 'oss://sealift/backup', ...options, '--storage-class', 'archive'], { cwd: world.directory, env });
    assert.equal(code, 2);
    assert.match(stderr, /--storage-class: "archive"[^]*DeepColdArchive/);
  });

  it('may keep an object from being read, and what to do is said', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { small: 'a' });
    await world.push({ storageClass: 'Archive' });
    world.faults = ({ operation }) => (operation === 'GetObject' ? { kind: 'answer', status: 403, code: 'InvalidObjectState' } : undefined);
    const { result: { failures: [failure] } } = await world.pull(world.path('back'));
    assert.match(failure?.message ?? '', /backup\/small: the object is archived \(HTTP 403, InvalidObjectState/);
    assert.match(failure?.remedy ?? '', /Restore it first/);
  });
});
