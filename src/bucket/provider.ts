import type { EnvelopeFamily, KeyUnwrapper, KeyWrapper } from '../keys/wrapper.js';
import type { CredentialsProvider } from '../store/credentials.js';

/** What a bucket lends to its providers. */
export interface ProviderContext {
  /** Of the bucket; for a KMS that is asked with the same ones. */
  readonly credentials: CredentialsProvider;
}

/**
 * Where master keys come from. Most readers want RsaProvider or KmsProvider; whoever keeps keys elsewhere (an HSM, another
 * KMS) implements this, with `DataKey` and `StartBlock` of `sealift/format`; docs/examples/own-keys.ts shows how.
 */
export interface CryptoProvider {
  /** Written into every object sealed with this provider, and used to recognise them on reading. @default nothing */
  readonly materialDescription?: Readonly<Record<string, string>> | undefined;
  /** The sealing side. Asked for once per bucket, before the first object is sealed. */
  wrapper(family: EnvelopeFamily, context: ProviderContext): Promise<KeyWrapper>;
  /** The opening side; undefined when this provider can only seal. Asked for once per bucket. */
  unwrapper(context: ProviderContext): Promise<KeyUnwrapper | undefined>;
}
