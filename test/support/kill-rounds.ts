/** One large file, pushed by processes that are killed again and again: what the soak and the tests have in common. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import type { RequestRecord } from '../../src/local/cloud.js';
import { MiB } from '../../src/limits.js';
import type { Tuning } from '../../src/run/options.js';
import { reach, startCli, type Finished } from './cli.js';
import { only, type World } from './world.js';

export interface Killing extends Required<Omit<Tuning, 'firstTouch' | 'bandwidthBytesPerSecond'>> {
  readonly sizeBytes: number;
  readonly kills: number;
}

export interface Survived {
  /** Kills that hit a push at work. */
  readonly kills: number;
  /** Bytes of parts that arrived, whole or in part, beyond those of the file. */
  readonly resentBytes: number;
  /** What may have been on its way at each kill. */
  readonly inFlightBytes: number;
}

/** Pushes until the file is there; kills at random points that are spread over the parts still missing. */
export async function pushThroughKills(world: World, killing: Killing): Promise<Survived> {
  plantBulk(`${world.source}/file`, killing.sizeBytes);
  mkdirSync(world.path('work/manifests'), { recursive: true });
  const confirmed = new Set<string>();
  let kills = 0;
  for (let left = killing.kills; left > 0; left -= 1) {
    const before = world.requests.length;
    // The log of the server alone would count too many: of a part that arrived as its sender died it says `aborted`.
    const missing = Math.ceil(killing.sizeBytes / killing.partBytes) - (await partsHeld(world)) - killing.threads * killing.concurrency;
    const step = Math.max(1, Math.floor(missing / (left + 1)));
    const { signal, stderr, code } = await pushOnce(world, killing, 1 + Math.floor(Math.random() * 2 * step));
    assert.equal(signal, 'SIGKILL', `the push ended by itself with ${String(code)}: ${stderr}`);
    kills += 1;
    assertNotSentAgain(confirmed, world.requests.slice(before));
    confirmedIn(world.requests.slice(before)).forEach((part) => confirmed.add(part));
  }
  const before = world.requests.length;
  const last = await pushOnce(world, killing, Infinity);
  assert.equal(last.code, 0, last.stderr);
  assertNotSentAgain(confirmed, world.requests.slice(before));
  assert.deepEqual(await world.store.listUploads(''), [], 'no upload is left over');
  const arrived = only(world.requests, 'UploadPart').reduce((sum, { bytes }) => sum + bytes, 0);
  return { kills, resentBytes: arrived - killing.sizeBytes, inFlightBytes: killing.threads * killing.concurrency * killing.partBytes };
}

/** Throws with the place of the first difference. */
export function assertEqualFiles(one: string, other: string): void {
  execFileSync('cmp', [one, other]);
}

/** Runs a push in a process of its own and kills it when its n-th part begins to arrive. */
async function pushOnce(world: World, killing: Killing, killAt: number): Promise<Finished> {
  const { env, options } = reach(world, killing);
  const args = ['push', world.source, 'oss://sealift/backup', ...options, '--quiet'];
  const { child, finished } = startCli(args, { cwd: world.path('work'), env });
  let parts = 0;
  world.faults = ({ operation }) => {
    parts += operation === 'UploadPart' ? 1 : 0;
    if (operation === 'UploadPart' && parts === killAt) {
      child.kill('SIGKILL');
    }
    return undefined;
  };
  return await finished;
}

async function partsHeld({ store }: World): Promise<number> {
  const uploads = await store.listUploads('');
  const parts = await Promise.all(uploads.map(async ({ key, uploadId }) => await store.listParts(key, uploadId)));
  return parts.flat().length;
}

function confirmedIn(requests: readonly RequestRecord[]): string[] {
  return only(requests, 'UploadPart').filter(({ status, aborted }) => status === 200 && !aborted).map(nameOf);
}

function assertNotSentAgain(confirmed: ReadonlySet<string>, requests: readonly RequestRecord[]): void {
  assert.deepEqual(only(requests, 'UploadPart').map(nameOf).filter((part) => confirmed.has(part)), [], 'sent again although the server had it');
}

function nameOf({ uploadId = '', partNumber = 0 }: RequestRecord): string {
  return `${uploadId}/${partNumber}`;
}

/** Every MiB differs from every other. */
function plantBulk(file: string, sizeBytes: number): void {
  const block = randomFillSync(Buffer.allocUnsafe(MiB));
  const fd = openSync(file, 'w');
  for (let written = 0; written < sizeBytes; ) {
    block.writeBigUInt64LE(BigInt(written), 0);
    written += writeSync(fd, block, 0, Math.min(block.length, sizeBytes - written));
  }
  closeSync(fd);
}
