import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { StartBlock } from '../../src/crypto/start-block.js';
import { SealiftError } from '../../src/errors.js';
import type { Credentials, CredentialsProvider } from '../../src/run/options.js';
import { ThreadHub } from '../../src/run/threads/thread-hub.js';
import { ThreadLink } from '../../src/run/threads/thread-link.js';

/** One coordinator and its workers; that all of them live in one thread makes no difference to a broadcast channel. */
function threads(t: TestContext, provider: CredentialsProvider, workers = 3): { hub: ThreadHub; links: [ThreadLink, ThreadLink, ThreadLink] } {
  const channel = randomUUID();
  const hub = new ThreadHub(channel, provider);
  const [a, b, c] = Array.from({ length: workers }, (_, i) => new ThreadLink(channel, workers, { from: i + 1 }));
  assert.ok(a && b && c);
  // An unreferenced channel does not keep a process without anything else to do alive.
  const keepAlive = setInterval(() => undefined, 1000);
  t.after(() => {
    clearInterval(keepAlive);
    hub.close();
    [a, b, c].forEach((link) => link.close());
  });
  return { hub, links: [a, b, c] };
}

const fixed: CredentialsProvider = () => Promise.resolve({ accessKeyId: 'a', accessKeySecret: 'b' });
const token = (n: number): Credentials => ({ accessKeyId: `ID${n}`, accessKeySecret: 's', securityToken: `T${n}`, expiresAtMs: Date.now() + 3_600_000 });

describe('the threads of a run', () => {
  it('fetch credentials once', async (t) => {
    let loads = 0;
    const { hub, links } = threads(t, () => Promise.resolve(token(++loads)));
    const got = await Promise.all([...links, ...links, hub].map((thread) => thread.credentials()));
    assert.deepEqual([...new Set(got.map(({ accessKeyId }) => accessKeyId))], ['ID1']);
    assert.equal(loads, 1);
  });

  it('renew refused credentials once, and hand the old ones out to nobody', async (t) => {
    const refusals: (string | undefined)[] = [];
    const { hub, links: [a, b, c] } = threads(t, (refused) => {
      refusals.push(refused?.accessKeyId);
      return Promise.resolve(token(refusals.length));
    });
    const [old] = await Promise.all([a.credentials(), b.credentials(), c.credentials()]);
    const renewed = await Promise.all([a.credentials(old), b.credentials(old), hub.credentials(old)]);
    assert.deepEqual(renewed.map(({ accessKeyId }) => accessKeyId), ['ID2', 'ID2', 'ID2']);
    assert.equal((await c.credentials()).accessKeyId, 'ID2', 'a thread that was not refused has heard of it');
    assert.deepEqual(refusals, [undefined, 'ID1']);
  });

  it('learn why there are no credentials', async (t) => {
    const { links: [a] } = threads(t, () => Promise.reject(new SealiftError('credentials-missing', 'none anywhere', { remedy: 'find some' })));
    await assert.rejects(a.credentials(), { code: 'credentials-missing', message: 'none anywhere', remedy: 'find some' });
  });

  it('keep refused credentials that have no successor to themselves', async (t) => {
    const { links: [a, b] } = threads(t, () => Promise.resolve({ accessKeyId: 'x', accessKeySecret: 'y', securityToken: 'z' }));
    const old = await a.credentials();
    assert.equal(await a.credentials(old), old);
    await assert.rejects(b.credentials(), { code: 'credentials-expired' });
  });

  it('share the permitted rate', (t) => {
    const { hub, links } = threads(t, fixed);
    const sum = [hub, ...links].reduce((shares, { kmsShare }) => shares + kmsShare, 0);
    assert.ok(Math.abs(sum - 1) < 1e-9, String(sum));
  });
});

describe('a start block', () => {
  const start = StartBlock.generate();

  it('is unwrapped by one thread for all', async (t) => {
    let calls = 0;
    const unwrap = (): Promise<StartBlock> => {
      calls += 1;
      return Promise.resolve(start);
    };
    const { hub, links } = threads(t, fixed);
    const got = await Promise.all([...links, ...links].map((thread) => thread.get('s', unwrap)));
    assert.ok(got.every((found) => found?.bytes.equals(start.bytes)));
    await hub.get('s', unwrap);
    assert.equal(calls, 1);
    await links[0].get('other', unwrap);
    assert.equal(calls, 2);
  });

  it('keeps whether it was spelled as a sealed object may', async (t) => {
    const { links: [a, b] } = threads(t, fixed);
    for (const text of ['7', '0', '7'.padStart(40, '0')]) {
      await a.get(text, () => Promise.resolve(StartBlock.fromDecimal(text)));
      const told = await b.get(text, () => assert.fail('known already'));
      assert.deepEqual([told?.isCanonical, told?.toDecimal()], [text.length === 40, text.padStart(40, '0')]);
    }
  });

  it('that one thread cannot unwrap is tried by the others themselves', async (t) => {
    const { links: [a, b] } = threads(t, fixed);
    const failing = a.get('s', () => Promise.reject(new Error('not here')));
    const other = b.get('s', () => Promise.resolve(start));
    await assert.rejects(failing, /not here/);
    assert.ok((await other)?.bytes.equals(start.bytes));
    assert.equal(await a.get('n', () => Promise.resolve(null)), null);
    assert.ok((await b.get('n', () => Promise.resolve(start)))?.bytes.equals(start.bytes));
  });

  it('is not waited for for ever when a thread dies with the work', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { hub, links: [a, b] } = threads(t, fixed);
    const began = new Promise<void>((resolve) => {
      void a.get('s', () => new Promise(() => resolve()));
    });
    await began;
    const waiting = b.get('s', () => Promise.resolve(start));
    const known = hub.get('s', () => assert.fail('it waits'));
    t.mock.timers.tick(60_000);
    assert.equal(await known, null);
    assert.ok((await waiting)?.bytes.equals(start.bytes));
  });
});
