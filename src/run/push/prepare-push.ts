import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MasterKeyError } from '../../errors.js';
import { checkIgnoreFileName } from '../../files/ignore-file.js';
import { ListedPaths } from '../../files/listed-paths.js';
import { encodePath, normalizePrefix } from '../../files/names.js';
import { compileSelection } from '../../files/selection.js';
import { fileFilter } from '../../files/size-and-age.js';
import { sourceRoot } from '../../files/source-root.js';
import { walk } from '../../files/walk.js';
import { canOpen } from '../../keys/master-key.js';
import { providerOf } from '../../store/credentials.js';
import { resolveEndpoint } from '../../store/endpoint.js';
import type { WorkerContext } from '../context.js';
import { boundsOf, effectiveOf, type Bounds } from '../effective.js';
import type { Effective } from '../events.js';
import { identityOf, type Identity } from '../open-manifest.js';
import type { CredentialsProvider, PushOptions } from '../options.js';
import { sealingFingerprint } from '../threads/master-keys.js';
import type { ThreadPool } from '../threads/thread-pool.js';
import type { EncodedPath } from '../types.js';

/** A push whose options have been checked; nothing has been sent or written yet. */
export interface PreparedPush {
  readonly options: PushOptions;
  readonly prefix: string;
  /** Undefined for everything. */
  readonly listed: ListedPaths | undefined;
  readonly bounds: Bounds;
  readonly context: WorkerContext;
  readonly provider: CredentialsProvider;
  readonly threads: ThreadPool | undefined;
  readonly identity: Identity;
  readonly effective: Effective;
}

/** Checks everything that can be checked before the first file is read. */
export async function preparePush(options: PushOptions): Promise<PreparedPush> {
  const bounds = boundsOf(options);
  const prefix = normalizePrefix(options.target.prefix);
  resolveEndpoint(options.target);
  // The walk compiles its own; it would refuse what is wrong with them when there is a manifest already.
  compileSelection(options.include ?? [], options.exclude ?? []);
  fileFilter(options);
  if (options.ignoreFile !== undefined) {
    checkIgnoreFileName(options.ignoreFile);
  }
  const listed = options.files && new ListedPaths(options.files);
  if (options.checksum === true && !options.keys.some(canOpen)) {
    throw new MasterKeyError('master-key-missing', '--checksum compares with what was sealed, and that needs the private key', {
      remedy: 'pass the private key with --key, or leave --checksum out',
    });
  }
  const family = options.envelope ?? 'oss-crypto';
  const provider = providerOf(options.credentials);
  const keyFingerprint = sealingFingerprint(options.keys, family, provider);
  const root = await identityOfRoot(options.source);
  const credentials = await provider();
  const context: WorkerContext = {
    store: { ...options.target, credentials, connections: bounds.concurrency },
    keys: options.keys,
    family,
    root: root.raw,
    concurrency: bounds.concurrency,
    threads: bounds.threads,
    channel: randomUUID(),
    push: { ifExists: options.ifExists ?? 'changed', followSymlinks: options.symlinks === 'follow', checksum: options.checksum ?? false, storageClass: options.storageClass },
  };
  const target = { ...options.target, prefix };
  const identity = identityOf({ kind: 'push', root, target, credentials, envelope: family, keyFingerprint });
  return { options, prefix, listed, bounds, context, provider, threads: options.pool, identity, effective: effectiveOf({ ...options, target }, bounds, family) };
}

async function identityOfRoot(source: string): Promise<{ raw: Buffer; path: EncodedPath; dev: bigint; ino: bigint }> {
  const raw = sourceRoot(source);
  const { dev, ino } = await stat(raw, { bigint: true });
  return { raw, path: encodePath(raw), dev, ino };
}

/** What the walk of a push yields; shared with the dry run, so that the plan is the run's. */
export function walkOf({ options, listed }: PreparedPush, ownFiles: readonly string[], signal?: AbortSignal): ReturnType<typeof walk> {
  return walk({
    root: options.source,
    symlinks: options.symlinks ?? 'record',
    wanted: options,
    ignoreFile: options.ignoreFile,
    ownPaths: [...(options.ownPaths ?? []), ...ownFiles, ...(options.resumeSecret === undefined ? [] : [resolve(options.resumeSecret)])],
    ...(options.include === undefined ? {} : { include: options.include }),
    ...(options.exclude === undefined ? {} : { exclude: options.exclude }),
    ...(listed === undefined ? {} : { files: listed }),
    ...(signal === undefined ? {} : { signal }),
  });
}
