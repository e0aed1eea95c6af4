import assert from 'node:assert/strict';
import { readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { RunResult } from '../../src/run/options.js';
import { fetchStored, store, strip } from '../support/stored.js';
import { content, plant } from '../support/trees.js';
import { makeWorld, only, TWO_THREADS, type World } from '../support/world.js';

const LARGE = 4_300_000;
const SIZES = [0, 1, 15, 16, 17, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 131_073, 2_000_000, LARGE];

function failuresOf({ failures }: RunResult): string[] {
  return failures.map(({ path, code }) => `${path}: ${code}`).sort();
}

async function pushed(t: TestContext): Promise<World> {
  const world = await makeWorld(t, TWO_THREADS);
  plant(world.source, Object.fromEntries(SIZES.map((size) => [`${size}.bin`, content(size, size)])));
  await world.push();
  world.requests.length = 0;
  return world;
}

/** Leaves the headers of an object, and flips a bit of its body. */
async function damage(world: World, key: string): Promise<void> {
  const { body, metadata } = await fetchStored(world, key);
  body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
  await store(world, key, body, metadata);
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

describe('verify by headers only', () => {
  it('reads no body, and finds that local files are what was sealed', async (t) => {
    const world = await pushed(t);
    const report = world.path('report.json');
    const { result, events } = await world.verify({ against: world.source, headersOnly: true, report });
    assert.deepEqual([result.exitCode, result.done], [0, SIZES.length], JSON.stringify(result.failures));
    assert.equal(only(world.requests, 'GetObject').length, 0);
    assert.equal(only(world.requests, 'HeadObject').filter(({ key }) => key !== 'backup').length, SIZES.length);
    assert.ok(events.some((event) => event.event === 'notice' && event.message.startsWith('no body is read')));
    const { files } = JSON.parse(readFileSync(report, 'utf8')) as { files: { proofs: string[] }[] };
    assert.ok(files.every(({ proofs }) => proofs.join() === 'authentic-headers,equal-to-local'), JSON.stringify(files));
  });

  it('finds a changed, a shortened, a missing and an unsent file', async (t) => {
    const world = await pushed(t);
    for (const name of ['1.bin', '65536.bin', `${LARGE}.bin`]) {
      flip(join(world.source, name));
    }
    truncateSync(join(world.source, '131073.bin'), 131_072);
    rmSync(join(world.source, '4096.bin'));
    writeFileSync(join(world.source, 'unsent'), 'unsent');
    const { result } = await world.verify({ against: world.source, headersOnly: true });
    assert.deepEqual(failuresOf(result), ['1.bin: differs', '131073.bin: differs', '4096.bin: differs', `${LARGE}.bin: differs`, '65536.bin: differs', 'unsent: missing']);
    assert.deepEqual([result.exitCode, result.scanned], [4, SIZES.length + 1]);
  });

  it('follows a link to what was sealed, as a push that follows does', async (t) => {
    const world = await pushed(t);
    for (const size of [4096, LARGE]) {
      const file = join(world.source, `${size}.bin`);
      plant(world.path('elsewhere'), { [`${size}`]: readFileSync(file) });
      rmSync(file);
      symlinkSync(world.path('elsewhere', `${size}`), file);
    }
    const { result } = await world.verify({ against: world.source, headersOnly: true });
    assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  });

  it('finds another body under right headers by the checksum of the server, without a file by that of the manifest', async (t) => {
    const world = await pushed(t);
    const { result: { manifest = '' } } = await world.push();
    for (const name of ['4096.bin', `${LARGE}.bin`]) {
      await damage(world, `backup/${name}`);
    }
    await world.store.delete('backup/17.bin');
    const wrong = ['4096.bin: authentication-failed', `${LARGE}.bin: authentication-failed`];
    assert.deepEqual(failuresOf((await world.verify({ against: world.source, headersOnly: true })).result), ['17.bin: missing', ...wrong].sort());
    assert.deepEqual(failuresOf((await world.verify({ manifest, headersOnly: true })).result), ['17.bin: missing', ...wrong].sort());
    assert.deepEqual(failuresOf((await world.verify()).result), wrong.sort(), 'as reading all bodies does');
    assert.equal((await world.verify({ headersOnly: true })).result.exitCode, 0, 'nothing to compare the bodies with');

    const again = { newRun: true, ifExists: 'overwrite', include: ['4096.bin', `${LARGE}.bin`] } as const;
    assert.equal((await world.push(again)).result.done, 2);
    assert.equal((await world.verify({ against: world.source, exclude: ['17.bin'], headersOnly: true })).result.exitCode, 0);
  });

  it('refuses an object whose headers were changed, and one that has none', async (t) => {
    const world = await pushed(t);
    const { body, metadata } = await fetchStored(world, 'backup/16.bin');
    await store(world, 'backup/16.bin', body, { ...metadata, 'x-oss-meta-sealift-mac': '0'.repeat(32) });
    await world.putPlain('backup/17.bin', 'plain');
    await strip(world, 'backup/4096.bin');
    const { result } = await world.verify({ headersOnly: true, allowUnauthenticated: true });
    assert.deepEqual(failuresOf(result), ['16.bin: authentication-failed', '17.bin: not-sealed', '4096.bin: unauthenticated']);
    assert.match(result.failures.find(({ path }) => path === '4096.bin')?.remedy ?? '', /without --headers-only/);
  });

  it('tells any file from what was sealed by any one byte', async (t) => {
    const world = await pushed(t);
    await fc.assert(fc.asyncProperty(fc.constantFrom(...SIZES.slice(1)), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 1, max: 255 }), async (size, at, mask) => {
      const file = join(world.source, `${size}.bin`);
      const before = readFileSync(file);
      const after = Buffer.from(before);
      const index = Math.floor(at * size);
      after[index] = (after[index] ?? 0) ^ mask;
      writeFileSync(file, after);
      const { result } = await world.verify({ against: world.source, headersOnly: true, include: [`${size}.bin`] });
      writeFileSync(file, before);
      assert.deepEqual(failuresOf(result), [`${size}.bin: differs`]);
    }), { numRuns: 20 });
  });
});
