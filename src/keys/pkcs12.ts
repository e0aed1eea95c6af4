import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import type { Passphrase } from './passphrase.js';

/**
 * The private key of a PKCS#12 file, or the public key of its certificate when it holds no other. OpenSSL can read such
 * files but Node gives no access to it, so node-forge does; it is loaded only here, for it is large.
 *
 * Rejects with an Error of no promised kind when the passphrase is wrong or nothing usable is inside.
 */
export async function parsePkcs12(bytes: Buffer, passphrase: Passphrase | undefined): Promise<KeyObject> {
  const { default: forge } = await import('node-forge');
  const store = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(bytes.toString('latin1')), false, passphrase?.reveal().toString('utf8') ?? '');
  const bags = store.safeContents.flatMap((content) => content.safeBags);
  const privateKey = bags.map((bag) => bag.key).find(Boolean);
  if (privateKey !== undefined) {
    return createPrivateKey(forge.pki.privateKeyToPem(privateKey));
  }
  const certificate = bags.map((bag) => bag.cert).find(Boolean);
  if (certificate === undefined) {
    throw new Error('neither an RSA key nor a certificate inside');
  }
  return createPublicKey(forge.pki.publicKeyToPem(certificate.publicKey));
}
