import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { FaultPlan, RequestRecord } from '../../src/local/cloud.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, publicHalf, SMALL, type World } from '../support/world.js';

const FORBIDDEN = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;
const BUSY = { kind: 'answer', status: 503, code: 'ServiceUnavailable' } as const;
const LARGE = 4_300_000;

/** What a key that may push and do nothing else is told; everything else is up to `further`. */
function pushOnly(further: FaultPlan = () => undefined): FaultPlan {
  return (request) => (/^(?:Head|Get|List(?!Parts))/.test(request.operation) ? FORBIDDEN : further(request));
}

/** The first answer to `operation` is lost; of every later request `then` happens. */
function loseFirst(operation: string, then: ReturnType<FaultPlan>): FaultPlan {
  let isLost = false;
  return (request) => {
    if (isLost) {
      return then;
    }
    isLost = request.operation === operation;
    return isLost ? { kind: 'lose-answer' } : undefined;
  };
}

async function pushOnlyWorld(t: TestContext): Promise<{ world: World; push: World['push'] }> {
  const world = await makeWorld(t);
  return { world, push: async (more) => await world.push({ keys: [publicHalf(world.key)], resumeSecret: world.path('secret'), ...more }) };
}

/** The answer to the first completion is lost; the second one gets `answer`, or the server's. */
function loseFirstComplete(answer: ReturnType<FaultPlan>): FaultPlan {
  let completions = 0;
  return ({ operation }) => {
    completions += operation === 'CompleteMultipartUpload' ? 1 : 0;
    return operation === 'CompleteMultipartUpload' ? [{ kind: 'lose-answer' } as const, answer][completions - 1] : undefined;
  };
}

function wrappedKeyOf({ metadata }: RequestRecord): string | undefined {
  return metadata['x-oss-meta-oss-crypto-key'];
}

/** Somebody who may do everything. */
async function theyPut(world: World): Promise<string> {
  world.faults = () => undefined;
  return await world.putPlain('backup/large', 'theirs');
}

async function comesBack(world: World): Promise<void> {
  world.faults = () => undefined;
  const { result } = await world.pull(world.path('back'));
  assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
}

describe('a host that may only push', () => {
  it('sends once more what may have arrived, with a fresh key, and the summary counts it', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { a: 'a' });
    world.faults = pushOnly(loseFirst('PutObject', FORBIDDEN));
    assert.equal((await push()).result.exitCode, 5);
    world.faults = pushOnly();
    const { result, events } = await push();
    assert.deepEqual([result.exitCode, result.done, result.restarted], [0, 1, 1], JSON.stringify(result.failures));
    assert.ok(events.some((event) => event.event === 'summary' && event.restarted === 1));
    const keys = only(world.requests, 'PutObject').map(wrappedKeyOf);
    assert.equal(new Set([keys[0], keys.at(-1)]).size, 2);
    await comesBack(world);
  });

  it('is not stopped by an answer that gets lost', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { a: 'a', b: 'b' });
    world.faults = pushOnly(loseFirst('PutObject', undefined));
    const { result } = await push();
    assert.deepEqual([result.exitCode, result.done, result.restarted], [0, 2, 1], JSON.stringify(result.failures));
    await comesBack(world);
  });

  it('starts a large file again whose last answer was lost', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    world.faults = pushOnly(loseFirst('CompleteMultipartUpload', FORBIDDEN));
    assert.equal((await push()).result.exitCode, 5);
    for (const resumeSecret of [world.path('another'), world.path('secret')]) {
      world.faults = pushOnly(loseFirst('CompleteMultipartUpload', FORBIDDEN));
      assert.equal((await push({ resumeSecret })).result.exitCode, 5);
    }
    world.faults = pushOnly();
    const { result } = await push();
    assert.deepEqual([result.exitCode, result.done, result.restarted], [0, 1, 1], JSON.stringify(result.failures));
    await comesBack(world);
  });

  it('sends a large file again at once when the last answer was lost', async (t) => {
    for (const answer of [undefined, { kind: 'answer', status: 409, code: 'FileAlreadyExists' }] as const) {
      const { world, push } = await pushOnlyWorld(t);
      plant(world.source, { large: content(LARGE), small: 'small' });
      world.faults = pushOnly(loseFirstComplete(answer));
      const { result } = await push();
      assert.deepEqual([result.exitCode, result.done, result.restarted], [0, 2, 1], JSON.stringify(result.failures));
      assert.equal(new Set(only(world.requests, 'InitiateMultipartUpload').map(wrappedKeyOf)).size, 2);
      await comesBack(world);
    }
  });

  it('gives a large file up whose last answer is lost each time, and finishes it later', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    const lost = new Set<string>();
    world.faults = pushOnly(({ operation, uploadId = '' }) => {
      if (operation !== 'CompleteMultipartUpload' || lost.has(uploadId)) {
        return undefined;
      }
      lost.add(uploadId);
      return { kind: 'lose-answer' };
    });
    const { result } = await push();
    assert.deepEqual([result.exitCode, result.restarted, result.failures.map(({ code }) => code)], [9, 1, ['remote-unavailable']]);
    world.faults = pushOnly();
    assert.equal((await push()).result.exitCode, 0);
    await comesBack(world);
  });

  for (const [where, stop] of [
    ['when its upload was given up', 'AbortMultipartUpload'], ['before its upload had begun', 'InitiateMultipartUpload'], ['among its parts', 'UploadPart'],
  ] as const) {
    it(`finishes a large file whose last answer was lost and whose next attempt was interrupted ${where}`, async (t) => {
      const { world, push } = await pushOnlyWorld(t);
      plant(world.source, { large: content(LARGE) });
      world.faults = pushOnly(loseFirst('CompleteMultipartUpload', FORBIDDEN));
      assert.equal((await push()).result.exitCode, 5);
      const interrupted = new AbortController();
      world.faults = pushOnly();
      world.answered = ({ operation }) => operation === stop && interrupted.abort();
      assert.equal((await push({ signal: interrupted.signal })).result.exitCode, 130);
      world.answered = () => undefined;
      const { result } = await push();
      assert.deepEqual([result.exitCode, result.done], [0, 1], JSON.stringify(result.failures));
      await comesBack(world);
    });
  }

  it('finishes a large file that has changed since it was done, although the attempt was interrupted', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    world.faults = pushOnly();
    assert.equal((await push()).result.exitCode, 0);
    plant(world.source, { large: content(LARGE + 1) });
    world.faults = pushOnly(({ operation }) => (operation === 'UploadPart' ? FORBIDDEN : undefined));
    assert.equal((await push()).result.exitCode, 5);
    world.faults = pushOnly();
    const { result } = await push();
    assert.deepEqual([result.exitCode, result.done], [0, 1], JSON.stringify(result.failures));
    await comesBack(world);
  });

  it('finishes a large file whose last answer was lost after a run that left it out', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE), small: 'small' });
    world.faults = pushOnly(loseFirst('CompleteMultipartUpload', FORBIDDEN));
    assert.equal((await push({ include: ['large'] })).result.exitCode, 5);
    world.faults = pushOnly();
    assert.equal((await push({ include: ['small'] })).result.exitCode, 0);
    assert.equal((await push()).result.exitCode, 0);
    await comesBack(world);
  });

  it('leaves what stood there before it sent anything, however often it tries', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { a: 'a', b: 'b', large: content(LARGE) });
    const theirs = await Promise.all(['a', 'large'].map((name) => world.putPlain(`backup/${name}`, 'theirs')));
    let busy = 0;
    world.faults = pushOnly(({ operation, key }) => (operation === 'PutObject' && key === 'backup/a' && (busy += 1) === 1 ? BUSY : undefined));
    for (const done of [1, 0, 0]) {
      const { result } = await push();
      assert.deepEqual([result.exitCode, result.done, result.failed, result.restarted], [3, done, 2, undefined]);
      assert.deepEqual(result.failures.map(({ code }) => code), ['exists', 'exists']);
      assert.ok(result.failures.every(({ remedy }) => remedy?.includes('--if-exists')), JSON.stringify(result.failures));
    }
    const { result } = await push({ ifExists: 'skip', include: ['a'] });
    assert.deepEqual([result.exitCode, result.skipReasons?.exists], [0, 1]);
    const { result: large } = await push({ ifExists: 'skip', include: ['large'] });
    assert.deepEqual([large.exitCode, large.skipReasons?.exists], [0, 1]);
    world.faults = () => undefined;
    assert.deepEqual(await Promise.all(['a', 'large'].map((name) => world.etag(`backup/${name}`))), theirs);
  });

  it('leaves what took the place of a large file just before it was complete, and goes on', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    world.faults = pushOnly(({ operation }) => (operation === 'CompleteMultipartUpload' ? FORBIDDEN : undefined));
    assert.equal((await push()).result.exitCode, 5);
    const theirs = await theyPut(world);
    plant(world.source, { small: 'small' });
    for (const done of [1, 0]) {
      world.faults = pushOnly();
      const { result } = await push();
      assert.deepEqual([result.exitCode, result.done, result.failures.map(({ code }) => code)], [3, done, ['exists']]);
      world.faults = () => undefined;
      assert.equal(await world.etag('backup/large'), theirs);
    }
  });

  it('leaves what took the place of a large file whose upload was aborted before all parts had arrived', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    let parts = 0;
    world.faults = pushOnly(({ operation }) => (operation === 'UploadPart' && (parts += 1) > 8 ? FORBIDDEN : undefined));
    assert.equal((await push()).result.exitCode, 5);
    const theirs = await theyPut(world);
    for (const { key, uploadId } of await world.store.listUploads('backup/large')) {
      await world.store.abortUpload(key, uploadId);
    }
    world.faults = pushOnly();
    const { result } = await push();
    assert.deepEqual(result.failures.map(({ code }) => code), ['exists']);
    world.faults = () => undefined;
    assert.equal(await world.etag('backup/large'), theirs);
  });

  it('leaves what took the place of its own object as soon as somebody was allowed to look', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    world.faults = pushOnly(loseFirst('CompleteMultipartUpload', FORBIDDEN));
    assert.equal((await push()).result.exitCode, 5);
    world.faults = pushOnly(({ operation }) => (operation === 'UploadPart' ? FORBIDDEN : undefined));
    assert.equal((await push()).result.exitCode, 5);
    const theirs = await theyPut(world);
    for (const faults of [() => undefined, pushOnly(), pushOnly()]) {
      world.faults = faults;
      const { result } = await push();
      assert.deepEqual([result.exitCode, result.failures.map(({ code }) => code)], [3, ['exists']]);
      world.faults = () => undefined;
      assert.equal(await world.etag('backup/large'), theirs);
    }
  });

  it('leaves what took the place of a large file while its upload was waiting', async (t) => {
    const { world, push } = await pushOnlyWorld(t);
    plant(world.source, { large: content(LARGE) });
    world.faults = pushOnly(({ operation }) => (operation === 'UploadPart' ? FORBIDDEN : undefined));
    assert.equal((await push()).result.exitCode, 5);
    const theirs = await theyPut(world);
    world.faults = pushOnly();
    const { result } = await push({ resumeSecret: world.path('another') });
    assert.deepEqual(result.failures.map(({ code }) => code), ['exists']);
    world.faults = () => undefined;
    assert.equal(await world.etag('backup/large'), theirs);
  });
});

describe('a thread that dies after its files have arrived', () => {
  it('does not make them somebody else\'s', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 64 }, (_, i) => [join('many', `${i}`), content(100 + i, i)])));
    const threads: Worker[] = [];
    const onWorker = (thread: Worker): void => void threads.push(thread);
    process.on('worker', onWorker);
    t.after(() => process.off('worker', onWorker));
    let answers = 0;
    world.answered = ({ operation }) => {
      answers += operation === 'PutObject' ? 1 : 0;
      if (answers === 20) {
        threads.forEach((thread) => void thread.terminate());
      }
    };
    const { result } = await world.push({ ifExists: 'fail', tuning: { ...SMALL, concurrency: 8 } });
    assert.deepEqual([result.exitCode, result.done], [0, 64], JSON.stringify(result.failures));
    await comesBack(world);
  });
});
