import { MasterKeyError } from '../../errors.js';
import { Keyring } from '../../keys/keyring.js';
import { kmsRewrapper, kmsUnwrapper, kmsWrapper, type KmsKey } from '../../keys/kms.js';
import { KmsClient, type KmsPorts } from '../../keys/kms-client.js';
import { canOpen, fingerprintOf, isKmsKey, type MasterKey } from '../../keys/master-key.js';
import { rsaRewrapper, rsaUnwrapper, rsaWrapper } from '../../keys/rsa.js';
import type { StartSource } from '../../keys/start-cache.js';
import type { KeyRewrapper, KeyUnwrapper, KeyWrapper } from '../../keys/wrapper.js';
import type { WorkerContext } from '../context.js';
import type { CredentialsProvider } from '../options.js';
import type { ThreadCommons } from './thread-commons.js';

/** The master keys of a run, ready for one thread. */
export interface OpenedMasterKeys {
  readonly keyring: Keyring;
  /** Of the first key. @throws MasterKeyError `master-key-missing`, `config-invalid` */
  readonly sealingWrapper: () => KeyWrapper;
  /** The first key. @throws MasterKeyError `master-key-missing`, `config-invalid` */
  readonly successor: () => Successor;
}

/** A key that takes objects over from others. */
export interface Successor {
  readonly rewrapper: KeyRewrapper;
  /** That key alone, to see whether it opens what it has wrapped; undefined where it is a public one. */
  readonly keyring: Keyring | undefined;
}

type Pauses = Pick<KmsPorts, 'onRetry' | 'signal'>;

export function openMasterKeys({ keys, family, rewrap }: Pick<WorkerContext, 'keys' | 'family' | 'rewrap'>, commons: ThreadCommons, pauses: Pauses): OpenedMasterKeys {
  const clients = new Map<KmsKey, KmsClient>();
  const clientOf = (key: KmsKey): KmsClient => {
    const client = clients.get(key) ?? connect(key, commons, pauses);
    clients.set(key, client);
    return client;
  };
  // What another thread has unwrapped does not say under which key it was, and a rewrap has to know.
  const startsOf = (key: KmsKey): StartSource | undefined => (rewrap === undefined ? scoped(commons, keys.indexOf(key)) : undefined);
  const unwrapperOf = (key: MasterKey): KeyUnwrapper => (isKmsKey(key) ? kmsUnwrapper(key, clientOf(key), startsOf(key)) : rsaUnwrapper(key));
  const keyringOf = (some: readonly MasterKey[]): Keyring => new Keyring(some.filter(canOpen).map(unwrapperOf));
  return {
    // Most objects of a rewrap are not under the first key yet.
    keyring: keyringOf(rewrap === undefined ? keys : [...keys.slice(1), ...keys.slice(0, 1)]),
    sealingWrapper: () => {
      const key = firstOf(keys);
      return isKmsKey(key) ? kmsWrapper(key, family, clientOf(key)) : rsaWrapper(key, family);
    },
    successor: () => {
      const key = firstOf(keys);
      const rewrapper = isKmsKey(key) ? kmsRewrapper(key, clientOf(key)) : rsaRewrapper(key);
      return { rewrapper, keyring: canOpen(key) ? keyringOf([key]) : undefined };
    },
  };
}

function firstOf([first]: readonly MasterKey[]): MasterKey {
  if (first === undefined) {
    throw new MasterKeyError('master-key-missing', 'no master key to seal with', { remedy: 'pass --key FILE or --kms-key ID' });
  }
  return first;
}

/** Names the sealing key, once it is certain that it can seal. @throws MasterKeyError like the wrapper, before anything is asked of a KMS */
export function sealingFingerprint(keys: readonly MasterKey[], family: WorkerContext['family'], credentials: CredentialsProvider): string {
  const [first] = keys;
  if (first === undefined) {
    throw new MasterKeyError('master-key-missing', 'a push needs a master key to seal with', { remedy: 'pass --key FILE (a public key is enough) or --kms-key ID' });
  }
  return isKmsKey(first) ? kmsWrapper(first, family, new KmsClient(first, { credentials })).fingerprint : fingerprintOf(first);
}

/** Every thread has a client of its own and its part of the permitted rate; credentials are those of the run. */
function connect(key: KmsKey, { credentials, kmsShare }: ThreadCommons, pauses: Pauses): KmsClient {
  return new KmsClient(key, { ...pauses, rateShare: kmsShare, ...(key.credentials === undefined ? { credentials } : {}) });
}

/** What one key has unwrapped counts for that key alone. */
function scoped(commons: StartSource, index: number): StartSource {
  return { get: (id, unwrap) => commons.get(`${index} ${id}`, unwrap) };
}
