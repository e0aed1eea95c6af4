import { hostname } from 'node:os';
import { SealiftError } from '../errors.js';
import { findManifest, newManifestFile } from '../manifest/locate.js';
import { Manifest } from '../manifest/manifest.js';
import type { OpenRecord } from '../manifest/record.js';
import { openView, type ManifestView } from '../manifest/view.js';
import { fingerprintOf } from '../keys/master-key.js';
import type { EnvelopeFamily } from '../keys/wrapper.js';
import type { Bounds } from './effective.js';
import type { Credentials, StoreTarget, TransferOptions } from './options.js';
import { storeIdentity } from './store-identity.js';
import type { EncodedPath } from './types.js';
import { SEALIFT_VERSION } from './version.js';

/** What makes two runs the same run: the next session continues the manifest whose identity is equal. */
export type Identity = Pick<OpenRecord, 'kind' | 'root' | 'target' | 'envelope' | 'keyFingerprint'>;

export interface IdentityFacts {
  readonly kind: 'push' | 'pull';
  readonly root: { readonly path: EncodedPath; readonly dev: bigint; readonly ino: bigint };
  readonly target: StoreTarget;
  readonly credentials: Credentials;
  readonly envelope?: EnvelopeFamily;
  /** Of the master key that seals; empty for a pull, which any key may open. */
  readonly keyFingerprint: string;
}

export function identityOf({ kind, root, target, credentials, envelope, keyFingerprint }: IdentityFacts): Identity {
  const { bucket, prefix, region } = target;
  return {
    kind,
    root: { path: root.path, dev: root.dev.toString(), ino: root.ino.toString() },
    target: { endpoint: storeIdentity(target, credentials), region, bucket, prefix },
    keyFingerprint,
    ...(envelope === undefined ? {} : { envelope }),
  };
}

/** Whatever the key. Device and inode are recorded, not compared: they change when a file system is mounted again. */
function isSameWork(a: Identity, b: Identity): boolean {
  return a.kind === b.kind && a.root.path === b.root.path && sameTarget(a, b) && a.envelope === b.envelope;
}

/** Keys that a push is given besides the one that seals: a run of theirs goes on, since that one has taken over from them. */
function formerKeys({ kind, keyFingerprint }: Identity, { keys }: Pick<TransferOptions, 'keys'>): string[] {
  return kind === 'push' ? keys.map(fingerprintOf).filter((fingerprint) => fingerprint !== keyFingerprint) : [];
}

/** Whether both speak of the same objects. */
export function sameTarget(a: Pick<Identity, 'target'>, b: Pick<Identity, 'target'>): boolean {
  return a.target.endpoint === b.target.endpoint && a.target.bucket === b.target.bucket && a.target.prefix === b.target.prefix;
}

/**
 * The manifest of this run, locked: the named file, or the newest one of the same identity, or a new one.
 *
 * @throws SealiftError `usage` when the named file is the manifest of another run; `locked`, `manifest-corrupt`.
 */
export async function openManifest(identity: Identity, options: TransferOptions, bounds: Bounds): Promise<Manifest> {
  const file = await fileOfRun(identity, options);
  const existing = file === undefined ? undefined : await orNone(Manifest.load(file, { breakLock: options.breakLock ?? false }));
  if (existing === undefined) {
    return await startRun(identity, options, bounds, file);
  }
  await refuseOtherRun(existing, identity, options);
  existing.session(sessionOf(options));
  return existing;
}

/**
 * What {@link openManifest} would continue, for a plan: read without a lock, and unchanged. Undefined where it would begin
 * a new one.
 *
 * @throws as {@link openManifest}, but for `locked`. The view must be released.
 */
export async function viewManifest(identity: Identity, options: TransferOptions): Promise<ManifestView | undefined> {
  const file = await fileOfRun(identity, options);
  const existing = file === undefined ? undefined : await orNone(openView(file));
  if (existing !== undefined) {
    await refuseOtherRun(existing, identity, options);
  }
  return existing;
}

async function fileOfRun(identity: Identity, options: TransferOptions): Promise<string | undefined> {
  const { manifest, newRun, manifestDirectories } = options;
  if (manifest !== undefined || newRun === true) {
    return manifest;
  }
  const under = async (fingerprints: readonly string[]): Promise<string | undefined> =>
    await findManifest(manifestDirectories, (head) => isSameWork(head, identity) && fingerprints.includes(head.keyFingerprint));
  const former = formerKeys(identity, options);
  return (await under([identity.keyFingerprint])) ?? (former.length === 0 ? undefined : await under(former));
}

async function refuseOtherRun(existing: ManifestView, identity: Identity, options: TransferOptions): Promise<void> {
  const { file, head } = existing;
  const isSame = isSameWork(head, identity);
  const fits = isSame && [identity.keyFingerprint, ...formerKeys(identity, options)].includes(head.keyFingerprint);
  if (fits && options.newRun !== true) {
    return;
  }
  await existing.release();
  const remedy = 'name another --manifest, or leave the option out';
  if (fits) {
    throw new SealiftError('usage', `${file} exists, and --new-run wants a new manifest`, { object: file, remedy });
  }
  if (isSame) {
    throw new SealiftError('usage', `${file} is the manifest of a run under another master key, ${head.keyFingerprint}`, {
      object: file, remedy: `give that key too, after the one that is to seal (--key NEW --key OLD), or ${remedy}`,
    });
  }
  throw new SealiftError('usage', `${file} is the manifest of another run`, { object: file, remedy });
}

async function startRun(identity: Identity, options: TransferOptions, bounds: Bounds, file: string | undefined): Promise<Manifest> {
  const fresh = newManifestFile(options.manifestDirectories, file);
  const head = { ...identity, version: 1, run: fresh.run, createdAt: new Date().toISOString(), partBytes: bounds.partBytes, options: recorded(options) } as const;
  const manifest = await Manifest.create(fresh.file, head, { breakLock: options.breakLock ?? false, isOwnName: file === undefined });
  manifest.session(sessionOf(options));
  return manifest;
}

function sessionOf(options: TransferOptions): Parameters<Manifest['session']>[0] {
  return { time: new Date().toISOString(), version: SEALIFT_VERSION, pid: process.pid, host: hostname(), options: recorded(options) };
}

function recorded({ recordedOptions = {} }: TransferOptions): OpenRecord['options'] {
  return Object.fromEntries(Object.entries(recordedOptions).map(([name, value]) => [name, typeof value === 'object' ? [...value] : value]));
}

/** Undefined where there is no manifest. */
export async function orNone<T>(manifest: Promise<T>): Promise<T | undefined> {
  try {
    return await manifest;
  } catch (error) {
    if (error instanceof SealiftError && error.code === 'manifest-missing') {
      return undefined;
    }
    throw error;
  }
}
