/** Where a bench sends its objects, and the sink for the floor, which is the same one where the target is a sink. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { loadConfig } from '../../config.js';
import type { Credentials, StoreTarget } from '../../run/options.js';
import { createOssStore, type OssConfig } from '../../store/oss.js';
import type { ObjectStore } from '../../store/store.js';
import type { Context } from '../context.js';
import { openSession } from '../session.js';
import { startCloud, startSink, type Server } from './processes.js';
import type { Flags, TargetChoice } from './request.js';

export interface Place {
  readonly name: string;
  /** Its prefix is of this bench alone. */
  readonly target: StoreTarget;
  readonly credentials: Credentials;
  close(): Promise<void>;
}

export interface Places {
  readonly place: Place;
  /** For the floor. */
  readonly sink: Place;
}

interface Wish {
  readonly choice: TargetChoice;
  readonly latencyMs: number;
  readonly flags: Flags;
  /** An empty one for whatever a server keeps. */
  readonly directory: string;
}

const SINK_CREDENTIALS: Credentials = { accessKeyId: 'bench', accessKeySecret: 'bench' };
const CONNECTIONS = 8;

export async function openPlaces(context: Context, wish: Wish): Promise<Places> {
  const server = await startSink({ latencyMs: wish.latencyMs });
  const port = Number(server.announced['port']);
  const target = { bucket: 'bench', prefix: 'bench', region: 'cn-hangzhou', endpoint: `http://127.0.0.1:${port}` };
  const sink = { name: 'sink', target, credentials: SINK_CREDENTIALS, close: () => server.stop() };
  try {
    return { sink, place: wish.choice.kind === 'sink' ? { ...sink, close: () => Promise.resolve() } : await openPlace(context, wish) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

export async function withStore<T>({ target, credentials }: Place, work: (store: ObjectStore) => Promise<T>): Promise<T> {
  const config: OssConfig = { ...target, credentials, connections: CONNECTIONS };
  const store = await createOssStore(config);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Removes everything below a prefix of the bench. */
export async function sweep(place: Place, prefix: string): Promise<void> {
  await withStore(place, async (store) => {
    for (let page = await store.list(`${prefix}/`); page.objects.length > 0; page = await store.list(`${prefix}/`)) {
      for (let at = 0; at < page.objects.length; at += CONNECTIONS) {
        await Promise.all(page.objects.slice(at, at + CONNECTIONS).map(async ({ key }) => await store.delete(key)));
      }
    }
  });
}

async function openPlace(context: Context, { choice, flags, directory }: Wish): Promise<Place> {
  if (choice.kind !== 'oss') {
    return cloudPlace(await startCloud(join(directory, 'cloud')));
  }
  const config = await loadConfig({ flags: reachOf(flags), names: ['endpoint', 'region', 'internal'], env: context.env, cwd: context.cwd });
  const session = await openSession(context, config, choice.location);
  const { target, credentials } = session;
  const prefix = [choice.location.prefix, `sealift-bench-${randomUUID()}`].filter((part) => part !== '').join('/');
  return { name: `oss://${target.bucket}`, target: { ...target, prefix }, credentials: typeof credentials === 'function' ? await credentials() : credentials, close: () => session.close() };
}

function reachOf(flags: Flags): Flags {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => ['endpoint', 'region', 'internal'].includes(name)));
}

function cloudPlace(server: Server): Place {
  const { oss, accessKeyId, accessKeySecret } = server.announced as unknown as { oss: { endpoint: string; region: string; bucket: string } } & Credentials;
  return { name: 'local', target: { ...oss, prefix: 'bench' }, credentials: { accessKeyId, accessKeySecret }, close: () => server.stop() };
}
