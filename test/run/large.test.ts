import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Fault, RequestInfo } from '../../src/local/cloud.js';
import { DEAR_TOUCH_NS, MAX_PLAINTEXT_BYTES, MiB } from '../../src/limits.js';
import { kmsKey } from '../support/kms-keys.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, publicHalf, SMALL, strangersKey, TWO_THREADS, warmThreads, type World } from '../support/world.js';

/** More than the memory of the tests holds, so that it takes two passes; and what fits but still travels in parts. */
const TWO_PASSES = 6_500_001;
const ONE_PASS = 4_300_001;
/** Only a push that waits for ever takes so long. */
const HANGS_MS = 120_000;

/** Does something once, when the n-th request of an operation arrives, before it is answered. */
function atRequest(world: World, operation: string, n: number, action: (request: RequestInfo) => void): void {
  let seen = 0;
  world.faults = (request) => {
    seen += request.operation === operation ? 1 : 0;
    if (seen === n && request.operation === operation) {
      action(request);
    }
    return undefined;
  };
}

async function comesBack(world: World): Promise<void> {
  world.faults = () => undefined;
  rmSync(world.path('back'), { recursive: true, force: true });
  const { result } = await world.pull(world.path('back'));
  assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
}

/** Refuses to complete any upload before `when` holds, as far as the patience of a push goes. */
function completeOnly(world: World, when: () => boolean): void {
  let refused = 0;
  world.faults = ({ operation }) => {
    if (operation !== 'CompleteMultipartUpload' || when() || refused === MAX_REFUSALS) {
      return undefined;
    }
    refused += 1;
    return { kind: 'answer', status: 503, code: 'ServiceUnavailable' };
  };
}

const MAX_REFUSALS = 5;
const FORBIDDEN: Fault = { kind: 'answer', status: 403, code: 'AccessDenied' };

/** A pattern that repeats at no multiple of a part. */
function bulk(sizeBytes: number, seed = 1): Buffer {
  return Buffer.alloc(sizeBytes, content(65_521, seed));
}

interface Line {
  readonly type: string;
  readonly id: number;
}

function records(world: World): Line[] {
  const [name = ''] = readdirSync(world.manifests).filter((file) => file.endsWith('.jsonl'));
  return readFileSync(join(world.manifests, name), 'utf8').split('\n').filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Line);
}

describe('large files that change between the passes', () => {
  it('are sealed afresh and sent as they are then, or fail by name when they are gone', async (t) => {
    const world = await makeWorld(t);
    const changes: Readonly<Record<string, (file: string) => void>> = {
      grows: (file) => appendFileSync(file, 'more'),
      shrinks: (file) => truncateSync(file, TWO_PASSES - 500_000),
      'shrinks-to-little': (file) => truncateSync(file, 1000),
      'is-emptied': (file) => truncateSync(file, 0),
      'is-replaced': (file) => {
        writeFileSync(`${file}.new`, bulk(TWO_PASSES, 9));
        renameSync(`${file}.new`, file);
      },
      vanishes: (file) => rmSync(file),
    };
    plant(world.source, Object.fromEntries(Object.keys(changes).map((name, seed) => [name, bulk(TWO_PASSES, seed)])));
    const seen = new Map<string, number>();
    world.faults = ({ operation, key }) => {
      const name = key.replace('backup/', '');
      const count = (seen.get(name) ?? 0) + (operation === 'UploadPart' ? 1 : 0);
      seen.set(name, count);
      if (operation === 'UploadPart' && count === 3) {
        changes[name]?.(join(world.source, name));
      }
      return undefined;
    };
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [5, 1, 3], JSON.stringify(result.failures));
    assert.deepEqual(result.failures.map(({ path, code }) => [path, code]), [['vanishes', 'vanished']]);
    const begun = only(world.requests, 'InitiateMultipartUpload').map(({ key, metadata }) => [key, metadata['x-oss-meta-oss-crypto-key']] as const);
    assert.equal(begun.length, 9, 'two for each that stays large');
    assert.equal(new Set(begun.map(([, wrapped]) => wrapped)).size, 9, 'under a fresh key each');
    assert.deepEqual(await world.store.listUploads(''), []);
    await comesBack(world);
  });
});

describe('a large file', () => {
  it('that fits the memory is read once: what happens to it then concerns the next push', async (t) => {
    const world = await makeWorld(t);
    const before = bulk(ONE_PASS);
    plant(world.source, { file: before });
    atRequest(world, 'UploadPart', 1, () => writeFileSync(join(world.source, 'file'), bulk(ONE_PASS, 7)));
    const first = await world.push();
    assert.equal(first.result.done, 1, JSON.stringify(first.result.failures));
    await world.pull(world.path('back'));
    assert.ok(readFileSync(world.path('back', 'file')).equals(before));
    const second = await world.push();
    assert.equal(second.result.done, 1);
    await comesBack(world);
  });

  for (const [name, dearOf] of [['piece by piece', 0], ['as far as it was cheap', 3]] as const) {
    it(`that fits the memory leaves it to the next, ${name}, and to a larger one as a whole`, async (t) => {
      let places = 0;
      const firstTouch = (): number => (dearOf > 0 && (places += 1) % dearOf === 0 ? DEAR_TOUCH_NS : 0);
      const world = await makeWorld(t, { ...TWO_THREADS, firstTouch });
      const small = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`small-${index}`, content(50_000, index)]));
      plant(world.source, { a: bulk(ONE_PASS), b: bulk(3_000_001, 2), c: bulk(ONE_PASS + 150_000, 3), d: bulk(ONE_PASS, 4), ...small });
      let sent = 0;
      world.faults = ({ operation }) => {
        sent += operation === 'UploadPart' ? 1 : 0;
        return operation === 'UploadPart' && sent % 11 === 0 ? { kind: 'answer', status: 503, code: 'ServiceUnavailable' } : undefined;
      };
      const { result } = await world.push();
      assert.deepEqual([result.done, result.restarted], [44, undefined], JSON.stringify(result.failures));
      await comesBack(world);
    });
  }

  it('that was kept is not finished with bytes that pass 1 did not see, and is when it is read again', async (t) => {
    const kept: Uint8Array[] = [];
    const firstTouch = (fresh: Uint8Array): number => {
      kept.push(fresh);
      return 0;
    };
    const world = await makeWorld(t, { ...SMALL, firstTouch });
    plant(world.source, { file: bulk(ONE_PASS) });
    atRequest(world, 'InitiateMultipartUpload', 1, () => kept[20]?.fill(0, 1000, 1001));
    const { result } = await world.push();
    assert.deepEqual(result.failures.map(({ code }) => code), ['checksum-mismatch']);
    assert.equal(only(world.requests, 'CompleteMultipartUpload').length, 0);
    const again = await world.push();
    assert.deepEqual([again.result.done, again.result.failed], [1, 0], JSON.stringify(again.result.failures));
    await comesBack(world);
  });

  it('that fits the memory is read twice where memory is dearer than that', async (t) => {
    const world = await makeWorld(t, { ...SMALL, firstTouch: () => DEAR_TOUCH_NS });
    plant(world.source, { file: bulk(ONE_PASS) });
    atRequest(world, 'UploadPart', 1, () => writeFileSync(join(world.source, 'file'), bulk(ONE_PASS, 7)));
    const { result } = await world.push();
    assert.equal(result.done, 1, JSON.stringify(result.failures));
    assert.equal(only(world.requests, 'InitiateMultipartUpload').length, 2, 'what had changed was sealed afresh');
    await comesBack(world);
  });

  it('of which a part was too dear to stay waits for no file that waits for its memory', async (t) => {
    let places = 0;
    const firstTouch = (): number => ((places += 1) === 9 ? DEAR_TOUCH_NS : 0);
    const world = await makeWorld(t, { ...SMALL, memoryBytes: 18 * MiB, partBytes: 1_550_784, concurrency: 6, firstTouch });
    const small = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`small-${index}`, bulk(2_500_000, index)]));
    plant(world.source, { large: bulk(13_432_067), ...small });
    const { result } = await world.push({ signal: AbortSignal.timeout(HANGS_MS) });
    assert.deepEqual([result.done, places], [10, 9], JSON.stringify(result.failures));
    await comesBack(world);
  });

  it('of which every part stays waits for no request that waits for its memory', async (t) => {
    const world = await makeWorld(t, { ...SMALL, concurrency: 1 });
    const small = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`small-${index}`, bulk(2_500_000, index)]));
    plant(world.source, { a: bulk(TWO_PASSES), b: bulk(6_200_000, 2), ...small });
    const { result } = await world.push({ signal: AbortSignal.timeout(HANGS_MS) });
    assert.equal(result.done, 8, JSON.stringify(result.failures));
    await comesBack(world);
  });

  it('is scanned while the one before it is being sent, and no sooner', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    plant(world.source, { a: bulk(TWO_PASSES), b: bulk(TWO_PASSES, 2) });
    const sealed = (): number => records(world).filter(({ type }) => type === 'sealed').length;
    completeOnly(world, () => sealed() === 2);
    const { faults } = world;
    const sealedAtIssue: number[] = [];
    world.faults = (request) => {
      if (request.operation === 'GenerateDataKey') {
        sealedAtIssue.push(sealed());
      }
      return faults(request);
    };
    const { result } = await world.push({ keys: [kmsKey(world)] });
    assert.equal(result.done, 2, JSON.stringify(result.failures));
    assert.deepEqual(sealedAtIssue, [0, 1], 'the scan of the second began when that of the first had ended');
    const types = records(world).map(({ type }) => type);
    assert.ok(types.lastIndexOf('sealed') < types.indexOf('done'), 'while the first was on its way');
  });

  it('does not keep small ones waiting', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a-large': bulk(TWO_PASSES), ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`small-${i}`, content(1000, i)])) });
    completeOnly(world, () => only(world.requests, 'PutObject').length === 100);
    const { events } = await world.push();
    const order = events.flatMap((event) => (event.event === 'file' ? [event.path] : []));
    assert.equal(order.indexOf('a-large'), 100, String(order));
    assert.equal(order.length, 101);
  });

  it('above what AES-GCM can seal is refused unread, with size, limit and reason, and the rest goes on', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'huge.img': '', 'b.txt': 'b' });
    truncateSync(join(world.source, 'huge.img'), MAX_PLAINTEXT_BYTES + 1);
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [1, 1, 3]);
    const { code, message } = result.failures[0] ?? { code: '', message: '' };
    assert.equal(code, 'too-large');
    for (const part of ['huge.img', String(MAX_PLAINTEXT_BYTES + 1), String(MAX_PLAINTEXT_BYTES), 'AES-GCM']) {
      assert.ok(message.includes(part), `${message} does not say ${part}`);
    }
  });

  it('with holes comes back with holes on request, and with the same bytes either way', async (t) => {
    const world = await makeWorld(t);
    for (const [name, size] of [['large', TWO_PASSES], ['small', 1_000_000]] as const) {
      plant(world.source, { [name]: content(5000) });
      truncateSync(join(world.source, name), size);
      appendFileSync(join(world.source, name), 'end');
    }
    await world.push();
    await world.pull(world.path('sparse'), { preserveSparse: true });
    assert.deepEqual(describeTree(world.path('sparse')), describeTree(world.source));
    for (const name of ['large', 'small']) {
      assert.ok(statSync(world.path('sparse', name)).blocks * 512 < 100_000, `${name} has no holes`);
    }
    await comesBack(world);
    assert.ok(statSync(world.path('back', 'large')).blocks * 512 >= TWO_PASSES);
  });
});

describe('no upload is left behind', () => {
  it('when the answer that names it is lost', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { file: bulk(ONE_PASS) });
    let lost = 0;
    world.faults = ({ operation }) => (operation === 'InitiateMultipartUpload' && (lost += 1) === 1 ? { kind: 'lose-answer' } : undefined);
    const { result } = await world.push();
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.equal(only(world.requests, 'InitiateMultipartUpload').length, 2);
    assert.deepEqual(await world.store.listUploads(''), []);
  });

  it('by files that are gone, small or different when their push goes on', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { gone: bulk(TWO_PASSES), small: bulk(TWO_PASSES), different: bulk(TWO_PASSES) });
    world.faults = ({ operation }) => (operation === 'UploadPart' ? FORBIDDEN : undefined);
    for (const name of ['gone', 'small', 'different']) {
      assert.equal((await world.push({ include: [name] })).result.exitCode, 5);
    }
    assert.equal((await world.store.listUploads('')).length, 3);
    rmSync(join(world.source, 'gone'));
    truncateSync(join(world.source, 'small'), 10);
    appendFileSync(join(world.source, 'different'), 'x');
    world.faults = () => undefined;
    const { result } = await world.push();
    assert.deepEqual([result.done, result.restarted, result.exitCode], [2, 1, 0], JSON.stringify(result.failures));
    assert.deepEqual(await world.store.listUploads(''), []);
    await comesBack(world);
  });

  it('by one whose key somebody else takes meanwhile', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { file: bulk(TWO_PASSES) });
    let foreign: Promise<string> | undefined;
    atRequest(world, 'UploadPart', 3, () => { foreign = world.putPlain('backup/file', 'mine'); });
    const { result } = await world.push();
    assert.deepEqual([result.failed, result.failures[0]?.code], [1, 'exists']);
    assert.equal(await world.etag('backup/file'), await foreign, 'theirs stays');
    assert.deepEqual(await world.store.listUploads(''), []);
  });
});

describe('an interrupted upload', () => {
  const interrupted = async (world: World, more: Parameters<World['push']>[0] = {}): Promise<void> => {
    plant(world.source, { file: bulk(TWO_PASSES) });
    const stop = new AbortController();
    atRequest(world, 'UploadPart', 20, () => stop.abort());
    assert.equal((await world.push({ signal: stop.signal, ...more })).result.exitCode, 130);
    world.faults = () => undefined;
  };
  const parts = Math.ceil(TWO_PASSES / SMALL.partBytes);
  const sent = (world: World): number => only(world.requests, 'UploadPart').filter(({ status }) => status === 200).length;

  it('goes on where it was with the private key, even when it may only push', async (t) => {
    const world = await makeWorld(t);
    await interrupted(world);
    world.faults = ({ operation }) => (operation === 'HeadObject' ? FORBIDDEN : undefined);
    const { result } = await world.push();
    assert.deepEqual([result.done, result.restarted], [1, undefined], JSON.stringify(result.failures));
    assert.equal(sent(world), parts);
    await comesBack(world);
  });

  it('starts again with a fresh key where none of the keys that have taken over opens what was sealed', async (t) => {
    for (const successor of [() => strangersKey(), (world: World) => kmsKey(world)]) {
      const world = await makeWorld(t);
      await interrupted(world);
      const fresh = successor(world);
      const { result } = await world.push({ keys: [fresh, publicHalf(world.key)] });
      assert.deepEqual([result.done, result.restarted, result.exitCode], [1, 1, 0], JSON.stringify(result.failures));
      assert.deepEqual(await world.store.listUploads(''), []);
      world.faults = () => undefined;
      assert.equal((await world.verify({ keys: [fresh] })).result.exitCode, 0);
    }
  });

  it('goes on where one of the keys opens what was sealed, though the one that has taken over is public', async (t) => {
    const world = await makeWorld(t);
    await interrupted(world);
    const before = sent(world);
    const { result } = await world.push({ keys: [publicHalf(strangersKey()), world.key] });
    assert.deepEqual([result.done, result.restarted], [1, undefined], JSON.stringify(result.failures));
    assert.ok(sent(world) < before + parts, `${sent(world)}`);
    await comesBack(world);
  });

  it('starts again with a fresh key where there is only a public one, and the summary says so', async (t) => {
    const world = await makeWorld(t);
    const keys = [publicHalf(world.key)];
    await interrupted(world, { keys, resumeSecret: world.path('another-secret') });
    const before = sent(world);
    const { result, events } = await world.push({ keys, resumeSecret: world.path('secret') });
    assert.deepEqual([result.done, result.restarted], [1, 1]);
    assert.ok(events.some((event) => event.event === 'summary' && event.restarted === 1));
    assert.equal(sent(world), before + parts);
    const wrapped = only(world.requests, 'InitiateMultipartUpload').map(({ metadata }) => metadata['x-oss-meta-oss-crypto-key']);
    assert.equal(new Set(wrapped).size, 2);
    assert.deepEqual(await world.store.listUploads(''), []);
    await comesBack(world);
  });

  it('goes on where it was with a public key and a resume secret, which is no file to push', async (t) => {
    const world = await makeWorld(t);
    const resumeSecret = join(world.source, 'secret');
    const more = { keys: [publicHalf(world.key)], resumeSecret };
    await interrupted(world, more);
    const { result } = await world.push(more);
    assert.deepEqual([result.done, result.skipped, result.restarted], [1, 1, undefined]);
    assert.equal(sent(world), parts);
    const [manifest = ''] = readdirSync(world.manifests);
    assert.equal(readFileSync(join(world.manifests, manifest), 'utf8').includes(readFileSync(resumeSecret, 'utf8').trim()), false);
    rmSync(resumeSecret);
    await comesBack(world);
  });

  it('starts again when its parts do not fit the memory any more', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { file: bulk(TWO_PASSES) });
    world.faults = ({ operation }) => (operation === 'UploadPart' ? FORBIDDEN : undefined);
    await world.push({ tuning: { ...TWO_THREADS, memoryBytes: 24 * 1024 * 1024, partBytes: 8 * 1024 * 1024 }, pool: warmThreads(2) });
    world.faults = () => undefined;
    const { result } = await world.push();
    assert.deepEqual([result.done, result.restarted], [1, 1], JSON.stringify(result.failures));
    await comesBack(world);
  });
});
