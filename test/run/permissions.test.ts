import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FaultPlan, RequestInfo } from '../../src/local/cloud.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, PACKAGE_ROOT, publicHalf } from '../support/world.js';

const LARGE = 4_300_000;

interface Statement {
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 'oss:Prefix': readonly string[] } };
}

interface Policy {
  readonly Statement: readonly Statement[];
}

/** The policies of docs/keys.md, for a bucket and a prefix of ours. */
function policiesOf(page: string): readonly Policy[] {
  const here = page.replaceAll('my-bucket', 'sealift').replaceAll('data/', 'backup/').replaceAll('/data"', '/backup"');
  return Array.from(here.matchAll(/```json\n(\{[^]*?\n\})\n```/g), ([, text = '']) => JSON.parse(text) as Policy);
}

/** As Alibaba Cloud documents it. */
const ACTIONS: Readonly<Record<string, string>> = {
  PutObject: 'oss:PutObject', InitiateMultipartUpload: 'oss:PutObject', UploadPart: 'oss:PutObject', CompleteMultipartUpload: 'oss:PutObject',
  ListParts: 'oss:ListParts', AbortMultipartUpload: 'oss:AbortMultipartUpload', ListMultipartUploads: 'oss:ListMultipartUploads',
  HeadObject: 'oss:GetObject', GetObject: 'oss:GetObject', ListObjectsV2: 'oss:ListObjects', DeleteObject: 'oss:DeleteObject',
};

/** Answers requests as a user under the policy would be answered; what may be done is up to `further`. */
function under({ Statement }: Policy, further: FaultPlan = () => undefined): FaultPlan {
  return (request) => (Statement.some((statement) => allows(statement, request)) ? further(request) : { kind: 'answer', status: 403, code: 'AccessDenied' });
}

function allows({ Action, Resource, Condition }: Statement, { operation, bucket, key, query }: RequestInfo): boolean {
  const resource = `acs:oss:*:*:${bucket}${key === '' ? '' : `/${key}`}`;
  const prefixes = Condition?.StringLike['oss:Prefix'] ?? ['*'];
  return Action.includes(ACTIONS[operation] ?? operation) && Resource.some((pattern) => fits(pattern, resource)) && prefixes.some((pattern) => fits(pattern, query['prefix'] ?? ''));
}

function fits(pattern: string, text: string): boolean {
  return pattern === text || (pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1)));
}

describe('the policies of docs/keys.md', () => {
  const [forPush, forPull] = policiesOf(readFileSync(join(PACKAGE_ROOT, 'docs/keys.md'), 'utf8'));
  assert.ok(forPush !== undefined && forPull !== undefined);

  it('let a push end, be interrupted, go on and send what changed; and a pull and a verification bring it back', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a', 'sub/b': 'b', large: content(LARGE) });
    const pushing = { keys: [publicHalf(world.key)], resumeSecret: world.path('secret') };
    world.faults = under(forPush, ({ operation, partNumber }) => (operation === 'UploadPart' && partNumber === 20 ? { kind: 'answer', status: 403, code: 'SecurityTokenExpired' } : undefined));
    assert.equal((await world.push(pushing)).result.exitCode, 5);
    world.faults = under(forPush);
    assert.equal((await world.push(pushing)).result.exitCode, 0);
    assert.ok(only(world.requests, 'ListParts').length > 0);
    plant(world.source, { a: 'changed', large: content(LARGE, 2) });
    assert.equal((await world.push(pushing)).result.done, 2);
    world.faults = under(forPull);
    const { result } = await world.pull(world.path('back'));
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
    assert.equal((await world.verify()).result.exitCode, 0);
  });

  it('allow nothing else: no push may read, and no pull may write', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    world.faults = under(forPull);
    assert.equal((await world.push()).result.exitCode, 5);
    world.faults = under(forPush);
    assert.equal((await world.push()).result.exitCode, 0);
    assert.equal((await world.pull(world.path('back'))).result.exitCode, 5);
  });
});
