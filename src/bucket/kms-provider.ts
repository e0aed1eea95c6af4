import type { KmsFlavour } from '../keys/kms.js';
import type { EnvelopeFamily, KeyUnwrapper, KeyWrapper } from '../keys/wrapper.js';
import type { Credentials } from '../run/options.js';
import { providerOf, type CredentialsProvider } from '../store/credentials.js';
import { kmsProvider } from './master-key-provider.js';
import type { CryptoProvider, ProviderContext } from './provider.js';

/** Where the KMS is, and which key of it seals. */
export interface KmsProviderOptions {
  /** Key id or alias (`alias/…`). */
  readonly keyId: string;
  /** Region id such as `cn-hangzhou`. */
  readonly region: string;
  /** Host or URL; plain http for loopback addresses only. Certificates are always checked. @default `kms.<region>.aliyuncs.com` */
  readonly endpoint?: string;
  /** Bound to every key as encryption context, so that opening needs it too. Without quotes, `\` and control characters. */
  readonly passphrase?: string;
  /** @default those of the bucket */
  readonly credentials?: Credentials | CredentialsProvider;
  /** How the `client-side-encryption` envelope is written; both are read. @default 'java' */
  readonly flavour?: KmsFlavour;
  /** Written into every object and used to choose among several keys on reading. @default nothing */
  readonly materialDescription?: Readonly<Record<string, string>>;
  /** KMS calls per second at most, 1 to 100,000. @default 750 */
  readonly callsPerSecond?: number;
}

/** A master key in Alibaba KMS: it never leaves the service, and every object costs one call to seal and one to open. */
export class KmsProvider implements CryptoProvider {
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
  readonly #provider: CryptoProvider;

  constructor(options: KmsProviderOptions) {
    const { credentials, endpoint = `kms.${options.region}.aliyuncs.com`, ...key } = options;
    this.#provider = kmsProvider({ ...key, endpoint }, credentials === undefined ? undefined : providerOf(credentials));
    this.materialDescription = options.materialDescription;
  }

  /** Rejects with MasterKeyError `config-invalid` for an endpoint, a passphrase or a rate that cannot work. */
  wrapper(family: EnvelopeFamily, context: ProviderContext): Promise<KeyWrapper> {
    return this.#provider.wrapper(family, context);
  }

  /** Rejects like {@link KmsProvider.wrapper}. */
  unwrapper(context: ProviderContext): Promise<KeyUnwrapper | undefined> {
    return this.#provider.unwrapper(context);
  }
}
