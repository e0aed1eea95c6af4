import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CREDENTIALS_MARGIN_MS, CREDENTIALS_RECHECK_MS, CREDENTIALS_RETRY_MS } from '../../src/limits.js';
import type { Credentials } from '../../src/run/options.js';
import { RenewedCredentials } from '../../src/store/credentials-renewal.js';

const HOUR = 3_600_000;

function token(n: number, more: Partial<Credentials> = {}): Credentials {
  return { accessKeyId: `ID${n}`, accessKeySecret: 'S', securityToken: `T${n}`, ...more };
}

/** A source whose answers are numbered, on a clock that is set by hand. */
function scene(answer: (n: number, refused?: Credentials) => Credentials): { clock: { now: number }; loads: (Credentials | undefined)[]; credentials: RenewedCredentials } {
  const clock = { now: 0 };
  const loads: (Credentials | undefined)[] = [];
  const load = (refused?: Credentials): Promise<Credentials> => {
    loads.push(refused);
    return Promise.resolve().then(() => answer(loads.length, refused));
  };
  return { clock, loads, credentials: new RenewedCredentials(load, () => clock.now) };
}

describe('temporary credentials', () => {
  it('are fetched once for all who wait, and stay the same object', async () => {
    const { loads, credentials } = scene((n) => token(n, { expiresAtMs: HOUR }));
    const got = await Promise.all(Array.from({ length: 9 }, () => credentials.get()));
    assert.equal(new Set([...got, await credentials.get()]).size, 1);
    assert.equal(loads.length, 1);
  });

  it('are renewed some minutes before they expire, and sooner when they are short', async () => {
    for (const [lifetime, renewal] of [[HOUR, HOUR - CREDENTIALS_MARGIN_MS], [8_000, 6_000]] as const) {
      const { clock, credentials } = scene((n) => token(n, { expiresAtMs: clock.now + lifetime }));
      await credentials.get();
      clock.now = renewal - 1;
      assert.equal((await credentials.get()).accessKeyId, 'ID1');
      clock.now = renewal;
      assert.equal((await credentials.get()).accessKeyId, 'ID2');
    }
  });

  it('of unknown expiry are asked for again every minute, permanent ones never', async () => {
    const { clock, loads, credentials } = scene(() => token(1));
    const first = await credentials.get();
    clock.now = CREDENTIALS_RECHECK_MS;
    assert.equal(await credentials.get(), first, 'the same values are the same object');
    assert.equal(loads.length, 2);
    const permanent = scene(() => ({ accessKeyId: 'a', accessKeySecret: 'b' }));
    await permanent.credentials.get();
    permanent.clock.now = 1e12;
    await permanent.credentials.get();
    assert.equal(permanent.loads.length, 1);
  });

  it('that were refused are replaced once for all who were refused, and never handed out again', async () => {
    const { loads, credentials } = scene((n) => token(n, { expiresAtMs: HOUR }));
    const first = await credentials.get();
    const renewed = await Promise.all(Array.from({ length: 5 }, () => credentials.get(first)));
    assert.deepEqual([...new Set(renewed)], [token(2, { expiresAtMs: HOUR })]);
    assert.deepEqual(loads, [undefined, first]);
    assert.equal((await credentials.get(first)).accessKeyId, 'ID2', 'a late refusal of the old ones renews nothing');
    assert.equal(loads.length, 2);
  });

  it('that have no successor come back to whoever was refused, and to nobody else', async () => {
    const { credentials } = scene(() => token(1));
    const first = await credentials.get();
    assert.equal(await credentials.get(first), first);
    await assert.rejects(credentials.get(), { code: 'credentials-expired' });
  });

  it('that still hold survive a source that fails, which is left in peace for a while', async () => {
    const { clock, loads, credentials } = scene((n) => {
      if (n > 1) {
        throw new Error('STS is away');
      }
      return token(n, { expiresAtMs: HOUR });
    });
    await credentials.get();
    clock.now = HOUR - CREDENTIALS_MARGIN_MS;
    assert.equal((await credentials.get()).accessKeyId, 'ID1');
    await credentials.get();
    assert.equal(loads.length, 2);
    clock.now += CREDENTIALS_RETRY_MS;
    await credentials.get();
    assert.equal(loads.length, 3);
    clock.now = HOUR;
    await assert.rejects(credentials.get(), /STS is away/);
  });

  it('that come expired from their source sign nothing', async () => {
    const { clock, credentials } = scene(() => token(1, { expiresAtMs: 5 }));
    clock.now = 5;
    await assert.rejects(credentials.get(), { code: 'credentials-expired' });
  });

  it('that are unusable are refused without being shown', async () => {
    const { credentials } = scene(() => ({ accessKeyId: 'id', accessKeySecret: 'CANARY\n' }));
    await assert.rejects(credentials.get(), (error: Error & { code: string }) => error.code === 'credentials-missing' && !error.message.includes('CANARY'));
  });
});
