/** Where a bench sends its objects, and the sink for the floor, which is the same one where the target is a sink. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { loadConfig } from '../../config.js';
import { toFailure } from '../../errors.js';
import type { Credentials, CredentialsProvider, StoreTarget } from '../../run/options.js';
import { providerOf } from '../../store/credentials.js';
import { createOssStore, type OssConfig } from '../../store/oss.js';
import { RETRY_POLICY, withRetry, type RetryPolicy } from '../../store/retry.js';
import type { ObjectStore } from '../../store/store.js';
import type { Context } from '../context.js';
import { openSession } from '../session.js';
import { startCloud, startSink, type Server } from './processes.js';
import type { Flags, TargetChoice } from './request.js';

export interface Place {
  readonly name: string;
  /** Its prefix is of this bench alone. */
  readonly target: StoreTarget;
  readonly credentials: Credentials | CredentialsProvider;
  /** Removes everything below a prefix, which is given without a slash at its end. */
  forget(prefix: string): Promise<void>;
  close(): Promise<void>;
}

/** It asks nobody who they are, so that its credentials never expire. */
export interface SinkPlace extends Place {
  readonly credentials: Credentials;
}

export interface Places {
  readonly place: Place;
  /** For the floor. */
  readonly sink: SinkPlace;
}

interface Wish {
  readonly choice: TargetChoice;
  readonly latencyMs: number;
  readonly flags: Flags;
  /** An empty one for whatever a server keeps. */
  readonly directory: string;
}

const REACH = ['endpoint', 'region', 'internal', 'ca-file', 'proxy'] as const;
const SINK_CREDENTIALS: Credentials = { accessKeyId: 'bench', accessKeySecret: 'bench' };
const CONNECTIONS = 64;
/** After a signal there are seconds left to remove objects; and whoever waits wants to know that the server is gone. */
const IMPATIENT: RetryPolicy = { ...RETRY_POLICY, totalMs: 5000 };

export async function openPlaces(context: Context, wish: Wish): Promise<Places> {
  const sink = await openSink(wish.latencyMs);
  try {
    return { sink, place: wish.choice.kind === 'sink' ? { ...sink, close: () => Promise.resolve() } : await openPlace(context, wish) };
  } catch (error) {
    await sink.close();
    throw error;
  }
}

export async function withStore<T>({ target, credentials }: Pick<Place, 'target' | 'credentials'>, work: (store: ObjectStore) => Promise<T>): Promise<T> {
  const provider = providerOf(credentials);
  const config: OssConfig = { ...target, credentials: await provider(), connections: CONNECTIONS };
  const store = withRetry(await createOssStore(config, { credentials: provider }), IMPATIENT);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export async function openSink(latencyMs: number): Promise<SinkPlace> {
  const server = await startSink({ latencyMs });
  const endpoint = `http://127.0.0.1:${Number(server.announced['port'])}`;
  return {
    name: 'sink',
    target: { bucket: 'bench', prefix: 'bench', region: 'cn-hangzhou', endpoint },
    credentials: SINK_CREDENTIALS,
    forget: async (prefix) => {
      await fetch(`${endpoint}/bench?prefix=${encodeURIComponent(`${prefix}/`)}`, { method: 'DELETE' });
    },
    close: () => server.stop(),
  };
}

async function openPlace(context: Context, { choice, flags, directory }: Wish): Promise<Place> {
  if (choice.kind !== 'oss') {
    return cloudPlace(await startCloud(join(directory, 'cloud')));
  }
  const config = await loadConfig({ flags: reachOf(flags), names: [...REACH, 'profile'], env: context.env, cwd: context.cwd });
  const session = await openSession(context, config, choice.location);
  const prefix = [choice.location.prefix, `sealift-bench-${randomUUID()}`].filter((part) => part !== '').join('/');
  const reach = { target: { ...session.target, prefix }, credentials: session.credentials };
  const name = `oss://${session.target.bucket}`;
  context.stderr.write(`objects go to ${name}/${prefix}/ and are removed again\n`);
  await probe(reach, `${prefix}/probe`);
  const close = async (): Promise<void> => {
    await sweep(reach, `${prefix}/`).catch((error: unknown) => {
      context.stderr.write(`some objects are still below ${name}/${prefix}/ and have to be removed by hand: ${toFailure(error).message}\n`);
    });
    await session.close();
  };
  return { name, ...reach, forget: (below) => sweep(reach, `${below}/`), close };
}

/** Finds out in seconds what would otherwise end a run: no such bucket, no permission to put or to delete, no network. */
async function probe(reach: Pick<Place, 'target' | 'credentials'>, key: string): Promise<void> {
  await withStore(reach, async (store) => {
    await store.put(key, Buffer.alloc(0), { metadata: {}, crc64: 0n });
    await store.delete(key);
  });
}

/** Removes objects and unfinished uploads. */
async function sweep(reach: Pick<Place, 'target' | 'credentials'>, prefix: string): Promise<void> {
  await withStore(reach, async (store) => {
    for (let page = await store.list(prefix); page.objects.length > 0; page = await store.list(prefix)) {
      await Promise.all(page.objects.map(({ key }) => store.delete(key)));
    }
    await Promise.all((await store.listUploads(prefix)).map(({ key, uploadId }) => store.abortUpload(key, uploadId)));
  });
}

function reachOf(flags: Flags): Flags {
  return Object.fromEntries(REACH.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}

function cloudPlace(server: Server): Place {
  const { oss, accessKeyId, accessKeySecret } = server.announced as unknown as { oss: { endpoint: string; region: string; bucket: string } } & Credentials;
  const reach = { target: { ...oss, prefix: 'bench' }, credentials: { accessKeyId, accessKeySecret } };
  return { name: 'local', ...reach, forget: (below) => sweep(reach, `${below}/`), close: () => server.stop() };
}
