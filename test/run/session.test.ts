import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Credentials, CredentialsProvider } from '../../src/run/options.js';
import { preparePush } from '../../src/run/push/prepare-push.js';
import { Session } from '../../src/run/session.js';
import { Tally } from '../../src/run/tally.js';
import { ThreadHub } from '../../src/run/threads/thread-hub.js';
import { ThreadLink } from '../../src/run/threads/thread-link.js';
import { ThreadPool } from '../../src/run/threads/thread-pool.js';
import { makeWorld, SMALL } from '../support/world.js';

const credentials: Credentials = { accessKeyId: 'a', accessKeySecret: 'b' };

describe('a session', () => {
  it('that gets threads which were destroyed leaves nothing open', async (t) => {
    const world = await makeWorld(t);
    const channel = randomUUID();
    const threads = new ThreadPool({ threads: 1 });
    await threads.destroy();
    const prepared = await preparePush({ source: world.source, target: world.target, credentials, keys: [world.key], tuning: SMALL, manifestDirectories: [world.manifests] });
    const asked: string[] = [];
    const providerOf = (name: string): CredentialsProvider => () => {
      asked.push(name);
      return Promise.resolve(credentials);
    };
    const parts = { ...prepared, context: { ...prepared.context, channel }, threads, provider: providerOf('session'), tally: new Tally(() => undefined) };
    await assert.rejects(Session.with(undefined, parts, () => assert.fail('it has no threads')), { code: 'usage' });
    const hub = new ThreadHub(channel, providerOf('hub'));
    const link = new ThreadLink(channel, 1);
    t.after(() => [link, hub].forEach((end) => end.close()));
    // An unreferenced channel does not keep a process without anything else to do alive.
    const keepAlive = setInterval(() => undefined, 1000);
    t.after(() => clearInterval(keepAlive));
    await link.credentials();
    assert.deepEqual(asked, ['hub']);
  });
});
