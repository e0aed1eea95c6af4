/** What stands around a run: where the bucket is, who asks, with which keys; real or embedded. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config.js';
import { MasterKeyError, SealiftError } from '../errors.js';
import type { KmsKey } from '../keys/kms.js';
import type { MasterKey } from '../keys/master-key.js';
import type { RsaKey } from '../keys/rsa.js';
import { DEFAULT_RSA_KEY_BITS } from '../limits.js';
import type { Credentials, CredentialsProvider, StoreTarget } from '../run/options.js';
import type { Settings } from '../settings.js';
import { resolveEndpoint } from '../store/endpoint.js';
import type { OssLocation } from '../values.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { loadCaFile } from './load-ca-file.js';
import { loadKeys, loadKmsPassphrase } from './load-keys.js';

/** Where the embedded cloud keeps its objects unless told otherwise, below the working directory. */
export const LOCAL_DATA = '.sealift';
/** The key that `--local` makes for itself, in the data directory. */
const LOCAL_KEY = 'key.pem';
/** What `--kms-key` calls the key that the embedded KMS always has. */
const LOCAL_KMS_KEY = 'default';
const REGION_IN_HOST = /^(?:https?:\/\/)?oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com\/?$/;

export interface Session {
  readonly target: StoreTarget;
  readonly credentials: Credentials | CredentialsProvider;
  /** The first seals, all of them open. */
  readonly keys: readonly MasterKey[];
  /** Never uploaded; absolute. */
  readonly ownPaths: readonly string[];
  close(): Promise<void>;
}

/** What a command is about to do with its keys: seal with the first, open with all, or both. */
export type Purpose = 'seal' | 'open' | 'rewrap';

/**
 * To open, the KMS of the bucket's region is among the keys even when nobody names it: a blob names its own key.
 *
 * Fails with `usage`, `config-invalid`, `credentials-missing` or what is wrong with a key, before anything is sent.
 */
export async function openSession(context: Context, config: Config, location: OssLocation, purpose: Purpose = 'open'): Promise<Session> {
  return config.settings.local === true ? openEmbedded(context, config, { location, purpose }) : openRemote(context, config, { location, purpose });
}

interface Errand {
  readonly location: OssLocation;
  readonly purpose: Purpose;
}

async function openRemote(context: Context, config: Config, { location, purpose }: Errand): Promise<Session> {
  const { settings } = config;
  const place = targetOf(settings, location);
  const proxy = config.proxyFor(new URL(resolveEndpoint(place).origin));
  const target = { ...place, ...defined({ caCertificates: await loadCaFile(settings), proxy }) };
  const credentials = await config.credentials();
  await credentials();
  const region = settings['kms-region'] ?? target.region;
  const endpoint = settings['kms-endpoint'] ?? `kms${settings.internal === true ? '-vpc' : ''}.${region}.aliyuncs.com`;
  const kms = await kmsKey(settings, { endpoint, region });
  const keys = inOrder(await loadKeys(context, settings), kms, purpose);
  if (keys.length === 0) {
    throw new MasterKeyError('master-key-missing', 'no key was given', {
      object: '--key',
      remedy: 'Make one with "sealift keys create FILE" and pass --key FILE (for a push its public half is enough), or name a KMS key with --kms-key.',
    });
  }
  return { target, credentials, keys, ownPaths: [], close: () => Promise.resolve() };
}

async function openEmbedded(context: Context, config: Config, { location, purpose }: Errand): Promise<Session> {
  const { startLocalCloud } = await import('../local/cloud.js');
  const { settings } = config;
  refuseForeignKms(settings);
  const dataDirectory = settings['local-data'] ?? resolve(context.cwd, LOCAL_DATA);
  const { region } = settings;
  const cloud = await startLocalCloud({ dataDirectory, bucket: location.bucket, ...(region === undefined ? {} : { region }) });
  try {
    const { accessKeyId, accessKeySecret, oss } = cloud;
    const named = settings['kms-key'] === LOCAL_KMS_KEY ? { ...settings, 'kms-key': cloud.kms.keyId } : settings;
    const kms = await kmsKey(named, { endpoint: cloud.kms.endpoint, region: oss.region });
    const given = await loadKeys(context, settings);
    const ownKey = join(dataDirectory, LOCAL_KEY);
    const isWanted = given.length === 0 && (purpose === 'seal' ? kms.keyId === undefined : existsSync(ownKey));
    const rsa = isWanted ? [await localKey(ownKey)] : given;
    const target = { ...location, endpoint: oss.endpoint, region: oss.region };
    return { target, credentials: { accessKeyId, accessKeySecret }, keys: inOrder(rsa, kms, purpose), ownPaths: [dataDirectory], close: () => cloud.close() };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

async function kmsKey(settings: Settings, place: Pick<KmsKey, 'endpoint' | 'region'>): Promise<KmsKey> {
  const passphrase = await loadKmsPassphrase(settings);
  return { ...place, ...defined({ keyId: settings['kms-key'], passphrase, flavour: settings['kms-flavour'], callsPerSecond: settings['kms-qps'] }) };
}

/** A KMS key that was named seals; otherwise the first RSA key does. */
function inOrder(rsa: readonly RsaKey[], kms: KmsKey, purpose: Purpose): readonly MasterKey[] {
  if (kms.keyId !== undefined && purpose !== 'open') {
    return [kms, ...rsa];
  }
  return purpose === 'seal' ? rsa : [...rsa, kms];
}

function refuseForeignKms(settings: Settings): void {
  const option = (['kms-endpoint', 'kms-region'] as const).find((name) => settings[name] !== undefined);
  if (option !== undefined) {
    throw new SealiftError('usage', `--local and --${option} exclude each other`, {
      object: `--${option}`,
      remedy: 'The embedded cloud has a KMS of its own: --local --kms-key default.',
    });
  }
}

async function localKey(path: string): Promise<RsaKey> {
  const { createRsaKey, loadRsaKey } = await import('../keys/key-files.js');
  return existsSync(path) ? loadRsaKey(path) : createRsaKey(path, { bits: DEFAULT_RSA_KEY_BITS });
}

function targetOf(settings: Settings, location: OssLocation): StoreTarget {
  const { endpoint, internal } = settings;
  const region = settings.region ?? regionIn(endpoint);
  if (region === undefined) {
    throw new SealiftError('usage', 'no region was given', {
      object: '--region',
      remedy: 'Pass --region ID (such as cn-hangzhou) or set OSS_REGION: requests are signed for it. Or try --local, which needs nothing.',
    });
  }
  const target = { ...location, region, ...(endpoint === undefined ? {} : { endpoint }), ...(internal === undefined ? {} : { internal }) };
  return { ...target, region: resolveEndpoint(target).region };
}

function regionIn(endpoint: string | undefined): string | undefined {
  return endpoint === undefined ? undefined : REGION_IN_HOST.exec(endpoint)?.[1];
}
