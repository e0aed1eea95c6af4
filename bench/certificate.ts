/** A certificate for 127.0.0.1 that vouches for itself, and its key: made when they are needed and kept nowhere else. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';

const DAY_MS = 86_400_000;
/** The kind of a subject alternative name that is an address (RFC 5280, iPAddress). */
const ADDRESS = 7;

export interface CertificateFiles {
  /** PEM files. */
  readonly key: string;
  readonly certificate: string;
  /** PEM text, for clients that are to trust it. */
  readonly pem: string;
}

export function makeCertificate(directory: string): CertificateFiles {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const pem = signed(pair);
  const [key, certificate] = [join(directory, 'tls.key'), join(directory, 'tls.crt')];
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  writeFileSync(certificate, pem);
  return { key, certificate, pem };
}

function signed({ publicKey, privateKey }: { readonly publicKey: string; readonly privateKey: string }): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = `00${randomBytes(8).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
  const name = [{ name: 'commonName', value: '127.0.0.1' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames: [{ type: ADDRESS, ip: '127.0.0.1' }] }]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}
