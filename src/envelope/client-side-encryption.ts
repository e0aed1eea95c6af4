import type { FamilySpec } from './family.js';

/** The headers that current official SDKs write and read; OSS checks them itself. */
export const CLIENT_SIDE_ENCRYPTION: FamilySpec = {
  family: 'client-side-encryption',
  reserved: /^x-oss-meta-client-side-encryption-/i,
  headers: {
    key: 'x-oss-meta-client-side-encryption-key',
    start: 'x-oss-meta-client-side-encryption-start',
    cekAlgorithm: 'x-oss-meta-client-side-encryption-cek-alg',
    wrapAlgorithm: 'x-oss-meta-client-side-encryption-wrap-alg',
    materialDescription: 'x-oss-meta-client-side-encryption-matdesc',
    length: 'x-oss-meta-client-side-encryption-unencrypted-content-length',
    md5: 'x-oss-meta-client-side-encryption-unencrypted-content-md5',
    dataSize: 'x-oss-meta-client-side-encryption-data-size',
    partSize: 'x-oss-meta-client-side-encryption-part-size',
  },
  cekAlgorithm: 'AES/CTR/NoPadding',
  wrapAlgorithms: ['RSA/NONE/PKCS1Padding', 'RSA/NONE/OAEPWithSHA-1AndMGF1Padding', 'KMS/ALICLOUD'],
};
