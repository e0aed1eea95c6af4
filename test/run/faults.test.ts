import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FaultPlan } from '../../src/local/cloud.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, type World } from '../support/world.js';

const FILES = 40;

function plantMany(world: World): void {
  plant(world.source, Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`small/${i}`, content(100 + i, i)])));
  plant(world.source, { 'large.bin': content(4_300_000) });
}

/** The fault hits every `every`-th request that `when` accepts, but nothing twice: a body whose checksum is wrong three times is given up. */
function often(every: number, fault: ReturnType<FaultPlan>, when: (operation: string) => boolean): FaultPlan {
  let seen = 0;
  const hit = new Set<string>();
  return ({ operation, key, partNumber = 0 }) => {
    if (!when(operation)) {
      return undefined;
    }
    seen += 1;
    const place = `${operation} ${key} ${partNumber}`;
    if (seen % every !== 0 || hit.has(place)) {
      return undefined;
    }
    hit.add(place);
    return fault;
  };
}

const isWrite = (operation: string): boolean => operation === 'PutObject' || operation === 'UploadPart' || operation === 'CompleteMultipartUpload';
const isRead = (operation: string): boolean => operation === 'GetObject' || operation === 'HeadObject';

describe('a push over a bad connection', () => {
  const faults: readonly (readonly [string, ReturnType<FaultPlan>])[] = [
    ['503 without more', { kind: 'answer', status: 503, code: 'ServiceUnavailable' }],
    ['500', { kind: 'answer', status: 500, code: 'InternalError' }],
    ['a gateway page that is no XML', { kind: 'answer', status: 502, body: '<html>bad gateway</html>' }],
    ['resets in the middle of a body', { kind: 'reset', afterBytes: 50 }],
    ['answers that get lost', { kind: 'lose-answer' }],
    ['wrong checksums', { kind: 'wrong-checksums', crc64: '1' }],
  ];
  it('survives it, and everything comes back', async (t) => {
    const world = await makeWorld(t);
    plantMany(world);
    for (const [index, [name, fault]] of faults.entries()) {
      await t.test(`with ${name}`, async () => {
        world.faults = often(9, fault, isWrite);
        const { result } = await world.push({ target: { ...world.target, prefix: `faults/${index}` } });
        assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
        assert.equal(result.done, FILES + 1);
        assert.deepEqual(await world.store.listUploads(''), []);
      });
    }
    world.faults = () => undefined;
    const { result } = await world.pull(world.path('back'), { target: { ...world.target, prefix: 'faults' } });
    assert.equal(result.done, faults.length * (FILES + 1), JSON.stringify(result));
    for (const [index, [name]] of faults.entries()) {
      assert.deepEqual(describeTree(world.path('back', `${index}`)), describeTree(world.source), name);
    }
  });

  it('resends exactly the bytes it sent before', async (t) => {
    const world = await makeWorld(t);
    plantMany(world);
    world.faults = often(5, { kind: 'answer', status: 503, code: 'ServiceUnavailable' }, isWrite);
    await world.push();
    const bodies = new Map<string, Set<string>>();
    for (const { key, partNumber = 0, bodySha256 } of world.requests.filter(({ operation }) => operation === 'PutObject' || operation === 'UploadPart')) {
      const place = `${key}#${partNumber}`;
      bodies.set(place, (bodies.get(place) ?? new Set()).add(bodySha256));
    }
    assert.ok([...bodies.values()].every((hashes) => hashes.size === 1));
    assert.ok(world.requests.length > bodies.size);
  });
});

describe('a server that holds another body than it was sent', () => {
  /** Says so of the first answer to `operation`, and of the object until it is sent again. */
  function broken(operation: string, again: string): FaultPlan {
    let told = 0;
    let isMended = false;
    return (request) => {
      told += request.operation === operation ? 1 : 0;
      isMended ||= request.operation === again && told > 1;
      const isAbout = (request.operation === operation && told === 1) || (request.operation === 'HeadObject' && told > 0 && !isMended);
      return isAbout ? { kind: 'wrong-checksums', crc64: '1' } : undefined;
    };
  }

  it('is sent a small file once more', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'whole' });
    world.faults = broken('PutObject', '');
    const { result } = await world.push();
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.deepEqual(only(world.requests, 'PutObject').map(({ status }) => status), [200, 409, 200]);
  });

  it('is sent a large file once more, under a fresh key', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'large.bin': content(4_300_000) });
    world.faults = broken('CompleteMultipartUpload', 'InitiateMultipartUpload');
    const { result } = await world.push();
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    const keys = only(world.requests, 'InitiateMultipartUpload').map(({ metadata }) => metadata['x-oss-meta-oss-crypto-key']);
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 2);
    world.faults = () => undefined;
    await world.pull(world.path('back'));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

describe('an object that was completed before the run could look at it', () => {
  const denied = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;

  for (const [name, head, uploads] of [['is done', undefined, 1], ['is sent again when its body is another', { kind: 'wrong-checksums', crc64: '1' }, 2]] as const) {
    it(`${name} in the next session`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { 'large.bin': content(4_300_000) });
      let isComplete = false;
      world.faults = ({ operation }) => {
        isComplete ||= operation === 'CompleteMultipartUpload';
        return isComplete ? (operation === 'CompleteMultipartUpload' ? { kind: 'lose-answer' } : denied) : undefined;
      };
      assert.notEqual((await world.push()).result.exitCode, 0);
      let isBegun = false;
      world.faults = ({ operation }) => {
        isBegun ||= operation === 'InitiateMultipartUpload';
        return operation === 'HeadObject' && !isBegun ? head : undefined;
      };
      const { result } = await world.push();
      assert.deepEqual([result.exitCode, result.done], [0, 1], JSON.stringify(result.failures));
      assert.equal(only(world.requests, 'InitiateMultipartUpload').length, uploads);
    });
  }
});

describe('a server that refuses everything', () => {
  it('ends the run after twenty refusals in a row, with exit code 9 and the rest left for later', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 'x'])));
    world.faults = ({ operation }) => operation === 'PutObject' ? { kind: 'answer', status: 400, code: 'OutOfOrder' } : undefined;
    const { result } = await world.push();
    assert.equal(result.exitCode, 9);
    assert.ok(result.failed >= 20 && result.failed < 100, `${result.failed} failed`);
    world.faults = () => undefined;
    const again = await world.push();
    assert.deepEqual([again.result.done, again.result.exitCode], [300, 0]);
  });

  it('now and then does not', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`f${i}`, 'x'])));
    world.faults = often(3, { kind: 'answer', status: 400, code: 'OutOfOrder' }, (operation) => operation === 'PutObject');
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [80, 40, 9]);
  });
});

describe('a pull over a bad connection', () => {
  const faults: readonly (readonly [string, ReturnType<FaultPlan>])[] = [
    ['503', { kind: 'answer', status: 503, code: 'ServiceUnavailable' }],
    ['bodies that break off', { kind: 'truncate', afterBytes: 60 }],
    ['answers that get lost', { kind: 'lose-answer' }],
  ];
  it('survives it', async (t) => {
    const world = await makeWorld(t);
    plantMany(world);
    await world.push();
    for (const [index, [name, fault]] of faults.entries()) {
      await t.test(`with ${name}`, async () => {
        world.faults = often(7, fault, isRead);
        const { result } = await world.pull(world.path('back', `${index}`));
        assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
        assert.deepEqual(describeTree(world.path('back', `${index}`)), describeTree(world.source));
      });
    }
  });

  it('starts an object again that is replaced while it is read', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'a.txt': 'first' });
    await world.push();
    writeFileSync(join(world.source, 'a.txt'), 'second, and longer');
    const elsewhere = { manifestDirectories: [world.path('other')], ifExists: 'overwrite', newRun: true } as const;
    let pushed: Promise<unknown> | undefined;
    world.faults = ({ operation, accessKeyId }) => {
      if (operation === 'GetObject' && pushed === undefined && accessKeyId !== '') {
        pushed = world.push(elsewhere);
        return { kind: 'answer', status: 412, code: 'PreconditionFailed' };
      }
      return undefined;
    };
    const { result } = await world.pull(world.path('back'));
    await pushed;
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.match(readFileSync(world.path('back', 'a.txt'), 'utf8'), /^(?:first|second, and longer)$/);
  });
});

describe('a file that changes while it is pushed', () => {
  it('is sealed afresh with another key for each state, and given up after three', async (t) => {
    const world = await makeWorld(t);
    const file = join(world.source, 'growing.bin');
    plant(world.source, { 'growing.bin': content(6_500_000), 'quiet.txt': 'quiet' });
    world.faults = ({ operation }) => {
      if (operation === 'InitiateMultipartUpload') {
        appendFileSync(file, 'more');
      }
      return undefined;
    };
    const { result } = await world.push();
    assert.deepEqual([result.done, result.failed, result.exitCode], [1, 1, 3]);
    assert.equal(result.failures[0]?.code, 'unstable');
    const keys = only(world.requests, 'InitiateMultipartUpload').map(({ metadata }) => metadata['x-oss-meta-oss-crypto-key']);
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 3, 'a fresh data key for each attempt');
    assert.equal(only(world.requests, 'UploadPart').length, 0, 'no byte of a state that pass 1 did not see');
    assert.deepEqual(await world.store.listUploads(''), []);
  });

  it('once is sent in its last state', async (t) => {
    const world = await makeWorld(t);
    const file = join(world.source, 'growing.bin');
    plant(world.source, { 'growing.bin': content(6_500_000) });
    let changed = false;
    world.faults = ({ operation }) => {
      if (operation === 'InitiateMultipartUpload' && !changed) {
        changed = true;
        appendFileSync(file, 'more');
      }
      return undefined;
    };
    const { result } = await world.push();
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    world.faults = () => undefined;
    await world.pull(world.path('back'));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

describe('bounds', () => {
  it('on numbers are checked before anything happens', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { a: 'a' });
    for (const tuning of [{ threads: 0 }, { concurrency: -1 }, { partBytes: 1000 }, { memoryBytes: 1 }, { threads: Number.NaN }, { partBytes: 8 * 1024 * 1024, memoryBytes: 8 * 1024 * 1024 }]) {
      await assert.rejects(world.push({ tuning }), { code: 'usage', exitCode: 2 }, JSON.stringify(tuning));
    }
    assert.equal(world.requests.length, 0);
  });
});
