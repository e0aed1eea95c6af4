import { kmsFingerprint, type KmsKey } from './kms.js';
import type { RsaKey } from './rsa.js';

/** A master key as configured: an RSA key pair, or a key in Alibaba KMS. Plain data that crosses to worker threads. */
export type MasterKey = RsaKey | KmsKey;

export function isKmsKey(key: MasterKey): key is KmsKey {
  return 'endpoint' in key;
}

/** Public identity: recorded in manifests, shown in plans. */
export function fingerprintOf(key: MasterKey): string {
  return isKmsKey(key) ? kmsFingerprint(key) : key.fingerprint;
}

/** Whether there is anything to open with. Of a KMS key only KMS knows what it permits. */
export function canOpen(key: MasterKey): boolean {
  return isKmsKey(key) || key.privateKey !== undefined;
}
