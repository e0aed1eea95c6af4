import assert from 'node:assert/strict';
import { constants, privateDecrypt } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { RequestRecord } from '../../src/local/cloud.js';
import { reach, startCli, type Finished } from '../support/cli.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, TWO_THREADS, type World } from '../support/world.js';

const KILLS = 20;
const PART_BYTES = 128 * 1024;

describe('a push that is killed', () => {
  it(`with SIGKILL at ${KILLS} points comes back byte-identical, sends nothing confirmed twice, and reuses no key`, async (t) => {
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: 240 }, (_, i) => [`small/${i}`, content(200 + i, i)])));
    plant(world.source, { 'large/one': content(3_000_000, 1), 'large/two': content(7_000_001, 2), 'zero': '' });
    mkdirSync(world.path('work/manifests'), { recursive: true });

    let killed = 0;
    for (let point = 0; point < KILLS; point += 1) {
      const confirmed = confirmedSoFar(world);
      const before = world.requests.length;
      const { signal } = await pushOnce(world, 1 + ((point * 7) % 13));
      killed += signal === 'SIGKILL' ? 1 : 0;
      assertNotSentAgain(confirmed, world.requests.slice(before));
    }
    assert.equal(killed, KILLS, 'every kill must hit a running push');

    const confirmed = confirmedSoFar(world);
    const before = world.requests.length;
    const last = await pushOnce(world, Infinity);
    assert.equal(last.code, 0, last.stderr);
    assertNotSentAgain(confirmed, world.requests.slice(before));
    assertNoKeyReuse(world);
    assert.deepEqual(await world.store.listUploads(''), [], 'no upload is left over');

    const pulled = await world.pull(world.path('back'));
    assert.equal(pulled.result.exitCode, 0, JSON.stringify(pulled.result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

/** Runs a push in a process of its own and kills it when its request number `killAt` arrives. */
async function pushOnce(world: World, killAt: number): Promise<Finished> {
  const { env, options } = reach(world, TWO_THREADS);
  const { child, finished } = startCli(['push', world.source, 'oss://sealift/backup', ...options, '--quiet'], { cwd: world.path('work'), env });
  let seen = 0;
  world.faults = () => {
    seen += 1;
    if (seen === killAt) {
      child.kill('SIGKILL');
    }
    return undefined;
  };
  return await finished;
}

interface Line {
  readonly type: string;
  readonly id: number;
  readonly first: number;
  readonly paths: readonly string[];
  readonly number: number;
  readonly uploadId: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The whole lines of the manifest on disk, read without any code of ours. */
function recorded(world: World): Line[] {
  const files = readdirSync(world.path('work/manifests')).filter((file) => file.endsWith('.jsonl'));
  return files.flatMap((name) => readFileSync(world.path('work/manifests', name), 'utf8').split('\n').filter((text) => text.endsWith('}')).map((text) => JSON.parse(text) as Line));
}

/** Every upload's data key: its id is recorded before the first part leaves. */
function dataKeysOfUploads(world: World): Map<string, string> {
  const sealed = new Map<number, string>();
  const found = new Map<string, string>();
  for (const record of recorded(world)) {
    if (record.type === 'sealed') {
      sealed.set(record.id, unwrap(world, record.metadata));
    } else if (record.type === 'upload') {
      found.set(record.uploadId, sealed.get(record.id) ?? '');
    }
  }
  return found;
}

interface Confirmed {
  readonly keys: ReadonlySet<string>;
  /** uploadId/part number. */
  readonly parts: ReadonlySet<string>;
}

/** What the manifest on disk records as done. */
function confirmedSoFar(world: World): Confirmed {
  const keys = new Set<string>();
  const parts = new Set<string>();
  const paths: string[] = [];
  const uploads = new Map<number, string>();
  for (const record of recorded(world)) {
    if (record.type === 'started') {
      record.paths.forEach((path, index) => { paths[record.first + index] = path; });
    } else if (record.type === 'done') {
      keys.add(`backup/${paths[record.id] ?? '?'}`);
    } else if (record.type === 'upload') {
      uploads.set(record.id, record.uploadId);
    } else if (record.type === 'part') {
      parts.add(`${uploads.get(record.id) ?? '?'}/${record.number}`);
    }
  }
  return { keys, parts };
}

function assertNotSentAgain({ keys, parts }: Confirmed, requests: readonly RequestRecord[]): void {
  const again = requests.filter(({ operation, key, uploadId = '', partNumber = 0 }) =>
    (operation === 'PutObject' && keys.has(key)) ||
    (operation === 'InitiateMultipartUpload' && keys.has(key)) ||
    (operation === 'UploadPart' && parts.has(`${uploadId}/${partNumber}`)));
  assert.deepEqual(again.map(({ operation, key, partNumber }) => `${operation} ${key} ${partNumber ?? ''}`), []);
}

/** For each data key and offset, all payloads ever received must be prefixes of one another. */
function assertNoKeyReuse(world: World): void {
  const payloads = new Map<string, RequestRecord[]>();
  const keyOfUpload = dataKeysOfUploads(world);
  for (const request of world.requests.filter(({ bytes }) => bytes > 0)) {
    const place = placeOf(world, request, keyOfUpload);
    if (place !== undefined) {
      payloads.set(place, [...(payloads.get(place) ?? []), request]);
    }
  }
  assert.ok(payloads.size > 240, `${payloads.size} places`);
  for (const [place, requests] of payloads) {
    const digests = new Map<number, string>();
    for (const [bytes, digest] of requests.flatMap(({ prefixSha256 }) => prefixSha256)) {
      assert.equal(digests.get(bytes) ?? digest, digest, `two ciphertexts for ${place}`);
      digests.set(bytes, digest);
    }
    const whole = new Set(requests.filter(({ aborted }) => !aborted).map(({ bodySha256 }) => bodySha256));
    assert.ok(whole.size <= 1, `two bodies for ${place}`);
  }
}

function placeOf(world: World, request: RequestRecord, keyOfUpload: ReadonlyMap<string, string>): string | undefined {
  if (request.operation === 'PutObject') {
    return `${unwrap(world, request.metadata)}@0`;
  }
  if (request.operation === 'UploadPart') {
    const dataKey = keyOfUpload.get(request.uploadId ?? '');
    assert.ok(dataKey !== undefined, `no data key is known for upload ${request.uploadId ?? ''}`);
    return `${dataKey}@${((request.partNumber ?? 1) - 1) * PART_BYTES}`;
  }
  return undefined;
}

function unwrap(world: World, metadata: Readonly<Record<string, string>>): string {
  const wrapped = metadata['x-oss-meta-oss-crypto-key'];
  assert.ok(wrapped !== undefined && world.key.privateKey !== undefined);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return privateDecrypt({ key: world.key.privateKey, padding, oaepHash: 'sha1' }, Buffer.from(wrapped, 'base64')).toString('hex');
}
