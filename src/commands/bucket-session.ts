/** What the commands that look at single objects have in common: settings → session → bucket, without a run. */
import { openBucketPorts, type BucketPorts } from '../bucket/bucket-ports.js';
import { providerFor } from '../bucket/master-key-provider.js';
import type { CryptoBucketOptions } from '../bucket/options.js';
import { loadConfig } from '../config.js';
import { SealiftError } from '../errors.js';
import type { SettingName, Settings } from '../settings.js';
import { parseOssUrl, type OssLocation } from '../values.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { openSession, type Session } from './session.js';

export interface BucketRequest {
  /** What yargs found. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly names: readonly SettingName[];
  /** The oss:// address as typed. */
  readonly place: unknown;
}

export interface OpenBucket {
  readonly settings: Settings;
  readonly location: OssLocation;
  readonly session: Session;
  readonly options: CryptoBucketOptions;
  readonly ports: BucketPorts;
}

/** Opens bucket and keys for reading, hands them to `work` and closes everything again. */
export async function withBucket(context: Context, request: BucketRequest, work: (bucket: OpenBucket) => Promise<void>): Promise<void> {
  const { flags, names, place } = request;
  const location = parseOssUrl('the address', place);
  const { settings, session } = await open(context, { flags, names, location });
  try {
    const options = optionsOf(settings, session);
    const ports = await openBucketPorts(options);
    try {
      await work({ settings, location, session, options, ports });
    } finally {
      await ports.store.close();
    }
  } finally {
    await session.close();
  }
}

/** The one object that an address names. @throws SealiftError `usage` for the address of a whole bucket. */
export function objectOf({ bucket, prefix }: OssLocation): string {
  if (prefix === '') {
    throw new SealiftError('usage', `oss://${bucket} names no object`, { object: 'the address', remedy: 'Give oss://bucket/key; "sealift ls" lists the keys.' });
  }
  return prefix;
}

async function open(context: Context, { flags, names, location }: { flags: BucketRequest['flags']; names: readonly SettingName[]; location: OssLocation }): Promise<{ settings: Settings; session: Session }> {
  const config = await loadConfig({ flags, names, env: context.env, cwd: context.cwd });
  return { settings: config.settings, session: await openSession(context, config, location, 'open') };
}

function optionsOf(settings: Settings, { target, credentials, keys }: Session): CryptoBucketOptions {
  const { bucket, region, endpoint, internal, caCertificates, proxy } = target;
  return {
    bucket, region, credentials,
    cryptoProvider: keys.map(providerFor),
    ...defined({
      endpoint,
      internal,
      caCertificates,
      proxy,
      allowRenamed: settings['allow-renamed'],
      allowUnauthenticated: settings['allow-unauthenticated'],
      memoryBytes: settings.memory,
      concurrency: settings.concurrency,
    }),
  };
}
