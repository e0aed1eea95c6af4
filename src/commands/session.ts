/** What stands around a run: where the bucket is, who asks, with which keys; real or embedded. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config.js';
import { MasterKeyError, SealiftError } from '../errors.js';
import type { RsaKey } from '../keys/rsa.js';
import { DEFAULT_RSA_KEY_BITS } from '../limits.js';
import type { Credentials, StoreTarget } from '../run/options.js';
import type { Settings } from '../settings.js';
import { resolveEndpoint } from '../store/endpoint.js';
import type { OssLocation } from '../values.js';
import type { Context } from './context.js';
import { loadKeys } from './load-keys.js';

/** Where the embedded cloud keeps its objects unless told otherwise, below the working directory. */
export const LOCAL_DATA = '.sealift';
/** The key that `--local` makes for itself, in the data directory. */
const LOCAL_KEY = 'key.pem';
const REGION_IN_HOST = /^(?:https?:\/\/)?oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com\/?$/;

export interface Session {
  readonly target: StoreTarget;
  readonly credentials: Credentials;
  readonly keys: readonly RsaKey[];
  /** Never uploaded; absolute. */
  readonly ownPaths: readonly string[];
  close(): Promise<void>;
}

/** Fails with `usage`, `config-invalid`, `credentials-missing` or what is wrong with a key, before anything is sent. */
export async function openSession(context: Context, config: Config, location: OssLocation): Promise<Session> {
  return config.settings.local === true ? openEmbedded(context, config, location) : openRemote(context, config, location);
}

async function openRemote(context: Context, config: Config, location: OssLocation): Promise<Session> {
  const target = targetOf(config.settings, location);
  const credentials = config.credentials();
  const keys = await loadKeys(context, config.settings);
  if (keys.length === 0) {
    throw new MasterKeyError('master-key-missing', 'no key was given', {
      object: '--key',
      remedy: 'Make one with "sealift keys create FILE" and pass --key FILE; for a push its public half is enough.',
    });
  }
  return { target, credentials, keys, ownPaths: [], close: () => Promise.resolve() };
}

async function openEmbedded(context: Context, config: Config, location: OssLocation): Promise<Session> {
  const { startLocalCloud } = await import('../local/cloud.js');
  const dataDirectory = config.settings['local-data'] ?? resolve(context.cwd, LOCAL_DATA);
  const region = config.settings.region;
  const cloud = await startLocalCloud({ dataDirectory, bucket: location.bucket, ...(region === undefined ? {} : { region }) });
  try {
    const given = await loadKeys(context, config.settings);
    const keys = given.length === 0 ? [await localKey(join(dataDirectory, LOCAL_KEY))] : given;
    const { accessKeyId, accessKeySecret, oss } = cloud;
    const target = { ...location, endpoint: oss.endpoint, region: oss.region };
    return { target, credentials: { accessKeyId, accessKeySecret }, keys, ownPaths: [dataDirectory], close: () => cloud.close() };
  } catch (error) {
    await cloud.close();
    throw error;
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
