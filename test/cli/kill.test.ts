import assert from 'node:assert/strict';
import { constants, privateDecrypt } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { RequestRecord } from '../../src/local/cloud.js';
import { reach, startCli, type Finished } from '../support/cli.js';
import { content, describeTree, plant } from '../support/trees.js';
import { makeWorld, SMALL, type World } from '../support/world.js';

const PART_BYTES = 128 * 1024;
const SMALL_FILES = 160;
const FILES = SMALL_FILES + 3;

/** Where one push is killed, and on how many threads it works. */
interface Round {
  readonly threads: 1 | 2;
  /** When the n-th request of an operation arrives, `any` of them, or when the last file was `answered`. */
  readonly at: string;
  readonly n: number;
  /** Operations that are left unanswered: what would follow them does not happen before the kill, nor does the server do them. */
  readonly held?: readonly string[];
}

const [PUT, BEGIN, PART, COMPLETE] = ['PutObject', 'InitiateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const;
const ROUNDS: readonly Round[] = [
  // Nothing has left: the manifest is open, and what is in the bucket is being looked at.
  { threads: 2, at: 'any', n: 1 }, { threads: 1, at: 'any', n: 2 },
  // Small files are on their way, and pass 1 of the large ones is at work or done.
  ...[1, 2, 4, 7, 10, 13, 17, 21].map((n, index): Round => ({ threads: index % 4 === 1 ? 2 : 1, at: PUT, n, held: [BEGIN] })),
  // Sealed, but there is no upload, or nobody wrote down that there is one.
  { threads: 1, at: BEGIN, n: 1, held: [BEGIN] }, { threads: 1, at: BEGIN, n: 1 }, { threads: 2, at: BEGIN, n: 1 },
  // Pass 2, which none of these brings to the end of a file.
  ...[1, 3, 8, 13].map((n, index): Round => ({ threads: index === 2 ? 2 : 1, at: PART, n })),
  // All parts are there: the server never hears of the end, or the push never hears that it was heard.
  { threads: 1, at: COMPLETE, n: 1, held: [COMPLETE] }, { threads: 1, at: COMPLETE, n: 1 },
  // Everything is there, and the record of it has no end.
  { threads: 2, at: 'answered', n: FILES },
];

describe('a push that is killed', () => {
  it(`with SIGKILL at ${ROUNDS.length} points comes back byte-identical, sends nothing confirmed twice, and reuses no key`, async (t) => {
    assert.equal(ROUNDS.length, 20);
    const world = await makeWorld(t);
    plant(world.source, Object.fromEntries(Array.from({ length: SMALL_FILES }, (_, i) => [`small/${i}`, content(200 + i, i)])));
    plant(world.source, { 'large/one': content(7_100_000, 1), 'large/two': content(7_000_001, 2), 'zero': '' });
    mkdirSync(world.path('work/manifests'), { recursive: true });

    for (const round of ROUNDS) {
      const { signal, code, stderr } = await checked(world, () => pushOnce(world, round));
      assert.equal(signal, 'SIGKILL', `${JSON.stringify(round)} must hit a running push, which ended with ${code}: ${stderr}`);
    }
    const last = await checked(world, () => pushOnce(world));
    assert.equal(last.code, 0, last.stderr);
    assertNoKeyReuse(world);
    assert.deepEqual(await world.store.listUploads(''), [], 'no upload is left over');

    const pulled = await world.pull(world.path('back'));
    assert.equal(pulled.result.exitCode, 0, JSON.stringify(pulled.result.failures));
    assert.deepEqual(describeTree(world.path('back')), describeTree(world.source));
  });
});

/** Holds a push to what was confirmed before it. */
async function checked(world: World, push: () => Promise<Finished>): Promise<Finished> {
  const confirmed = confirmedSoFar(world);
  const before = world.requests.length;
  const finished = await push();
  assertNotSentAgain(confirmed, world.requests.slice(before));
  return finished;
}

/** Runs a push in a process of its own, to its end or until the moment of the round. */
async function pushOnce(world: World, round?: Round): Promise<Finished> {
  const { env, options } = reach(world, { ...SMALL, threads: round?.threads ?? 1 });
  const { child, finished } = startCli(['push', world.source, 'oss://sealift/backup', ...options, '--quiet'], { cwd: world.path('work'), env });
  let seen = 0;
  let isOver = false;
  world.faults = ({ operation }) => {
    seen += round?.at === 'any' || round?.at === operation ? 1 : 0;
    const isTheMoment = !isOver && seen === round?.n;
    isOver ||= isTheMoment && child.kill('SIGKILL');
    // What was under way when it died may arrive; another end of an upload would leave the next round without one.
    const isHeld = round?.held?.includes(operation) === true || (isOver && !isTheMoment && operation === COMPLETE);
    return isHeld ? { kind: 'stall' } : undefined;
  };
  world.answered = () => {
    if (round?.at === 'answered' && storedFiles(world) === round.n) {
      child.kill('SIGKILL');
    }
  };
  return await finished;
}

function storedFiles({ requests }: World): number {
  const stored = requests.filter(({ operation, status }) => status === 200 && (operation === PUT || operation === COMPLETE));
  return new Set(stored.map(({ key }) => key)).size;
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
  assert.ok(payloads.size > FILES + 100, `${payloads.size} places`);
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
