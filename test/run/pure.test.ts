import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SealiftError } from '../../src/errors.js';
import { GiB, LARGEST_WHOLE_BYTES, MAX_PART_BYTES, MAX_PARTS, MAX_THREADS, MiB } from '../../src/limits.js';
import { Budget } from '../../src/run/budget.js';
import { partBytesFor, resolveBounds } from '../../src/run/effective.js';
import type { RunEvent } from '../../src/run/events.js';
import { decideExisting } from '../../src/run/existing.js';
import { cut, onEveryPiece } from '../../src/run/large-file.js';
import { afterAttempt, Batcher, planFile } from '../../src/run/plan.js';
import { planPull, type PullFacts } from '../../src/run/pull/pull-plan.js';
import { storeIdentity } from '../../src/run/store-identity.js';
import { Tally } from '../../src/run/tally.js';
import { affordableCrew, affordableRequests, crewSize } from '../../src/run/threads/crew-size.js';
import { slabBytes, Slabs } from '../../src/run/threads/slabs.js';
import { Delay, isHeldUp } from '../../src/run/threads/thread-watch.js';

const STAT = { sizeBytes: 10, mtimeNs: 5n, ctimeNs: 6n, ino: 7n, dev: 8n, mode: 0o644 };

describe('a budget', () => {
  it('never lets more through than it has, and lets everyone through in the end, in order', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 40 }), async (capacity, amounts) => {
      const budget = new Budget(capacity);
      const order: number[] = [];
      await Promise.all(amounts.map(async (amount, index) => await budget.with(amount, async () => {
        assert.ok(budget.used <= capacity);
        order.push(index);
        await Promise.resolve();
      })));
      assert.deepEqual(order, amounts.map((_, index) => index));
      assert.equal(budget.used, 0);
    }));
  });

  it('refuses those who wait and those who come once it is closed', async () => {
    const budget = new Budget(1);
    await budget.take(1);
    const waiting = budget.take(1);
    budget.close();
    await assert.rejects(waiting, { code: 'interrupted' });
    await assert.rejects(budget.take(1), { code: 'interrupted' });
    assert.throws(() => new Budget(0), RangeError);
  });
});

describe('slabs', () => {
  it('are as long as asked for, and waste at most a quarter', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 300 * MiB }), (bytes) => {
      const size = slabBytes(bytes);
      assert.ok(size >= bytes && (bytes <= 4096 || size <= bytes * 1.26), `${bytes} → ${size}`);
    }));
  });

  it('are used again, up to what may be kept', () => {
    const slabs = new Slabs(16_384);
    const first = slabs.take(5000);
    assert.equal(first.length, 5000);
    slabs.give(first);
    assert.equal(slabs.take(4900).buffer, first.buffer);
    const kept = [slabs.take(8000), slabs.take(8000), slabs.take(8000)];
    kept.forEach((slab) => slabs.give(slab));
    const again = [slabs.take(8000), slabs.take(8000), slabs.take(8000)].map(({ buffer }) => buffer);
    assert.equal(kept.filter(({ buffer }) => again.includes(buffer)).length, 2);
  });
});

describe('threads', () => {
  it('are as many as were asked for, or as there are cores, of which the last one has to be worth it', () => {
    assert.deepEqual(crewSize(8, 2), { threads: 8, threadsAtOnce: 8 });
    const sizes = [1, 2, 16, 384].map((cores) => crewSize(undefined, cores));
    assert.deepEqual(sizes.map(({ threads, threadsAtOnce }) => [threads, threadsAtOnce]), [[1, 1], [2, 1], [16, 15], [MAX_THREADS, MAX_THREADS - 1]]);
  });

  it('are as many, with as many requests, as there are file descriptors for', () => {
    const afforded = (descriptors: number, threads: number, concurrency?: number): readonly unknown[] => {
      const crew = affordableCrew({ threads, concurrency }, descriptors);
      return [crew.threads, crew.concurrency, crew.fewDescriptors];
    };
    assert.deepEqual([afforded(Infinity, 256, 1024), afforded(1024, 2)], [[256, 1024, false], [2, 64, false]]);
    assert.deepEqual([64, 96, 128, 256].map((descriptors) => afforded(descriptors, 2)), [[1, 3, true], [1, 10, true], [1, 16, true], [2, 21, false]]);
    assert.deepEqual([afforded(256, 8, 4), afforded(64, 1, 2), afforded(1024, 384 / 2)], [[4, 4, false], [1, 2, true], [11, 17, false]]);
    assert.equal(affordableRequests(2, 64, 256), 21);
  });

  it('start only where a run can get by, and what is missing is named', () => {
    const refused = (error: unknown): boolean => error instanceof SealiftError && error.code === 'usage' && error.remedy?.includes('ulimit -n 64 ') === true;
    assert.throws(() => affordableCrew({}, 63), refused);
    assert.throws(() => affordableRequests(256, 1, 255), { code: 'usage' });
  });

  it('are held up when they wait for answers or for a disk, and not when they work', () => {
    const working = { lived: 100, idle: 10, cpu: 120, blocks: 9 };
    assert.deepEqual([working, { ...working, idle: 40 }, { ...working, cpu: 60 }].map(isHeldUp), [false, true, true]);
  });

  it('are not held up while others have the processor, unless they get less than half of it', () => {
    const robbed = { lived: 100, idle: 10, cpu: 60, blocks: 0 };
    assert.deepEqual([robbed, { ...robbed, cpu: 49 }].map(isHeldUp), [false, true]);
  });

  it('are held up for long only after some such times in a row, or one that is long enough', () => {
    const [working, waiting] = [{ lived: 240, idle: 0, cpu: 240, blocks: 0 }, { lived: 240, idle: 100, cpu: 140, blocks: 0 }];
    const delay = new Delay();
    assert.deepEqual([waiting, waiting, working, waiting, waiting, waiting].map((look) => delay.lasts(look, 2)), [false, false, false, false, false, true]);
    delay.forget();
    assert.deepEqual([waiting, { ...waiting, lived: 600, idle: 300 }].map((look) => delay.lasts(look, 2)), [false, true]);
  });
});

describe('the bounds of a run', () => {
  it('have the documented defaults', () => {
    const { concurrency, partBytes, memoryBytes, threads } = resolveBounds({});
    assert.deepEqual([concurrency, partBytes, memoryBytes], [64, 8 * MiB, 256 * MiB]);
    assert.ok(threads >= 1);
  });

  it('put a file whole that fits its thread\'s share of the memory, up to a limit that no memory lifts', () => {
    const whole = (memoryBytes: number, threads: number, partBytes = 8 * MiB): number => resolveBounds({ memoryBytes, threads, partBytes }).singlePutBytes;
    assert.deepEqual([whole(64 * MiB, 2), whole(256 * MiB, 2), whole(8 * GiB, 2), whole(8 * GiB, 1)], [16 * MiB, 64 * MiB, 64 * MiB, 64 * MiB]);
    assert.deepEqual([whole(256 * MiB, 64), whole(32 * MiB, 64)], [16 * MiB, 8 * MiB], 'two parts, or a quarter of the memory, at least');
    assert.equal(whole(8 * GiB, 2, 100 * MiB), 100 * MiB, 'nothing travels in one part');
    assert.equal(resolveBounds({ memoryBytes: GiB, threads: 1 }, Infinity).singlePutBytes, 512 * MiB, 'where no threads could share it');
    assert.equal(LARGEST_WHOLE_BYTES, 64 * MiB);
  });

  it('give no request more than Node reads and writes at once', () => {
    const most = 2 ** 31 - 1;
    const { partBytes } = resolveBounds({ memoryBytes: 64 * GiB, partBytes: MAX_PART_BYTES });
    assert.ok(partBytes <= most);
    assert.ok(resolveBounds({ memoryBytes: 64 * GiB, threads: 1 }, Infinity).singlePutBytes <= most);
    assert.throws(() => resolveBounds({ memoryBytes: 64 * GiB, partBytes: MAX_PART_BYTES + 1 }), /--part-size/);
  });

  it('find parts for any memory that is enough', () => {
    for (const memoryBytes of [8 * MiB, 8 * MiB + 2, 9_000_002, 16 * MiB - 1, 16 * MiB]) {
      const { partBytes } = resolveBounds({ memoryBytes });
      assert.ok(partBytes % 16 === 0 && partBytes * 2 <= memoryBytes && partBytes > memoryBytes / 2 - 16, `${partBytes} of ${memoryBytes}`);
    }
  });

  it('refuse nonsense by name', () => {
    for (const [tuning, name] of [[{ threads: 0 }, 'threads'], [{ concurrency: Number.NaN }, 'concurrency'], [{ partBytes: 99 }, 'part-size'], [{ memoryBytes: 5 }, 'memory'], [{ bandwidthBytesPerSecond: 1024 }, 'bandwidth']] as const) {
      assert.throws(() => resolveBounds(tuning), (error: unknown) => error instanceof SealiftError && error.code === 'usage' && error.message.includes(`--${name}`));
    }
  });

  it('cut a file into equal parts that cover it, never more than OSS takes', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 64 * 1024 * MiB }), (sizeBytes) => {
      const partBytes = partBytesFor(sizeBytes, 102_400);
      assert.equal(partBytes % 16, 0);
      assert.ok(Math.ceil(sizeBytes / partBytes) <= MAX_PARTS);
    }));
    const pieces = cut(1000, 320);
    assert.deepEqual(pieces.map(({ index, offset, bytes }) => [index, offset, bytes]), [[0, 0, 320], [1, 320, 320], [2, 640, 320], [3, 960, 40]]);
  });

  it('are kept while pieces are worked on, and no piece begins after a failure', async () => {
    const memory = new Budget(200);
    let most = 0;
    const begun: number[] = [];
    const work = onEveryPiece(cut(1000, 100), memory, async ({ index }) => {
      begun.push(index);
      most = Math.max(most, memory.used);
      await Promise.resolve();
      if (index === 3) {
        throw new Error('piece 3');
      }
    });
    await assert.rejects(work, /piece 3/);
    assert.ok(begun.length <= 6 && most <= 200);
    assert.equal(memory.used, 0);
  });
});

describe('the plan of a push', () => {
  const policy = { singlePutBytes: 100, checksum: false };
  it('skips what is done and unchanged, replaces what is proven ours, asks about the rest', () => {
    assert.deepEqual(planFile(STAT, { isDone: true, attempted: true, unchanged: true }, policy), { action: 'skip' });
    assert.deepEqual(planFile(STAT, { isDone: true, attempted: true, unchanged: false }, policy), { action: 'push', how: 'whole', replace: 'yes' });
    assert.deepEqual(planFile(STAT, { isDone: false, attempted: true, unchanged: false }, policy), { action: 'push', how: 'whole', replace: 'if-ours' });
    assert.deepEqual(planFile(STAT, { isDone: false, attempted: false, unchanged: false }, policy), { action: 'push', how: 'whole', replace: 'no' });
    assert.deepEqual(planFile(STAT, undefined, policy), { action: 'push', how: 'whole', replace: 'no' });
    assert.deepEqual(planFile({ ...STAT, sizeBytes: 101 }, undefined, policy), { action: 'push', how: 'parts', replace: 'no' });
    assert.equal(planFile(STAT, { isDone: true, attempted: true, unchanged: true }, { ...policy, checksum: true }).action, 'push');
  });

  it('takes what an attempt may have left for ours, and proves what was proven', () => {
    assert.deepEqual((['no', 'if-ours', 'yes'] as const).map(afterAttempt), ['if-ours', 'if-ours', 'yes']);
  });

  it('never replaces somebody else\'s object unless told to overwrite', () => {
    for (const ifExists of ['changed', 'skip', 'fail'] as const) {
      assert.notEqual(decideExisting('foreign', ifExists), 'write');
    }
    assert.equal(decideExisting('foreign', 'overwrite'), 'write');
  });

  it('grows its batches, and loses nothing', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 500 })), fc.integer({ min: 1, max: 8 }), (sizes, threads) => {
      const batcher = new Batcher<number>({ maxItems: 16, maxBytes: 1000, threads });
      const batches = sizes.map((size, index) => batcher.add(index, size)).filter((batch) => batch !== undefined);
      const all = [...batches, batcher.flush()];
      assert.deepEqual(all.flat(), sizes.map((_, index) => index));
      assert.ok(all.every((batch) => batch.length <= 16));
      assert.ok((batches[0]?.length ?? 1) === 1, 'the first batch must not wait');
    }));
  });
});

describe('the plan of a pull', () => {
  const nothing = { overwrite: false, checksum: false };
  const facts = (more: Partial<PullFacts>): PullFacts => ({ etag: 'E', local: STAT, pulled: undefined, pushed: undefined, ...more });
  const done = { isDone: true, attempted: true, unchanged: true, etag: 'E' };

  it('skips only where size, mtime and a manifest agree', () => {
    assert.equal(planPull(facts({ pulled: done }), nothing).action, 'skip');
    assert.deepEqual(planPull(facts({ pulled: { ...done, etag: 'other' } }), nothing), { action: 'pull', overwrite: 'yes' });
    assert.equal(planPull(facts({ pulled: { ...done, unchanged: false } }), nothing).action, 'pull');
    assert.equal(planPull(facts({ pushed: { etag: 'E', sizeBytes: 10, mtimeNs: 5n } }), nothing).action, 'skip');
    assert.equal(planPull(facts({ pushed: { etag: 'E', sizeBytes: 10, mtimeNs: 999n } }), nothing).action, 'skip', 'times are restored to the microsecond');
    assert.equal(planPull(facts({ pushed: { etag: 'E', sizeBytes: 10, mtimeNs: 1000n } }), nothing).action, 'refuse');
    assert.equal(planPull(facts({ pushed: { etag: 'F', sizeBytes: 10, mtimeNs: 5n } }), nothing).action, 'refuse');
  });

  it('refuses an unknown file, and replaces it on request', () => {
    assert.deepEqual(planPull(facts({}), nothing), { action: 'refuse' });
    assert.deepEqual(planPull(facts({}), { ...nothing, overwrite: true }), { action: 'pull', overwrite: 'yes' });
    assert.deepEqual(planPull(facts({ local: undefined }), nothing), { action: 'pull', overwrite: 'no' });
    assert.equal(planPull(facts({ pulled: done }), { ...nothing, checksum: true }).action, 'pull');
  });
});

describe('the identity of a store', () => {
  const target = { bucket: 'b', prefix: '', region: 'cn-hangzhou' };
  const credentials = { accessKeyId: 'ID', accessKeySecret: 'S' };
  it('does not depend on the port of an embedded cloud, but on its data directory', () => {
    const at = (endpoint: string, accessKeyId = 'ID'): string => storeIdentity({ ...target, endpoint }, { ...credentials, accessKeyId });
    assert.equal(at('http://127.0.0.1:1'), at('http://localhost:2'));
    assert.notEqual(at('http://127.0.0.1:1'), at('http://127.0.0.1:1', 'OTHER'));
    assert.equal(at('https://oss.example.com'), 'oss.example.com');
    assert.equal(at('oss.example.com'), 'oss.example.com');
    assert.equal(at('oss.example.com:8443'), 'oss.example.com:8443');
    assert.equal(storeIdentity(target, credentials), 'cn-hangzhou');
  });
});

describe('the tally', () => {
  it('proves that nothing was lost between the walk and its outcome', () => {
    const tally = new Tally(undefined);
    tally.scanned(1);
    assert.throws(() => tally.close(), { code: 'internal' });
    tally.done({ path: 'a', key: 'a', bytes: 1 });
    tally.close();
    assert.equal(tally.exitCode, 0);
  });

  it('tells of a file what events promise and nothing else that is known of it', () => {
    const events: RunEvent[] = [];
    const tally = new Tally((event) => events.push(event));
    const known = { path: 'a', key: 'p/a', id: 7, mustBeSealed: true };
    tally.skipped(known, 'exists');
    tally.done({ ...known, bytes: 3 });
    assert.deepEqual(events, [
      { event: 'file', path: 'a', key: 'p/a', state: 'skipped', code: 'exists' },
      { event: 'file', path: 'a', key: 'p/a', bytes: 3, state: 'done' },
    ]);
  });

  it('chooses one exit code by severity, and keeps a bounded list of failures', () => {
    const tally = new Tally(undefined);
    for (let i = 0; i < 1500; i += 1) {
      tally.scanned(0);
      tally.failed({ path: `${i}`, key: '' }, { code: i === 7 ? 'authentication-failed' : 'vanished', message: 'm', retryable: false });
    }
    assert.deepEqual([tally.exitCode, tally.failures.length], [4, 1000]);
    tally.stoppedBy(new SealiftError('interrupted', 'interrupted'));
    assert.equal(tally.exitCode, 130);
  });
});
