/**
 * How close is the whole to its targets? `node dist/bench/pipeline.js [--files 5000] [--large-files 2] [--large-size 256MiB]
 * [--runs 3] [--only small|latency|large|large-whole|large-default]`; the targets were set for 20,000 files of 4 KiB and 3 of 1 GiB.
 *
 * Pushes and pulls against the sink, each round beside its floor, on as many threads as pay: one line per row of the table of targets
 * that is about the pipeline. Rows on other programs are printed by peers.js, on KMS by kms.js, on scale by scale.js.
 */
import { createCipheriv, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Operation } from '../src/commands/bench/job.js';
import type { Round } from '../src/commands/bench/round.js';
import { nameOf, type Group } from '../src/commands/bench/work.js';
import { CIPHER_CHUNK_BYTES, GiB, KiB } from '../src/limits.js';
import { parseCount, parseSize } from '../src/values.js';
import { machine, median, timed } from './machine.js';
import { efficienciesOf, measured, measurePairs, type PairOptions } from './pair.js';

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '5000' }, 'large-files': { type: 'string', default: '2' }, 'large-size': { type: 'string', default: '256MiB' },
    runs: { type: 'string', default: '3' }, only: { type: 'string' },
  },
});
const runs = parseCount('--runs', options.runs, { min: 1, max: 99 });
const small: Group = { files: parseCount('--files', options.files, { min: 1, max: 1_000_000 }), bytes: 4 * KiB };
const large: Group = {
  files: parseCount('--large-files', options['large-files'], { min: 1, max: 1000 }), bytes: parseSize('--large-size', options['large-size'], { min: 0, max: 8 * GiB }),
};
const largeGiB = (large.files * large.bytes) / GiB;
/** GiB per CPU second of 64 KiB updates where the targets were set. */
const REFERENCE_SPEED = 2.24;
/** Of a run behind 20 ms, and of the one it is compared with. */
const CONCURRENCY = 128;
const SECTIONS: Readonly<Record<string, () => Promise<void>>> = {
  small: measureSmall, latency: measureLatency, 'large-whole': measureWholeFiles, 'large-default': measureDefaultBudget,
};

const factor = REFERENCE_SPEED / (await gcmSpeed());
console.log(`${machine()}\nseals ${(REFERENCE_SPEED / factor).toFixed(2)} GiB per CPU second where the targets were set at ${REFERENCE_SPEED}: absolute targets are multiplied by ${factor.toFixed(2)}`);
for (const [name, section] of Object.entries(SECTIONS)) {
  if (options.only === undefined || options.only === name || name.startsWith(`${options.only}-`)) {
    await section();
  }
}

async function measureSmall(): Promise<void> {
  const rounds = await rowsOf(`${nameOf(small)}, cold`, { group: small });
  row('push: CPU s per 1,000 files', cpuOf(rounds, 'push') / (small.files / 1000), { max: 0.3 * factor });
  efficiency(rounds, 'push');
  efficiency(rounds, 'pull');
  const unwrapping = (await unwrapSeconds()) * small.files;
  row('pull: CPU against push, RSA unwrap apart', median(rounds.map(({ sealift: { push, pull } }) => (measured(pull).cpuSeconds - unwrapping) / measured(push).cpuSeconds)), {});
  const warm = await rowsOf(`${nameOf(small)}, by threads that did the same before`, { group: small, isWarm: true });
  row('push: CPU s per 1,000 files', cpuOf(warm, 'push') / (small.files / 1000), {});
  efficiency(warm, 'push');
  efficiency(warm, 'pull');
}

async function measureLatency(): Promise<void> {
  const [none, some] = [await rowsOf(`${nameOf(small)}, no latency`, { group: small, concurrency: CONCURRENCY, withPull: false }), await rowsOf(`${nameOf(small)}, 20 ms`, { group: small, concurrency: CONCURRENCY, withPull: false, latencyMs: 20 })];
  row('push behind 20 ms: files/s against none', median(none.map(({ sealift }, index) => measured(sealift.push).seconds / measured(some[index]?.sealift.push).seconds)), { min: 0.9 });
}

/** Kept between the passes where memory is cheap to touch, and read twice elsewhere. */
async function measureWholeFiles(): Promise<void> {
  const rounds = await rowsOf(`${nameOf(large)}, room for whole files`, { group: large, memoryBytes: 4 * GiB });
  row('push with room for whole files: CPU s per GiB', cpuOf(rounds, 'push') / largeGiB, { max: 1.8 * factor });
  efficiency(rounds, 'push');
  efficiency(rounds, 'pull');
  row('pull: CPU against push', pullAgainstPush(rounds, 'sealift'), { max: 1.2 });
  row('the same of the floor', pullAgainstPush(rounds, 'floor'), {});
}

async function measureDefaultBudget(): Promise<void> {
  const rounds = await rowsOf(`${nameOf(large)}, default budget`, { group: large });
  row('push within the default budget: CPU s per GiB', cpuOf(rounds, 'push') / largeGiB, { max: 2.7 * factor });
  row('pull: CPU against push', pullAgainstPush(rounds, 'sealift'), { max: 1.2 });
}

function pullAgainstPush(rounds: readonly Round[], program: keyof Round): number {
  return median(rounds.map(({ [program]: { push, pull } }) => measured(pull).cpuSeconds / measured(push).cpuSeconds));
}

async function rowsOf(title: string, work: Omit<PairOptions, 'runs'>): Promise<readonly Round[]> {
  console.log(`\n${title}, as many threads as pay, median of ${runs}`);
  return await measurePairs({ ...work, runs });
}

function efficiency(rounds: readonly Round[], operation: Operation): void {
  row(`${operation}: efficiency against the floor`, median(efficienciesOf(rounds, operation)), { min: 0.65 });
}

function row(name: string, value: number, { min, max }: { readonly min?: number; readonly max?: number }): void {
  const wanted = [min === undefined ? '' : `at least ${min.toFixed(2)}`, max === undefined ? '' : `at most ${max.toFixed(2)}`].join('');
  const isMissed = value < (min ?? -Infinity) || value > (max ?? Infinity);
  console.log(`  ${name.padEnd(48)}${value.toFixed(2).padStart(8)}  ${wanted}${isMissed ? '  MISSED' : ''}`);
}

function cpuOf(rounds: readonly Round[], operation: Operation): number {
  return median(rounds.map(({ sealift }) => measured(sealift[operation]).cpuSeconds));
}

async function gcmSpeed(): Promise<number> {
  const [key, iv, data] = [randomBytes(32), randomBytes(12), randomBytes(CIPHER_CHUNK_BYTES)];
  return data.length / GiB / (await timed(() => createCipheriv('aes-256-gcm', key, iv).update(data))).cpuSeconds;
}

/** CPU time of opening one wrapped data key. */
async function unwrapSeconds(): Promise<number> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrapped = publicEncrypt(publicKey, randomBytes(32));
  return (await timed(() => privateDecrypt(privateKey, wrapped))).cpuSeconds;
}
