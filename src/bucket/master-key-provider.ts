import { KmsClient } from '../keys/kms-client.js';
import { kmsUnwrapper, kmsWrapper, type KmsKey } from '../keys/kms.js';
import { canOpen, isKmsKey, type MasterKey } from '../keys/master-key.js';
import { rsaUnwrapper, rsaWrapper, type RsaKey } from '../keys/rsa.js';
import type { CredentialsProvider } from '../store/credentials.js';
import type { CryptoProvider } from './provider.js';

/** A configured master key as a provider; a KMS is asked with the credentials of the key, or else with those of the bucket. */
export function providerFor(key: MasterKey): CryptoProvider {
  return isKmsKey(key) ? kmsProvider(key) : rsaProvider(key);
}

/** @param own - credentials that go before those of the bucket */
export function kmsProvider(key: KmsKey, own?: CredentialsProvider): CryptoProvider {
  const connect = (shared: CredentialsProvider): KmsClient => new KmsClient(key, key.credentials === undefined ? { credentials: own ?? shared } : {});
  return {
    materialDescription: key.materialDescription,
    wrapper: (family, { credentials }) => attempt(() => kmsWrapper(key, family, connect(credentials))),
    unwrapper: ({ credentials }) => attempt(() => kmsUnwrapper(key, connect(credentials))),
  };
}

function rsaProvider(key: RsaKey): CryptoProvider {
  return {
    materialDescription: key.materialDescription,
    wrapper: (family) => attempt(() => rsaWrapper(key, family)),
    unwrapper: () => attempt(() => (canOpen(key) ? rsaUnwrapper(key) : undefined)),
  };
}

/** Throws become rejections. */
function attempt<T>(make: () => T): Promise<T> {
  return Promise.resolve().then(make);
}
