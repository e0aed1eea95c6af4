import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SealiftError } from '../../errors.js';
import { encodePath, normalizePrefix } from '../../files/names.js';
import { compileSelection, type Selection } from '../../files/selection.js';
import { sizeFilter } from '../../files/size-and-age.js';
import { makeDirectories } from '../../files/sync.js';
import { canOpen } from '../../keys/master-key.js';
import { readHead } from '../../manifest/locate.js';
import { providerOf } from '../../store/credentials.js';
import { resolveEndpoint } from '../../store/endpoint.js';
import type { WorkerContext } from '../context.js';
import { boundsOf, effectiveOf, type Bounds } from '../effective.js';
import type { Effective } from '../events.js';
import { identityOf, orNone, type Identity } from '../open-manifest.js';
import type { CredentialsProvider, PullOptions, TransferOptions } from '../options.js';
import type { ThreadPool } from '../threads/thread-pool.js';
import type { EncodedPath } from '../types.js';

/** A reading command whose options have been checked. */
export interface PreparedReading {
  readonly prefix: string;
  readonly bounds: Bounds;
  readonly context: WorkerContext;
  readonly provider: CredentialsProvider;
  readonly threads: ThreadPool | undefined;
  readonly identity: Identity;
  readonly effective: Effective;
  readonly selection: Selection;
  readonly takesSize: (sizeBytes: number) => boolean;
  /** Destination of a pull, other side of a comparison. */
  readonly root: LocalRoot;
}

export interface PreparedPull extends PreparedReading {
  readonly overwrite: boolean;
  readonly checksum: boolean;
  readonly onCollision: 'fail' | 'rename' | 'keep';
}

export async function preparePull(options: PullOptions): Promise<PreparedPull> {
  const pull = {
    sink: 'write',
    allowRenamed: options.allowRenamed ?? false,
    allowUnauthenticated: options.allowUnauthenticated ?? false,
    preserveSpecialBits: options.preserveSpecialBits ?? false,
    preserveSparse: options.preserveSparse ?? false,
  } as const;
  const reading = await prepareReading(options, async () => await destinationRoot(options), { pull });
  return {
    ...reading, overwrite: options.overwrite ?? false, checksum: options.checksum ?? false, onCollision: options.onCollision ?? 'fail',
  };
}

export interface LocalRoot {
  /** Absolute. */
  readonly raw: Buffer;
  readonly path: EncodedPath;
  readonly dev: bigint;
  readonly ino: bigint;
}

type ReadingOptions = Pick<TransferOptions, 'target' | 'credentials' | 'keys' | 'tuning' | 'pool' | 'include' | 'exclude' | 'minBytes' | 'maxBytes'>;

/** What pull, verify and rewrap share. `openRoot` is called when everything else is known to be right, for it may make a directory. */
export async function prepareReading(options: ReadingOptions, openRoot: () => Promise<LocalRoot>, mode: Pick<WorkerContext, 'pull' | 'rewrap'>): Promise<PreparedReading> {
  const bounds = boundsOf(options);
  const prefix = normalizePrefix(options.target.prefix);
  const target = { ...options.target, prefix };
  resolveEndpoint(target);
  const selection = compileSelection(options.include ?? [], options.exclude ?? []);
  const takesSize = sizeFilter(options);
  if (!options.keys.some(canOpen)) {
    throw new SealiftError('master-key-missing', 'opening sealed objects needs a private key or a KMS', { remedy: 'pass --key with the private key file' });
  }
  const provider = providerOf(options.credentials);
  const credentials = await provider();
  const root = await openRoot();
  const context: WorkerContext = {
    store: { ...options.target, credentials, connections: bounds.concurrency },
    keys: options.keys,
    family: 'oss-crypto',
    root: root.raw,
    concurrency: bounds.concurrency,
    threads: bounds.threads,
    channel: randomUUID(),
    ...mode,
  };
  return {
    prefix, bounds, context, provider, threads: options.pool, selection, takesSize, root,
    identity: identityOf({ kind: 'pull', root, target, credentials, keyFingerprint: '' }),
    effective: effectiveOf({ ...options, target }, bounds, 'as found'),
  };
}

/** `--manifest` of a pull may name the push's manifest, which is then read and not written. */
export async function isPushManifest(file: string): Promise<boolean> {
  return (await orNone(readHead(file)))?.kind === 'push';
}

/** A dry run makes no directory. */
function notYet(directory: string): LocalRoot {
  const raw = Buffer.from(resolve(directory));
  return { raw, path: encodePath(raw), dev: 0n, ino: 0n };
}

export async function localRoot(directory: string | Buffer): Promise<LocalRoot> {
  const raw = await realpath(directory, { encoding: 'buffer' });
  const { dev, ino } = await stat(raw, { bigint: true });
  return { raw, path: encodePath(raw), dev, ino };
}

async function destinationRoot({ destination, dryRun }: PullOptions): Promise<LocalRoot> {
  try {
    if (dryRun !== true) {
      await makeDirectories(destination);
    }
    return existsSync(destination) ? await localRoot(destination) : notYet(destination);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    throw new SealiftError('write-failed', `cannot make the directory ${destination}: ${reason}`, {
      object: destination, remedy: 'check the path and its permissions', cause: error,
    });
  }
}
