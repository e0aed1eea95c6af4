import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import type { MasterKey } from '../../src/keys/master-key.js';
import { rsaKey, type RsaKey } from '../../src/keys/rsa.js';
import { startLocalCloud, type FaultPlan, type LocalCloud, type RequestRecord } from '../../src/local/cloud.js';
import type { RunEvent } from '../../src/run/events.js';
import type { PullOptions, PushOptions, RewrapOptions, RunResult, StoreTarget, TransferOptions, Tuning, VerifyOptions } from '../../src/run/options.js';
import { pull } from '../../src/run/pull.js';
import { push } from '../../src/run/push.js';
import { rewrap } from '../../src/run/rewrap.js';
import { ThreadPool, type ThreadPoolOptions } from '../../src/run/threads/thread-pool.js';
import { verify } from '../../src/run/verify.js';
import { createOssStore } from '../../src/store/oss.js';
import type { ObjectStore } from '../../src/store/store.js';

/** Two levels up from dist/test/support. */
export const PACKAGE_ROOT = new URL('../../../', import.meta.url).pathname;

/** The published test key: a JWK, it protects nothing. */
export function testKey(): RsaKey {
  const file = join(PACKAGE_ROOT, 'test/vectors/keys.json');
  const { rsaPrivateKeyJwk } = JSON.parse(readFileSync(file, 'utf8')) as { rsaPrivateKeyJwk: JsonWebKey };
  return rsaKey(createPrivateKey({ key: rsaPrivateKeyJwk, format: 'jwk' }));
}

export function publicHalf(key: RsaKey): RsaKey {
  return rsaKey(createPublicKey(key.publicKey.export({ type: 'spki', format: 'pem' })));
}

const STRANGERS: RsaKey[] = [];

/** That of the n-th stranger: a key is dearer to make than most of what tests do with it. */
export function strangersKey(n = 0): RsaKey {
  return (STRANGERS[n] ??= rsaKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey));
}

/** What one call of an operation did and said. */
export interface Told {
  readonly result: RunResult;
  readonly events: readonly RunEvent[];
}

/** A temporary directory with an embedded cloud, and the operations set up for it. */
export interface World {
  readonly directory: string;
  readonly source: string;
  readonly manifests: string;
  readonly cloud: LocalCloud;
  readonly key: RsaKey;
  /** Every request that the cloud has seen. */
  readonly requests: RequestRecord[];
  /** Consulted for every request; replace it to make trouble. */
  faults: FaultPlan;
  /** Told of every request that was answered. */
  answered: (request: RequestRecord) => void;
  push(more?: Partial<PushOptions>): Promise<Told>;
  pull(destination: string, more?: Partial<PullOptions>): Promise<Told>;
  verify(more?: Partial<VerifyOptions>): Promise<Told>;
  rewrap(keys: readonly MasterKey[], more?: Partial<RewrapOptions>): Promise<Told>;
  readonly target: StoreTarget;
  readonly store: ObjectStore;
  /** Puts an object without an envelope, as any tool would. Returns its ETag. */
  putPlain(key: string, body: string): Promise<string>;
  etag(key: string): Promise<string>;
  path(...names: string[]): string;
}

/**
 * Small numbers, so that more than 4 MiB already travel in parts, and stay in memory where they fit, whatever the machine. One
 * thread: each is dearer to start than the work of most tests.
 */
export const SMALL = { threads: 1, concurrency: 4, memoryBytes: 8 * 1024 * 1024, partBytes: 128 * 1024, firstTouch: () => 0 } as const;
/** For what several threads could do wrong. More than 2 MiB travel in parts. */
export const TWO_THREADS = { ...SMALL, threads: 2 } as const;

/** The threads of all worlds of a process, dearer to start than the work of most tests. A call with a tuning of its own has threads of its own, unless it names these. */
const POOLS = new Map<string, ThreadPool>();

export function warmThreads(threads = 1): ThreadPool {
  return threadsFor({ threads, concurrency: SMALL.concurrency });
}

/** The same for whoever asks for so many; the same pool for the same numbers. */
export function threadsFor(asked: Pick<ThreadPoolOptions, 'threads' | 'concurrency'>): ThreadPool {
  const name = `${asked.threads} of ${asked.concurrency}`;
  const pool = POOLS.get(name) ?? new ThreadPool(asked);
  POOLS.set(name, pool);
  return pool;
}

export async function makeWorld(t: TestContext, tuning: Tuning = SMALL): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-test-'));
  const path = (...names: string[]): string => join(directory, ...names);
  mkdirSync(path('source'));
  mkdirSync(path('manifests'));
  const requests: RequestRecord[] = [];
  const hooks: Pick<World, 'faults' | 'answered'> = { faults: () => undefined, answered: () => undefined };
  const cloud = await startLocalCloud({
    dataDirectory: path('cloud'), faults: (request) => hooks.faults(request),
    log: (record) => {
      requests.push(record);
      hooks.answered(record);
    },
  });
  t.after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const key = testKey();
  const common = {
    target: { bucket: cloud.oss.bucket, prefix: 'backup', region: cloud.oss.region, endpoint: cloud.oss.endpoint },
    credentials: { accessKeyId: cloud.accessKeyId, accessKeySecret: cloud.accessKeySecret },
    keys: [key], tuning, manifestDirectories: [path('manifests')],
  } as const;
  const warm = <T extends Partial<TransferOptions>>(more: T): T => (more.tuning === undefined ? { pool: warmThreads(tuning.threads), ...more } : more);
  const store = await createOssStore({ ...common.target, credentials: common.credentials, connections: 4 });
  t.after(async () => await store.close());
  const crc = Crc64.create();
  return Object.assign(hooks, {
    target: common.target, store,
    putPlain: async (key: string, body: string) => (await store.put(key, Buffer.from(body), { metadata: {}, crc64: crc.digestOf(Buffer.from(body)) })).etag,
    etag: async (key: string) => (await store.head(key)).etag,
    directory, source: path('source'), manifests: path('manifests'), cloud, key, requests, path,
    push: (more: Partial<PushOptions> = {}) => told((onEvent) => push({ ...common, source: path('source'), onEvent, ...warm(more) })),
    pull: (destination: string, more: Partial<PullOptions> = {}) => told((onEvent) => pull({ ...common, destination, onEvent, ...warm(more) })),
    verify: (more: Partial<VerifyOptions> = {}) => told((onEvent) => verify({ ...common, onEvent, ...warm(more) })),
    rewrap: (keys: readonly MasterKey[], more: Partial<RewrapOptions> = {}) => told((onEvent) => rewrap({ ...common, onEvent, ...warm(more), keys })),
  });
}

async function told(run: (onEvent: (event: RunEvent) => void) => Promise<RunResult>): Promise<Told> {
  const events: RunEvent[] = [];
  return { result: await run((event) => events.push(event)), events };
}

/** Requests of one operation, such as `PutObject`. */
export function only(requests: readonly RequestRecord[], operation: string): RequestRecord[] {
  return requests.filter((request) => request.operation === operation);
}
