import { KmsClient } from '../keys/kms-client.js';
import { kmsUnwrapper, kmsWrapper, type KmsFlavour, type KmsKey } from '../keys/kms.js';
import type { EnvelopeFamily, KeyUnwrapper, KeyWrapper } from '../keys/wrapper.js';
import type { Credentials } from '../run/options.js';
import { fixedCredentials, type CredentialsProvider } from '../store/credentials.js';
import type { CryptoProvider, ProviderContext } from './provider.js';

export interface KmsProviderOptions {
  /** Key id or alias (`alias/…`). */
  readonly keyId: string;
  /** Region id such as `cn-hangzhou`. */
  readonly region: string;
  /** Host or URL; plain http for loopback addresses only. @default `kms.<region>.aliyuncs.com` */
  readonly endpoint?: string;
  /** Bound to every key as encryption context, so that opening needs it too. Without quotes, `\` and control characters. */
  readonly passphrase?: string;
  /** @default those of the bucket */
  readonly credentials?: Credentials | CredentialsProvider;
  /** How the `client-side-encryption` envelope is written; both are read. @default 'java' */
  readonly flavour?: KmsFlavour;
  /** @default nothing */
  readonly materialDescription?: Readonly<Record<string, string>>;
  /** KMS calls per second at most. @default 750 */
  readonly callsPerSecond?: number;
}

/** A master key in Alibaba KMS: it never leaves the service, and every object costs one call to seal and one to open. */
export class KmsProvider implements CryptoProvider {
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
  readonly #options: KmsProviderOptions;

  constructor(options: KmsProviderOptions) {
    this.#options = options;
    this.materialDescription = options.materialDescription;
  }

  /** Rejects with MasterKeyError `config-invalid` for an endpoint or passphrase that cannot work. */
  wrapper(family: EnvelopeFamily, context: ProviderContext): Promise<KeyWrapper> {
    return this.#connect(context, (key, client) => kmsWrapper(key, family, client));
  }

  /** Rejects like {@link KmsProvider.wrapper}. */
  unwrapper(context: ProviderContext): Promise<KeyUnwrapper> {
    return this.#connect(context, kmsUnwrapper);
  }

  #connect<T>(context: ProviderContext, use: (key: KmsKey, client: KmsClient) => T): Promise<T> {
    const { endpoint = `kms.${this.#options.region}.aliyuncs.com`, credentials, ...options } = this.#options;
    const key = { ...options, endpoint };
    return Promise.resolve().then(() => use(key, new KmsClient(key, { credentials: providerOf(credentials) ?? context.credentials })));
  }
}

function providerOf(credentials: Credentials | CredentialsProvider | undefined): CredentialsProvider | undefined {
  return typeof credentials === 'object' ? fixedCredentials(credentials) : credentials;
}
