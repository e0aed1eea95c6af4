import type { KmsKey } from '../../src/keys/kms.js';
import type { RequestRecord } from '../../src/local/cloud.js';
import type { World } from './world.js';

/** The default key of the world's KMS, asked with the credentials of the run. */
export function kmsKey({ cloud }: World, more: Partial<KmsKey> = {}): KmsKey {
  return { keyId: cloud.kms.keyId, endpoint: cloud.kms.endpoint, region: cloud.oss.region, ...more };
}

/** What a pull is given that knows no key id: any key of the account opens. */
export function anyKmsKey({ cloud }: World, more: Partial<KmsKey> = {}): KmsKey {
  return { endpoint: cloud.kms.endpoint, region: cloud.oss.region, ...more };
}

export function kmsCalls(requests: readonly RequestRecord[]): RequestRecord[] {
  return requests.filter(({ service }) => service === 'kms');
}
