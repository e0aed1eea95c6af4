/**
 * How much CPU time do others take for the same files? `node dist/bench/peers.js [--files 5000] [--size 4KiB]
 * [--large-files 2] [--large-size 256MiB] [--runs 3] [--only small|large] [--with rclone,age] [--ours 4GiB]`
 *
 * Runs whatever is installed of rclone, restic, age and openssl in turn with Sealift, whole processes, on the same data.
 * Those that upload send to the same sink, whose CPU time counts for nobody. Prints ratios of each run, their median: of
 * whole processes, and of what is left of them without their start, which is what they take for a set of one byte. In
 * pieces: `--with plain` takes of rclone the variant of the table alone, `--ours 4GiB` or `64MiB` the budget that holds
 * whole files or the one that holds parts. Whole files are kept between the passes only where memory is cheap to touch.
 */
import { accessSync, closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSink } from '../src/commands/bench/target.js';
import { makeWork, nameOf, type Group, type Work } from '../src/commands/bench/work.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { GiB, MiB } from '../src/limits.js';
import { parseCount, parseSize } from '../src/values.js';
import { machine, median, mustHold, printRow } from './machine.js';
import { age, openssl, rclone, restic, sealift, type Peer, type Trial } from './peer-programs.js';

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '5000' }, size: { type: 'string', default: '4KiB' },
    'large-files': { type: 'string', default: '2' }, 'large-size': { type: 'string', default: '256MiB' },
    runs: { type: 'string', default: '3' }, only: { type: 'string' }, with: { type: 'string', default: 'rclone,restic,age,openssl' },
    ours: { type: 'string' },
  },
});
const COUNTS = { min: 1, max: 1_000_000 };
const SIZES = { min: 0, max: 8 * GiB };
const runs = parseCount('--runs', options.runs, { min: 1, max: 99 });
/** Files that a program is tried with which takes a process for each. */
const PER_FILE = 200;
const IN_MEMORY = '/dev/shm';
/** Files are read into it, and nobody looks at what they hold. */
const unused = Buffer.allocUnsafe(MiB);

/** Neither whether the bucket is there, nor what is there already, nor what arrived. */
const NO_LOOKUPS = ['--s3-no-check-bucket', '--no-check-dest', '--s3-no-head'];
const OTHERS = [
  rclone('rclone crypt → s3', []),
  rclone('rclone crypt → s3, no look-ups', NO_LOOKUPS),
  rclone('rclone crypt → s3, no checksums either', [...NO_LOOKUPS, '--s3-disable-checksum', '--ignore-checksum']),
  restic(), age(), openssl(),
].filter(({ name }, index) => options.with.split(',').some((wanted) => name.startsWith(wanted) || (wanted === 'plain' && index === 0)));
const SETS: Readonly<Record<string, { readonly group: Group; readonly ours: readonly Peer[]; readonly targets: readonly string[] }>> = {
  small: {
    group: { files: parseCount('--files', options.files, COUNTS), bytes: parseSize('--size', options.size, SIZES) },
    ours: [sealift('sealift', [])],
    targets: ['rclone at least 2.4 times'],
  },
  large: {
    group: { files: parseCount('--large-files', options['large-files'], COUNTS), bytes: parseSize('--large-size', options['large-size'], SIZES) },
    ours: ['4GiB', '64MiB'].map((memory) => sealift(`sealift --memory ${memory}`, ['--memory', memory])).filter(({ name }) => name.includes(options.ours ?? '')),
    targets: ['rclone at least 4.4 times room for whole files', 'and 2.9 times room for parts'],
  },
};

const work = mkdtempSync(join(tmpdir(), 'sealift-peers-'));
const memory = mkdtempSync(join(isWritable(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'sealift-peers-'));
const sink = await openSink(0);
const one = makeSet('one', { files: 1, bytes: 1 });
try {
  console.log(machine());
  for (const { name, version } of OTHERS) {
    console.log(`  ${name}: ${version ?? 'not installed'}`);
  }
  await createRsaKey(join(work, 'key.pem'), { bits: 2048 });
  for (const [name, { group, ours, targets }] of Object.entries(SETS)) {
    if (options.only === undefined || options.only === name) {
      await compare(makeSet(name, group), [...ours, ...OTHERS.filter(({ version }) => version !== undefined)], ours.length);
      console.log(`wanted: ${targets.join(', ')}`);
    }
  }
} finally {
  await sink.close();
  rmSync(work, { recursive: true, force: true });
  rmSync(memory, { recursive: true, force: true });
}

/** Of one program in one run, in CPU seconds. */
interface Sample {
  readonly whole: number;
  readonly start: number;
}

async function compare(set: Work, peers: readonly Peer[], ours: number): Promise<void> {
  const rounds: Sample[][] = [];
  for (let run = 0; run < runs; run += 1) {
    const samples: Sample[] = [];
    for (const peer of peers) {
      samples.push({ start: peer.isPerFile === true ? 0 : await trial(one, peer, run), whole: await trial(set, peer, run) });
    }
    rounds.push(samples);
  }
  console.log(`\n${set.name}, CPU seconds, median of ${runs}; "× ours": of whole processes, and without their start`);
  const columns = peers.slice(0, ours).map((_, index) => (ours === 1 ? 'ours' : `ours ${index + 1}`));
  printRow('', ['start', 's/1,000', 's/GiB', ...columns.flatMap((name) => [`× ${name}`, 'no start'])]);
  peers.forEach(({ name }, index) => {
    const figure = (of: (sample: Sample, samples: readonly Sample[]) => number): number => median(rounds.map((samples) => of(at(samples, index), samples)));
    const ratios = columns.flatMap((_, other) => [
      figure(({ whole }, samples) => whole / at(samples, other).whole),
      figure(({ whole, start }, samples) => (whole - start) / (at(samples, other).whole - at(samples, other).start)),
    ]);
    printRow(name, [figure(({ start }) => start), figure(({ whole }) => whole) / (set.files.length / 1000), figure(({ whole }) => whole) / (set.bytes / GiB), ...ratios]);
  });
}

function at(samples: readonly Sample[], index: number): Sample {
  return samples[index] ?? { whole: NaN, start: NaN };
}

/** Sealed, and one file opened again: CPU seconds of sealing the whole set, if need be by extrapolation. */
async function trial(set: Work, peer: Peer, run: number): Promise<number> {
  const directory = mkdtempSync(join(memory, 'trial-'));
  const prefix = `${sink.target.prefix}/${peer.name.replaceAll(/[^a-z0-9]+/g, '-')}-${run}`;
  const every = peer.isPerFile === true ? Math.ceil(set.files.length / PER_FILE) : 1;
  const files = set.files.filter((_, index) => index % every === 0);
  const setting: Trial = { work: set, paths: files.map(({ path }) => join(set.directory, path)), directory, prefix, sink, keyFile: join(work, 'key.pem') };
  setting.paths.forEach(readThrough);
  const { cpuSeconds } = await peer.seal(setting);
  const last = files.at(-1)?.path ?? '';
  mustHold((await peer.open(setting, last)).equals(readFileSync(join(set.directory, last))), `${peer.name} opens ${last} to other bytes`);
  await sink.forget(prefix);
  rmSync(directory, { recursive: true, force: true });
  return cpuSeconds * (set.files.length / files.length);
}

/** A system may give the cache of files away at any time, and the next to read them would pay for that. */
function readThrough(path: string): void {
  const fd = openSync(path, 'r');
  let bytes: number;
  do {
    bytes = readSync(fd, unused);
  } while (bytes > 0);
  closeSync(fd);
}

function makeSet(name: string, group: Group): Work {
  mkdirSync(join(work, name));
  return makeWork(nameOf(group), [group], join(work, name));
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
