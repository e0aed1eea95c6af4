/**
 * One large file through hundreds of kills: `npm run soak -- [--size 3GiB] [--kills 300] [--part-size 1MiB]`. Needs room for
 * three times the file below the temporary directory.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GiB, MiB } from '../../src/limits.js';
import { parseCount, parseSize } from '../../src/values.js';
import { assertEqualFiles, pushThroughKills } from '../support/kill-rounds.js';
import { makeWorld } from '../support/world.js';

const asked = new Map(process.argv.slice(2).flatMap((word, index, words) => (word.startsWith('--') ? [[word, words[index + 1]] as const] : [])));
const sizeBytes = parseSize('--size', asked.get('--size') ?? '3GiB', { min: MiB, max: 64 * GiB - 32 });
const kills = parseCount('--kills', asked.get('--kills') ?? '300', { min: 0, max: 100_000 });
const partBytes = parseSize('--part-size', asked.get('--part-size') ?? '1MiB', { min: 128 * 1024, max: GiB });
const tuning = { threads: 2, concurrency: 4, memoryBytes: Math.max(32 * MiB, 8 * partBytes), partBytes } as const;

it(`${sizeBytes} bytes, ${kills} kills`, async (t) => {
  const world = await makeWorld(t);
  const survived = await pushThroughKills(world, { sizeBytes, kills, ...tuning });
  const bound = survived.kills * survived.inFlightBytes;
  t.diagnostic(`${survived.kills} kills, ${survived.resentBytes} bytes sent again, at most ${bound} may be`);
  assert.ok(survived.resentBytes <= bound);
  world.faults = () => undefined;
  const { result } = await world.pull(world.path('back'), { tuning });
  assert.equal(result.exitCode, 0, JSON.stringify(result.failures));
  assertEqualFiles(world.path('back', 'file'), `${world.source}/file`);
});
