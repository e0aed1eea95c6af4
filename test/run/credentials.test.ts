import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { SealiftError } from '../../src/errors.js';
import type { CredentialsProvider } from '../../src/run/options.js';
import { anyKmsKey, kmsKey } from '../support/kms-keys.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, TWO_THREADS, type World } from '../support/world.js';

const FILES = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, `file ${i}`]));
const LARGE = 3 * 1024 * 1024;
/** What can be under way when a token expires: in both workers, and one request of the coordinator. */
const UNDER_WAY = TWO_THREADS.threads * TWO_THREADS.concurrency + 1;

interface Issuer {
  readonly provider: CredentialsProvider;
  /** Access key ids, in order. */
  readonly issued: readonly string[];
  /** Ends the newest token at the server, before its time. */
  readonly expire: () => void;
}

/** Hands out a token of an hour, and another one when that was refused. */
function issuer({ cloud }: World, limit = Infinity): Issuer {
  const issued: string[] = [];
  let current: ReturnType<typeof issue> | undefined;
  const issue = (): { accessKeyId: string; accessKeySecret: string; securityToken: string; expiresAtMs: number } => {
    const { expiration, ...credentials } = cloud.issueCredentials(3_600_000);
    issued.push(credentials.accessKeyId);
    return { ...credentials, expiresAtMs: Date.parse(expiration) };
  };
  return {
    issued,
    provider: (refused) => {
      current = current === undefined || (refused !== undefined && issued.length < limit) ? issue() : current;
      return Promise.resolve(current);
    },
    expire: () => cloud.expireCredentials(issued.at(-1) ?? ''),
  };
}

/** Requests that were refused for their token. */
function refusals(world: World): number {
  return world.requests.filter(({ errorCode = '' }) => errorCode.includes('Expired')).length;
}

/** Calls `action` when so many small objects have been asked for. */
function afterPuts(count: number, world: World, action: () => void): void {
  let puts = 0;
  world.faults = ({ operation }) => {
    puts += operation === 'PutObject' ? 1 : 0;
    if (operation === 'PutObject' && puts === count) {
      action();
    }
    return undefined;
  };
}

describe('a token that expires in the middle of', () => {
  it('a push is renewed once for OSS, KMS and every thread', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    plant(world.source, { ...FILES, 'large.bin': content(LARGE) });
    const { provider, issued, expire } = issuer(world);
    afterPuts(20, world, expire);
    const { result } = await world.push({ keys: [kmsKey(world)], credentials: provider });
    assert.deepEqual([result.exitCode, result.done, result.failures], [0, 61, []]);
    assert.equal(issued.length, 2);
    const refused = refusals(world);
    assert.ok(refused >= 1 && refused <= 2 * UNDER_WAY, `${refused} refusals`);
    assertLeftBehind(world, issued[0] ?? '');
    const verified = await world.verify({ keys: [anyKmsKey(world)], against: world.source, credentials: provider });
    assert.deepEqual([verified.result.done, verified.result.exitCode], [61, 0]);
    assert.equal(issued.length, 2);
  });

  it('a pull is renewed as often as it takes', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    plant(world.source, { ...FILES, 'large.bin': content(LARGE) });
    await world.push({ keys: [kmsKey(world)] });
    world.requests.length = 0;
    const { provider, issued, expire } = issuer(world);
    let decrypts = 0;
    world.faults = ({ operation }) => {
      decrypts += operation === 'Decrypt' ? 1 : 0;
      if (operation === 'Decrypt' && (decrypts === 15 || decrypts === 45)) {
        expire();
      }
      return undefined;
    };
    const { result } = await world.pull(world.path('back'), { keys: [anyKmsKey(world)], credentials: provider });
    assert.deepEqual([result.exitCode, result.done, result.failures], [0, 61, []]);
    assert.equal(issued.length, 3);
    assert.ok(refusals(world) <= 2 * 2 * UNDER_WAY, `${refusals(world)} refusals`);
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });

  it('a push and has no successor stops it clean, and the run resumes with new credentials', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, FILES);
    const { provider, expire } = issuer(world, 1);
    afterPuts(20, world, expire);
    const stopped = await world.push({ credentials: provider });
    assert.deepEqual([stopped.result.exitCode, stopped.result.complete, stopped.result.failed], [5, false, 1]);
    assert.deepEqual(stopped.result.failures.map(({ code }) => code), ['credentials-expired']);
    assert.ok(stopped.result.done >= 20 && stopped.result.done < 60, String(stopped.result.done));
    world.faults = () => undefined;
    const resumed = await world.push({ credentials: issuer(world).provider });
    assert.deepEqual([resumed.result.exitCode, resumed.result.run, resumed.result.failed], [0, stopped.result.run, 0]);
    assert.equal(resumed.result.done + resumed.result.skipped, 60);
  });
});

describe('a function that fails to give credentials', () => {
  const down = new Error('vault down');
  const shown = { code: 'credentials-missing', exitCode: 5, message: 'the function that gives the credentials failed: vault down', cause: down };

  it('at the start is what the run is refused for, before anything is made', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const failing: readonly CredentialsProvider[] = [() => Promise.reject(down), () => { throw down; }];
    for (const credentials of failing) {
      await assert.rejects(world.push({ credentials }), shown);
      await assert.rejects(world.pull(world.path('back'), { credentials }), shown);
      await assert.rejects(world.verify({ credentials }), shown);
    }
    assert.deepEqual([readdirSync(world.manifests), existsSync(world.path('back')), world.requests], [[], false, []]);
  });

  it('with an error of ours says that one', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    const own = new SealiftError('credentials-expired', 'the role has expired', { remedy: 'ask for it again' });
    await assert.rejects(world.push({ credentials: () => Promise.reject(own) }), own);
  });

  it('in the middle stops the run clean, which resumes when it works again', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, FILES);
    const { provider, expire } = issuer(world);
    afterPuts(20, world, expire);
    const stopped = await world.push({ credentials: async (refused) => await (refused === undefined ? provider() : Promise.reject(down)) });
    assert.deepEqual([stopped.result.exitCode, stopped.result.complete], [5, false]);
    assert.deepEqual(stopped.result.failures.map(({ code, message }) => ({ code, message })), [{ code: shown.code, message: shown.message }]);
    const resumed = await world.push({ credentials: provider });
    assert.deepEqual([resumed.result.exitCode, resumed.result.run, resumed.result.done + resumed.result.skipped], [0, stopped.result.run, 60]);
  });
});

/** After the first answer to a request with the new token, only what was under way carries the old one. */
function assertLeftBehind(world: World, old: string): void {
  const renewed = world.requests.findIndex(({ accessKeyId }) => accessKeyId !== old);
  assert.ok(renewed > 0);
  const late = world.requests.slice(renewed).filter(({ accessKeyId }) => accessKeyId === old);
  assert.ok(late.length <= UNDER_WAY, `${late.length} requests with the old token`);
}
