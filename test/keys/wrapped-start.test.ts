import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { KmsError } from '../../src/errors.js';
import { MAX_CACHED_STARTS, MAX_OBJECTS_PER_WRAPPED_START } from '../../src/limits.js';
import { StartCache } from '../../src/keys/start-cache.js';
import { SharedStart } from '../../src/keys/wrapped-start.js';
import type { IssuedKey, KeyWrapper } from '../../src/keys/wrapper.js';

interface Counted extends KeyWrapper {
  readonly calls: { issue: number; wrap: number };
}

/** A wrapper that counts, and whose answers a test may replace. */
function countingWrapper(answers: Partial<Pick<KeyWrapper, 'issueDataKey' | 'wrapStart'>> = {}): Counted {
  const calls = { issue: 0, wrap: 0 };
  const issue = answers.issueDataKey ?? (() => Promise.resolve({ dataKey: DataKey.generate(), wrappedKey: `key ${calls.issue}` }));
  const wrap = answers.wrapStart ?? ((start: StartBlock) => Promise.resolve(`start ${start.toDecimal()}`));
  return {
    wrapAlgorithm: 'rsa', fingerprint: 'SHA256:test', canUnwrap: true, calls,
    issueDataKey: () => {
      calls.issue += 1;
      return issue();
    },
    wrapStart: (start, signal) => {
      calls.wrap += 1;
      return wrap(start, signal);
    },
  };
}

describe('SharedStart', () => {
  it('wraps one start for 256 objects and the next for the 257th', async () => {
    const wrapper = countingWrapper();
    const shared = new SharedStart(wrapper);
    const starts = new Set<string>();
    for (let count = 0; count < MAX_OBJECTS_PER_WRAPPED_START; count += 1) {
      starts.add((await shared.next()).wrappedStart);
    }
    assert.equal(starts.size, 1);
    const next = await shared.next();
    assert.ok(!starts.has(next.wrappedStart));
    assert.equal(next.wrappedStart, `start ${next.startBlock.toDecimal()}`);
    assert.deepEqual(wrapper.calls, { issue: 257, wrap: 2 });
  });

  it('wraps once for callers at the same time', async () => {
    const wrapper = countingWrapper();
    const shared = new SharedStart(wrapper);
    const all = await Promise.all(Array.from({ length: 600 }, () => shared.next()));
    assert.equal(wrapper.calls.wrap, 3);
    const starts = [...new Set(all.map(({ wrappedStart }) => wrappedStart))];
    assert.deepEqual(starts.map((start) => all.filter(({ wrappedStart }) => wrappedStart === start).length), [256, 256, 88]);
    assert.equal(new Set(all.map(({ issued }) => issued.wrappedKey)).size, 600);
  });

  it('refuses a data key that repeats, and wipes it', async () => {
    const same = Buffer.alloc(32, 7);
    const issued: IssuedKey[] = [];
    const shared = new SharedStart(countingWrapper({
      issueDataKey: () => {
        const next = { dataKey: DataKey.adopt(Buffer.from(same)), wrappedKey: `blob ${issued.length}` };
        issued.push(next);
        return Promise.resolve(next);
      },
    }));
    await shared.next();
    await assert.rejects(shared.next(), { name: 'MasterKeyError', code: 'internal', message: /one data key twice/ });
    assert.throws(() => issued[1]?.dataKey.exportBytes(), 'the second is wiped');
    assert.deepEqual(issued[0]?.dataKey.exportBytes(), same);
  });

  it('refuses a wrapped key that repeats', async () => {
    const shared = new SharedStart(countingWrapper({ issueDataKey: () => Promise.resolve({ dataKey: DataKey.generate(), wrappedKey: 'same' }) }));
    await shared.next();
    await assert.rejects(shared.next(), { code: 'internal' });
  });

  it('does not keep a start that could not be wrapped, and wipes the key issued beside it', async () => {
    let failures = 1;
    const keys: DataKey[] = [];
    const shared = new SharedStart(countingWrapper({
      issueDataKey: () => {
        const dataKey = DataKey.generate();
        keys.push(dataKey);
        return Promise.resolve({ dataKey, wrappedKey: `key ${keys.length}` });
      },
      wrapStart: () => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new KmsError('kms-unavailable', 'down')) : Promise.resolve('wrapped');
      },
    }));
    const together = await Promise.allSettled([shared.next(), shared.next()]);
    assert.deepEqual(together.map(({ status }) => status), ['rejected', 'rejected']);
    for (const key of keys) {
      assert.throws(() => key.exportBytes());
    }
    assert.equal((await shared.next()).wrappedStart, 'wrapped');
  });

  it('wraps a start anew when everybody who waited for the last one has gone', async () => {
    const told: (AbortSignal | undefined)[] = [];
    const shared = new SharedStart(countingWrapper({
      wrapStart: (_, signal) => {
        told.push(signal);
        return told.length > 1 ? Promise.resolve('second') : new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new KmsError('interrupted', 'aborted')));
        });
      },
    }));
    const [one, two] = [new AbortController(), new AbortController()];
    const waiting = [shared.next(one.signal), shared.next(two.signal)].map((keys) => assert.rejects(keys, { code: 'interrupted' }));
    one.abort();
    assert.equal(told[0]?.aborted, false, 'one still waits');
    two.abort();
    assert.equal(told[0].aborted, true);
    assert.equal((await shared.next()).wrappedStart, 'second');
    await Promise.all(waiting);
  });

  it('passes on what issuing throws', async () => {
    const shared = new SharedStart(countingWrapper({ issueDataKey: () => Promise.reject(new KmsError('kms-refused', 'no')) }));
    await assert.rejects(shared.next(), { name: 'KmsError', code: 'kms-refused' });
  });
});

describe('SharedStart.prepare', () => {
  it('makes keys before they are asked for, and no more than were announced', async () => {
    const wrapper = countingWrapper();
    const shared = new SharedStart(wrapper);
    shared.prepare(4);
    shared.prepare(3);
    assert.deepEqual(wrapper.calls, { issue: 4, wrap: 1 });
    const taken = await Promise.all(Array.from({ length: 4 }, () => shared.next()));
    assert.equal(wrapper.calls.issue, 4);
    assert.equal(new Set(taken.map(({ issued }) => issued.wrappedKey)).size, 4);
    await shared.next();
    assert.equal(wrapper.calls.issue, 5);
  });

  it('hands a failure to whoever takes the key, and wipes what nobody takes', async () => {
    const made: DataKey[] = [];
    const shared = new SharedStart(countingWrapper({
      issueDataKey: () => {
        const dataKey = DataKey.generate();
        made.push(dataKey);
        return made.length === 1 ? Promise.reject(new KmsError('kms-unavailable', 'down')) : Promise.resolve({ dataKey, wrappedKey: `key ${made.length}` });
      },
    }));
    shared.prepare(3);
    await assert.rejects(shared.next(), { code: 'kms-unavailable' });
    const { issued } = await shared.next();
    await shared.close();
    assert.equal(issued.dataKey.exportBytes().length, 32, 'taken before: still there');
    assert.throws(() => made[2]?.exportBytes());
  });
});

describe('StartCache', () => {
  const start = StartBlock.generate();

  it('unwraps once, also for readers at the same time', async () => {
    const cache = new StartCache();
    let calls = 0;
    const unwrap = () => {
      calls += 1;
      return Promise.resolve(start);
    };
    const found = await Promise.all([cache.get('a', unwrap), cache.get('a', unwrap)]);
    assert.deepEqual(found, [start, start]);
    assert.equal(await cache.get('a', unwrap), start);
    assert.equal(calls, 1);
  });

  it('remembers neither null nor a failure', async () => {
    const cache = new StartCache();
    assert.equal(await cache.get('a', () => Promise.resolve(null)), null);
    await assert.rejects(cache.get('a', () => Promise.reject(new Error('down'))), /down/);
    await assert.rejects(cache.get('a', () => { throw new Error('at once'); }), /at once/);
    assert.equal(await cache.get('a', () => Promise.resolve(start)), start);
  });

  it('unwraps anew what everybody has left, and then remembers it', async () => {
    const cache = new StartCache();
    const controller = new AbortController();
    let fail: (reason: Error) => void = () => undefined;
    const left = cache.get('a', () => new Promise((_, reject) => { fail = reject; }), controller.signal);
    controller.abort();
    const found = cache.get('a', () => Promise.resolve(start), new AbortController().signal);
    assert.equal(await found, start);
    fail(new Error('aborted'));
    await assert.rejects(left, /aborted/);
    await assert.rejects(cache.get('b', (signal) => Promise.reject(new Error(`aborted: ${signal?.aborted}`)), AbortSignal.abort()), /aborted: true/);
    assert.equal(await cache.get('a', () => Promise.reject(new Error('asked again'))), start);
  });

  it('forgets the least recently used', async () => {
    const cache = new StartCache();
    const unwrap = () => Promise.resolve(start);
    const never = () => Promise.reject(new Error('asked again'));
    for (let count = 0; count < MAX_CACHED_STARTS; count += 1) {
      await cache.get(`start ${count}`, unwrap);
    }
    await cache.get('start 0', never);
    await cache.get('one more', unwrap);
    assert.equal(await cache.get('start 0', never), start, 'used lately, kept');
    await assert.rejects(cache.get('start 1', never), /asked again/);
  });
});
