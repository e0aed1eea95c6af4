import { tmpdir } from 'node:os';
import { Crc64 } from '../crypto/crc64.js';
import { MasterKeyError, SealiftError } from '../errors.js';
import { Keyring } from '../keys/keyring.js';
import { SharedStart } from '../keys/wrapped-start.js';
import type { EnvelopeFamily, KeyUnwrapper, KeyWrapper } from '../keys/wrapper.js';
import { Budget } from '../run/budget.js';
import { resolveBounds, type Bounds } from '../run/effective.js';
import { Slabs } from '../run/threads/slabs.js';
import { certificatesIn } from '../store/ca-certificates.js';
import { providerOf, type CredentialsProvider } from '../store/credentials.js';
import { isLoopback, resolveEndpoint } from '../store/endpoint.js';
import { createOssStore } from '../store/oss.js';
import { parseProxy } from '../store/proxy.js';
import { withRetry } from '../store/retry.js';
import type { ObjectStore } from '../store/store.js';
import type { CryptoBucketOptions } from './options.js';
import type { CryptoProvider } from './provider.js';

/** Everything that one bucket works with, built on first use. */
export interface BucketPorts {
  readonly store: ObjectStore;
  readonly bounds: Bounds;
  readonly family: EnvelopeFamily;
  readonly keyring: () => Promise<Keyring>;
  readonly sealer: () => Promise<Sealer>;
  readonly slabs: Slabs;
  readonly crc64: Crc64;
  /** Bytes of all buffers of all operations. */
  readonly memory: Budget;
  readonly temporaryDirectory: string;
  readonly policy: { readonly allowRenamed: boolean; readonly allowUnauthenticated: boolean; readonly mustBeSealed: false };
}

/** The sealing side of the first provider. */
export interface Sealer {
  readonly wrapper: KeyWrapper;
  readonly starts: SharedStart;
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
}

const REGION_IN_HOST = /^oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/;
const LOOPBACK_REGION = 'cn-hangzhou';

/** @throws SealiftError `config-invalid` or `usage` for what cannot work, before anything is sent. */
export function checkOptions(options: CryptoBucketOptions): void {
  const { bucket, endpoint, internal, caCertificates, proxy } = options;
  resolveEndpoint({ bucket, endpoint, internal, region: regionOf(options) });
  if (caCertificates !== undefined) {
    certificatesIn(caCertificates, 'caCertificates');
  }
  if (proxy !== undefined) {
    parseProxy(proxy, 'proxy');
  }
  boundsOf(options);
}

export async function openBucketPorts(options: CryptoBucketOptions): Promise<BucketPorts> {
  const { bucket, endpoint, internal, caCertificates, proxy, envelope: family = 'oss-crypto', temporaryDirectory = tmpdir() } = options;
  const bounds = boundsOf(options);
  const credentials = providerOf(options.credentials);
  const config = { bucket, region: regionOf(options), endpoint, internal, caCertificates, proxy, credentials: await credentials(), connections: bounds.concurrency };
  const providers = [options.cryptoProvider].flat();
  return {
    store: withRetry(await createOssStore(config, { credentials })),
    bounds, family, temporaryDirectory,
    keyring: once(() => openKeyring(providers, credentials)),
    sealer: once(() => openSealer(providers, family, credentials)),
    slabs: new Slabs(2 * bounds.partBytes),
    crc64: Crc64.create(),
    memory: new Budget(bounds.memoryBytes),
    policy: { allowRenamed: options.allowRenamed ?? false, allowUnauthenticated: options.allowUnauthenticated ?? false, mustBeSealed: false },
  };
}

async function openKeyring(providers: readonly CryptoProvider[], credentials: CredentialsProvider): Promise<Keyring> {
  const unwrappers = await Promise.all(providers.map((provider) => provider.unwrapper({ credentials })));
  return new Keyring(unwrappers.filter((unwrapper): unwrapper is KeyUnwrapper => unwrapper !== undefined));
}

async function openSealer(providers: readonly CryptoProvider[], family: EnvelopeFamily, credentials: CredentialsProvider): Promise<Sealer> {
  const [first] = providers;
  if (first === undefined) {
    throw new MasterKeyError('master-key-missing', 'no master key to seal with', { remedy: 'Give at least one cryptoProvider.' });
  }
  const wrapper = await first.wrapper(family, { credentials });
  return { wrapper, starts: new SharedStart(wrapper), materialDescription: first.materialDescription };
}

function boundsOf({ partBytes, memoryBytes, concurrency }: CryptoBucketOptions): Bounds {
  return resolveBounds({
    threads: 1,
    ...(partBytes === undefined ? {} : { partBytes }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(concurrency === undefined ? {} : { concurrency }),
  }, Infinity);
}

function regionOf({ region, endpoint }: CryptoBucketOptions): string {
  const host = hostOf(endpoint);
  const found = region ?? REGION_IN_HOST.exec(host)?.[1] ?? (isLoopback(host) ? LOOPBACK_REGION : undefined);
  if (found === undefined) {
    throw new SealiftError('config-invalid', 'no region was given, and the endpoint does not tell it', {
      object: 'region',
      remedy: 'Give a region id such as cn-hangzhou: every request is signed for it.',
    });
  }
  return found;
}

function hostOf(endpoint: string | undefined): string {
  const text = endpoint === undefined || endpoint.includes('://') ? (endpoint ?? '') : `https://${endpoint}`;
  return URL.canParse(text) ? new URL(text).hostname : '';
}

/** A failure is not kept: the next operation tries again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
