import { X509Certificate } from 'node:crypto';
import { SealiftError } from '../errors.js';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM text, and nothing of what stands around them.
 *
 * @param name - of the text, for messages
 * @throws SealiftError `config-invalid` where there is none, or one that cannot be read: OpenSSL leaves such out, and the failure
 * would come later as one of trust.
 */
export function certificatesIn(pem: string, name: string): readonly string[] {
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate)) {
    throw new SealiftError('config-invalid', `${name} holds no certificates, or one that cannot be read`, {
      object: name,
      remedy: 'Give the certificates of the authority in PEM form, each between BEGIN CERTIFICATE and END CERTIFICATE.',
    });
  }
  return certificates;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
