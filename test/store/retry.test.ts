import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { StoreError } from '../../src/errors.js';
import type { ErrorDetails } from '../../src/errors.js';
import { RETRY_POLICY, RetryBudget, withRetry } from '../../src/store/retry.js';
import type { RetryPorts } from '../../src/store/retry.js';
import type { ObjectStore, RequestOptions } from '../../src/store/store.js';

const again = (details: ErrorDetails = {}): StoreError => new StoreError('remote-unavailable', 'again', { retryable: true, ...details });
const garbled = (): StoreError => new StoreError('checksum-mismatch', 'garbled', { retryable: true });
const never = (): StoreError => new StoreError('access-denied', 'never');

/** A store whose `head` meets these failures in turn and then succeeds; everything else is out of bounds. */
function failing(failures: readonly Error[]): { store: ObjectStore; calls: () => number } {
  let calls = 0;
  const head = (): Promise<never> => {
    const failure = failures[calls++];
    return failure === undefined ? Promise.resolve({ etag: 'E' } as never) : Promise.reject(failure);
  };
  return { store: { head } as unknown as ObjectStore, calls: () => calls };
}

/** A clock that only sleeping moves. */
function clock(): Required<Pick<RetryPorts, 'now' | 'sleep'>> & { readonly pauses: number[] } {
  const pauses: number[] = [];
  let now = 0;
  const sleep = (milliseconds: number): Promise<void> => {
    pauses.push(milliseconds);
    now += milliseconds;
    return Promise.resolve();
  };
  return { now: () => now, sleep, pauses };
}

describe('a retry', () => {
  it('comes after what may pass, until it passes', async () => {
    const { store, calls } = failing([again(), again(), again()]);
    const time = clock();
    const told: string[] = [];
    const result = await withRetry(store, RETRY_POLICY, { ...time, random: () => 1, onRetry: ({ code }, pause) => told.push(`${code} ${pause}`) }).head('k');
    assert.equal(result.etag, 'E');
    assert.equal(calls(), 4);
    assert.deepEqual(time.pauses, [200, 400, 800]);
    assert.deepEqual(told, ['remote-unavailable 200', 'remote-unavailable 400', 'remote-unavailable 800']);
  });

  it('never comes after what will not pass', async () => {
    for (const failure of [never(), new TypeError('a bug'), new StoreError('exists', 'exists'), new StoreError('not-found', 'none')]) {
      const { store, calls } = failing([failure]);
      const time = clock();
      await assert.rejects(withRetry(store, RETRY_POLICY, time).head('k'), failure);
      assert.deepEqual([calls(), time.pauses], [1, []]);
    }
  });

  it('waits a random share of a pause that doubles up to its cap', async () => {
    const { store } = failing(Array.from({ length: 12 }, () => again()));
    const time = clock();
    await withRetry(store, RETRY_POLICY, { ...time, random: () => 0.5 }).head('k');
    assert.deepEqual(time.pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000, 15_000, 15_000]);
  });

  it('waits as long as the server asks, within reason', async () => {
    const { store } = failing([again({ retryAfterMs: 1000 }), again({ retryAfterMs: 30_000 }), again({ retryAfterMs: 600_000 }), again({ retryAfterMs: 1 })]);
    const time = clock();
    await withRetry(store, RETRY_POLICY, { ...time, random: () => 0.9 }).head('k');
    assert.deepEqual(time.pauses, [1000, 30_000, 120_000, 1440]);
  });

  it('ends after the time of one operation', async () => {
    const { store, calls } = failing(Array.from({ length: 1000 }, () => again()));
    const time = clock();
    await assert.rejects(withRetry(store, RETRY_POLICY, { ...time, random: () => 0.999 }).head('k'), { code: 'remote-unavailable' });
    const waited = time.pauses.reduce((sum, pause) => sum + pause, 0);
    assert.ok(waited > 13 * 60_000 && waited <= 15 * 60_000, `${waited}`);
    assert.equal(calls(), time.pauses.length + 1);
  });

  it('comes at least once, however long the first attempt took', async () => {
    let now = 0;
    const store = { head: () => (now === 0 ? ((now = 3_600_000), Promise.reject(again())) : Promise.reject(never())) } as unknown as ObjectStore;
    await assert.rejects(withRetry(store, RETRY_POLICY, { now: () => now, sleep: () => Promise.resolve() }).head('k'), { code: 'access-denied' });
  });

  it('ends after three checksum differences in a row, and only then', async () => {
    const three = failing([garbled(), garbled(), garbled()]);
    await assert.rejects(withRetry(three.store, RETRY_POLICY, clock()).head('k'), { code: 'checksum-mismatch' });
    assert.equal(three.calls(), 3);
    const mixed = failing([garbled(), garbled(), again(), garbled(), garbled()]);
    await withRetry(mixed.store, RETRY_POLICY, clock()).head('k');
    assert.equal(mixed.calls(), 6);
  });

  it('always ends, and never pauses beyond its caps', () =>
    fc.assert(fc.asyncProperty(
      fc.array(fc.record({ retryAfterMs: fc.nat({ max: 1_000_000 }), mismatch: fc.boolean() }), { maxLength: 300 }),
      fc.float({ min: 0, max: Math.fround(0.999), noNaN: true }),
      async (plan, share) => {
        const { store, calls } = failing(plan.map(({ retryAfterMs, mismatch }) => (mismatch ? garbled() : again({ retryAfterMs }))));
        const time = clock();
        const outcome = await withRetry(store, RETRY_POLICY, { ...time, random: () => share }).head('k').then(() => 'done', () => 'failed');
        assert.ok(calls() <= plan.length + 1);
        assert.equal(outcome === 'done', calls() === plan.length + 1);
        assert.ok(time.pauses.every((pause) => pause >= 0 && pause <= 120_000));
        assert.ok(time.pauses.length < 2 || time.now() <= 15 * 60_000);
      },
    ), { numRuns: 100 }));
});

describe('an abort', () => {
  it('comes before everything', async () => {
    const { store, calls } = failing([]);
    await assert.rejects(withRetry(store).head('k', { signal: AbortSignal.abort() }), { code: 'interrupted', object: 'k' });
    assert.equal(calls(), 0);
  });

  it('lets no retry begin', async () => {
    const abort = new AbortController();
    const { store, calls } = failing([again()]);
    const sleep = (): Promise<void> => {
      abort.abort();
      return Promise.resolve();
    };
    await assert.rejects(withRetry(store, RETRY_POLICY, { sleep }).head('k', { signal: abort.signal }), { code: 'interrupted' });
    assert.equal(calls(), 1);
  });

  it('lets no pause begin', async () => {
    const abort = new AbortController();
    const store = { head: () => Promise.reject(again()).finally(() => abort.abort()) } as unknown as ObjectStore;
    await assert.rejects(withRetry(store, RETRY_POLICY, { sleep: () => assert.fail('slept') }).head('k', { signal: abort.signal }), { code: 'interrupted' });
  });

  it('ends a real pause at once, for many with one signal', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): number => warnings.push(warning);
    process.on('warning', listen);
    const abort = new AbortController();
    let pauses = 0;
    const store = withRetry(failing(Array.from({ length: 50 }, () => again({ retryAfterMs: 100_000 }))).store, RETRY_POLICY, {
      onRetry: () => {
        pauses += 1;
        if (pauses === 20) {
          setImmediate(() => abort.abort());
        }
      },
    });
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => store.head('k', { signal: abort.signal })));
    process.off('warning', listen);
    assert.ok(ends.every((end) => end.status === 'rejected' && (end.reason as StoreError).code === 'interrupted'));
    assert.deepEqual(warnings, []);
  });

  it('of the whole store ends every call, its requests and its pauses, beside the signal of each', async () => {
    for (const own of [undefined, new AbortController().signal]) {
      const all = new AbortController();
      const seen: (AbortSignal | undefined)[] = [];
      const head = (_key: string, options?: RequestOptions): Promise<never> => {
        seen.push(options?.signal);
        return Promise.reject(again({ retryAfterMs: 100_000 }));
      };
      const store = withRetry({ head } as unknown as ObjectStore, RETRY_POLICY, { signal: all.signal, onRetry: () => setImmediate(() => all.abort()) });
      await assert.rejects(store.head('k', own === undefined ? {} : { signal: own }), { code: 'interrupted' });
      assert.deepEqual(seen.map((signal) => signal?.aborted), [true]);
    }
  });

  it('ends a real pause that has not begun', async () => {
    const abort = new AbortController();
    const { store } = failing([again({ retryAfterMs: 100_000 })]);
    await assert.rejects(withRetry(store, RETRY_POLICY, { onRetry: () => abort.abort() }).head('k', { signal: abort.signal }), { code: 'interrupted' });
  });

  it('leaves a real pause alone otherwise', async () => {
    const { store, calls } = failing([again()]);
    await withRetry(store, RETRY_POLICY, { random: () => 0 }).head('k', { signal: new AbortController().signal });
    assert.equal(calls(), 2);
  });
});

describe('the retry budget', () => {
  it('lets small runs retry quickly, and slows a flood down', async () => {
    const budget = new RetryBudget(0.25, 5);
    const paces: number[] = [];
    for (let operation = 0; operation < 13; operation++) {
      const time = clock();
      await withRetry(failing([again()]).store, RETRY_POLICY, { ...time, random: () => 1, budget }).head('k');
      paces.push(...time.pauses);
    }
    const [quick, slow] = [200, 30_000];
    assert.deepEqual(paces, [quick, quick, quick, quick, quick, quick, slow, slow, quick, slow, slow, slow, quick]);
  });

  it('earns one retry by ten operations and hoards none', () => {
    const budget = new RetryBudget(0.1, 2);
    const spent = (): number => [budget.spend(), budget.spend(), budget.spend(), budget.spend()].filter(Boolean).length;
    assert.equal(spent(), 2);
    Array.from({ length: 11 }, () => budget.earn());
    assert.equal(spent(), 1);
    Array.from({ length: 1000 }, () => budget.earn());
    assert.equal(spent(), 2);
  });
});

describe('the decorator', () => {
  it('repeats every call with the same arguments, the same bytes included', async () => {
    const seen = new Map<string, unknown[][]>();
    const store = new Proxy({}, {
      get: (_target, name: string) => (...args: unknown[]) => {
        const calls = seen.get(name) ?? [];
        seen.set(name, [...calls, args]);
        return calls.length === 0 && name !== 'close' ? Promise.reject(again()) : Promise.resolve(name);
      },
    }) as ObjectStore;
    const retried = withRetry(store, RETRY_POLICY, { sleep: () => Promise.resolve() });
    const body = Buffer.from('same');
    const upload = { key: 'k', uploadId: 'U' };
    const calls: Readonly<Record<keyof ObjectStore, readonly unknown[]>> = {
      put: ['k', body, { metadata: {}, crc64: 0n }], head: ['k', {}], get: ['k', {}], replaceMetadata: ['k', {}], delete: ['k', {}], list: ['p', 't', {}],
      initiateUpload: ['k', { metadata: {} }], uploadPart: [{ ...upload, number: 1 }, body, { crc64: 0n }], listParts: ['k', 'U', {}],
      completeUpload: [upload, [], {}], abortUpload: ['k', 'U', {}], listUploads: ['p', {}], close: [],
    };
    for (const [name, args] of Object.entries(calls)) {
      const methods = retried as unknown as Readonly<Record<string, (...given: readonly unknown[]) => Promise<unknown>>>;
      assert.equal(await methods[name]?.(...args), name);
      const attempts = seen.get(name) ?? [];
      assert.equal(attempts.length, name === 'close' ? 1 : 2);
      assert.ok(attempts.every((attempt) => attempt.every((value, index) => value === args[index])), name);
    }
  });
});
