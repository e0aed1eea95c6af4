import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import { KEY_FILE_KDF_ROUNDS } from '../limits.js';
import type { Passphrase } from './passphrase.js';

const SALT_BYTES = 16;
const IV_BYTES = 16;
const KEY_BYTES = 32;

const OID = {
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const;

/**
 * A private key as encrypted PKCS#8 PEM: PBES2 (RFC 8018) with PBKDF2-HMAC-SHA-256 and AES-256-CBC, which OpenSSL, Java
 * and Python read. Not by KeyObject.export, which derives the key in 2,048 rounds: a stolen file would fall to guessing.
 */
export async function encryptPrivateKey(key: KeyObject, passphrase: Passphrase): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const secret = passphrase.reveal();
  const derived = await promisify(pbkdf2)(secret, salt, KEY_FILE_KDF_ROUNDS, KEY_BYTES, 'sha256');
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const cipher = createCipheriv('aes-256-cbc', derived, iv);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  for (const bytes of [secret, derived, plain]) {
    bytes.fill(0);
  }
  return encode({ salt, iv, sealed });
}

interface Pbes2 {
  readonly salt: Buffer;
  readonly iv: Buffer;
  readonly sealed: Buffer;
}

async function encode({ salt, iv, sealed }: Pbes2): Promise<string> {
  const { default: forge } = await import('node-forge');
  const { asn1 } = forge;
  const { UNIVERSAL } = asn1.Class;
  const sequence = (...items: ReturnType<typeof asn1.create>[]) => asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, items);
  const oid = (dotted: string) => asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
  const octets = (bytes: Buffer) => asn1.create(UNIVERSAL, asn1.Type.OCTETSTRING, false, bytes.toString('latin1'));
  const rounds = asn1.create(UNIVERSAL, asn1.Type.INTEGER, false, asn1.integerToDer(KEY_FILE_KDF_ROUNDS).getBytes());
  const none = asn1.create(UNIVERSAL, asn1.Type.NULL, false, '');
  const derivation = sequence(oid(OID.pbkdf2), sequence(octets(salt), rounds, sequence(oid(OID.hmacSha256), none)));
  const encryption = sequence(oid(OID.aes256Cbc), octets(iv));
  const info = sequence(sequence(oid(OID.pbes2), sequence(derivation, encryption)), octets(sealed));
  return forge.pem.encode({ type: 'ENCRYPTED PRIVATE KEY', body: asn1.toDer(info).getBytes() }, { maxline: 64 }).replaceAll('\r\n', '\n');
}
