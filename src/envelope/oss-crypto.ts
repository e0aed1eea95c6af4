import type { FamilySpec } from './family.js';

/** The documented headers, read by the official Python SDK. Default. */
export const OSS_CRYPTO: FamilySpec = {
  family: 'oss-crypto',
  reserved: /^x-oss-meta-oss-(?:crypto-|cek-|wrap-|matdesc)/i,
  headers: {
    key: 'x-oss-meta-oss-crypto-key',
    start: 'x-oss-meta-oss-crypto-start',
    cekAlgorithm: 'x-oss-meta-oss-cek-alg',
    wrapAlgorithm: 'x-oss-meta-oss-wrap-alg',
    materialDescription: 'x-oss-meta-oss-matdesc',
    materialDescriptionAlias: 'x-oss-meta-oss-crypto-matdesc',
    length: 'x-oss-meta-unencrypted-content-length',
    md5: 'x-oss-meta-unencrypted-content-md5',
  },
  cekAlgorithm: 'AES/GCM/NoPadding',
  wrapAlgorithms: ['rsa', 'kms'],
};
