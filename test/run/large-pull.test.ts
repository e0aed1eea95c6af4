import assert from 'node:assert/strict';
import { chmodSync, readFileSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, only, SMALL, TWO_THREADS, type World } from '../support/world.js';

const SIZE = 4_300_001;
const RANGES = Math.ceil(SIZE / SMALL.partBytes);
/** So early that what is in flight meanwhile cannot be all the rest. */
const STOP_AT = 8;

function bulk(seed = 1): Buffer {
  return Buffer.alloc(SIZE, content(65_521, seed));
}

async function pushed(world: World, manifests = world.manifests): Promise<void> {
  plant(world.source, { file: bulk() });
  const { result } = await world.push({ manifestDirectories: [manifests] });
  assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
}

/** A pull that is stopped after some ranges, as far as its requests tell. */
async function interruptedPull(world: World, directory = world.path('back')): Promise<void> {
  const stop = new AbortController();
  let ranges = 0;
  world.faults = ({ operation }) => {
    ranges += operation === 'GetObject' ? 1 : 0;
    if (ranges === STOP_AT) {
      stop.abort();
    }
    return undefined;
  };
  const { result } = await world.pull(directory, { signal: stop.signal });
  assert.equal(result.exitCode, 130);
  world.faults = () => undefined;
}

/** The one leftover of an interrupted pull; nothing has the final name. */
function leftover(directory: string): string {
  const names = readdirSync(directory);
  assert.equal(names.length, 1);
  assert.match(names[0] ?? '', /^\.sealift-/);
  return join(directory, names[0] ?? '');
}

function fetched(world: World): number {
  return only(world.requests, 'GetObject').length;
}

describe('an interrupted pull of a large object', () => {
  it('fetches only what is missing, and leaves nothing but the file', async (t) => {
    const world = await makeWorld(t, TWO_THREADS);
    await pushed(world);
    await interruptedPull(world);
    leftover(world.path('back'));
    assert.ok(fetched(world) >= STOP_AT && fetched(world) < RANGES, `${fetched(world)} ranges`);
    const { result } = await world.pull(world.path('back'));
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.equal(fetched(world), RANGES, 'no range twice');
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });

  it('trusts nothing of what it left: changed or cut, it is fetched anew', async (t) => {
    const spoil: readonly ((file: string) => void)[] = [
      (file) => {
        const bytes = readFileSync(file);
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      },
      (file) => truncateSync(file, 1000),
    ];
    const world = await makeWorld(t);
    await pushed(world);
    for (const [index, change] of spoil.entries()) {
      const back = world.path('back', `${index}`);
      await interruptedPull(world, back);
      change(leftover(back));
      const { result } = await world.pull(back);
      assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
      assert.deepEqual(describeTree(back), describeTree(world.source));
    }
  });

  it('begins anew when the object was replaced meanwhile', async (t) => {
    const world = await makeWorld(t);
    await pushed(world);
    await interruptedPull(world);
    plant(world.source, { file: bulk(5) });
    await world.push();
    const { result } = await world.pull(world.path('back'));
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

/** Somebody's own file under the name of the object: refused, as it was, and what arrived stays beside it. */
async function refusedFor(world: World, own: string, checksum = false): Promise<void> {
  const { result } = await world.pull(world.path('back'), { checksum });
  assert.deepEqual([result.exitCode, result.done, result.failures.map(({ code }) => code)], [3, 0, ['exists']]);
  assert.equal(readFileSync(world.path('back', 'file'), 'utf8'), own);
  assert.equal(readdirSync(world.path('back')).length, 2);
}

/** What a kill between the name and the record of it leaves: the file, and a manifest that ends before. */
function forgetDone(world: World): void {
  const manifest = readdirSync(world.manifests).map((name) => join(world.manifests, name)).find((file) => readFileSync(file, 'utf8').includes('"kind":"pull"')) ?? '';
  const lines = readFileSync(manifest, 'utf8').split(/(?<=\n)/);
  writeFileSync(manifest, lines.slice(0, lines.findIndex((line) => line.includes('"type":"done"'))).join(''));
}

describe('a resumed pull of a large object', () => {
  it('leaves a file of somebody else alone that took the name meanwhile, until told otherwise', async (t) => {
    const world = await makeWorld(t);
    await pushed(world);
    await interruptedPull(world);
    writeFileSync(world.path('back', 'file'), 'my own');
    await refusedFor(world, 'my own');
    const before = fetched(world);
    const { result } = await world.pull(world.path('back'), { overwrite: true });
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
    assert.ok(fetched(world) - before < RANGES, 'what had arrived is not fetched again');
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });

  it('leaves one alone that appears while the last ranges are fetched', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { file: bulk() });
    utimesSync(join(world.source, 'file'), 1_000_000_000, 1_000_000_000);
    await world.push();
    await interruptedPull(world);
    writeFileSync(world.path('back', 'file'), Buffer.alloc(SIZE));
    utimesSync(world.path('back', 'file'), 1_000_000_000, 1_000_000_000);
    const before = fetched(world);
    world.faults = ({ operation }) => {
      if (operation === 'GetObject') {
        writeFileSync(world.path('back', 'file'), 'my own');
      }
      return undefined;
    };
    await refusedFor(world, 'my own', true);
    assert.ok(fetched(world) > before, 'it looked like ours at first');
  });

  it('replaces what it wrote itself when it was killed before it could record that', async (t) => {
    const world = await makeWorld(t);
    await pushed(world, world.path('pushes'));
    await world.pull(world.path('back'));
    forgetDone(world);
    const { result } = await world.pull(world.path('back'));
    assert.deepEqual([result.exitCode, result.done], [0, 1], JSON.stringify(result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

describe('an empty file under the name of an object', () => {
  for (const [size, bytes] of [['large', bulk()], ['small', content(100)]] as const) {
    it(`that a killed pull of a ${size} one reserved it with is replaced, but not one that others may read`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { file: bytes });
      await world.push();
      await world.pull(world.path('back'));
      const file = world.path('back', 'file');
      for (const [mode, code] of [[0o600, 0], [0o644, 3]] as const) {
        forgetDone(world);
        rmSync(file);
        writeFileSync(file, '');
        chmodSync(file, mode);
        const { result } = await world.pull(world.path('back'));
        assert.equal(result.exitCode, code, JSON.stringify(result.failures));
        assert.equal(readFileSync(file).length, code === 0 ? bytes.length : 0);
      }
    });
  }
});

describe('a large object that was changed', () => {
  for (const envelope of ['oss-crypto', 'client-side-encryption'] as const) {
    it(`under ${envelope} is refused by pull and verify alike, and no file appears`, async (t) => {
      const world = await makeWorld(t);
      plant(world.source, { file: bulk() });
      await world.push({ envelope });
      const head = await world.store.head('backup/file');
      const body = await buffer((await world.store.get('backup/file')).body);
      const part = SMALL.partBytes;
      const variants: Readonly<Record<string, Buffer>> = {
        'a tampered part': Buffer.concat([body.subarray(0, 3 * part), Buffer.alloc(1, (body[3 * part] ?? 0) ^ 1), body.subarray(3 * part + 1)]),
        'two parts in each other\'s place': Buffer.concat([body.subarray(part, 2 * part), body.subarray(0, part), body.subarray(2 * part)]),
        'a last part cut short': body.subarray(0, SIZE - 1),
        'a missing last part': body.subarray(0, SIZE - (SIZE % part)),
        'intact': body,
      };
      // Stored under other names and read as renamed, so that nothing but the body can be what is refused.
      for (const [name, variant] of Object.entries(variants)) {
        await world.store.put(`variants/${name}`, variant, { metadata: head.metadata, crc64: Crc64.create().digestOf(variant) });
      }
      const renamed = { target: { ...world.target, prefix: 'variants' }, allowRenamed: true };
      const refused = Object.keys(variants).filter((name) => name !== 'intact').sort();
      for (const { result } of [await world.pull(world.path('back'), renamed), await world.verify(renamed)]) {
        assert.deepEqual([result.done, result.exitCode], [1, 4]);
        assert.deepEqual(result.failures.map(({ path }) => path).sort(), refused);
      }
      assert.deepEqual(readdirSync(world.path('back')), ['intact'], 'neither a changed file nor a temporary one');
      assert.ok(readFileSync(world.path('back', 'intact')).equals(bulk()));
    });
  }
});
