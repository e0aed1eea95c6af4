import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { MasterKeyError } from '../errors.js';
import { parsePkcs12 } from './pkcs12.js';
import { passphraseError } from './passphrase.js';
import type { Passphrase } from './passphrase.js';

export interface ParseOptions {
  /** For messages only. */
  readonly path: string;
  readonly passphrase?: Passphrase | undefined;
}

type Format = 'private' | 'encrypted' | 'public' | 'certificate' | 'pkcs12' | 'unknown';

/** By label: a private key outranks the certificate that may stand beside it. */
const PEM: readonly (readonly [Format, RegExp])[] = [
  ['encrypted', /-----BEGIN (?:ENCRYPTED PRIVATE KEY-----|[A-Z ]*PRIVATE KEY-----\s+Proc-Type: 4,ENCRYPTED)/],
  ['private', /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ['certificate', /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/],
  ['public', /-----BEGIN [A-Z ]*PUBLIC KEY-----/],
];

const SEQUENCE = '30(?:80|[0-7].|81..|82....|83......)';

/** By the first bytes after the outer SEQUENCE, as hex: version numbers, then the algorithm of PKCS#5 or PKCS#12. */
const DER: readonly (readonly [Format, RegExp])[] = [
  ['pkcs12', new RegExp(`^${SEQUENCE}020103`)],
  ['private', new RegExp(`^${SEQUENCE}02010[01]`)],
  ['encrypted', new RegExp(`^${SEQUENCE}${SEQUENCE}06..2a864886f70d01(?:05|0c)`)],
  ['public', new RegExp(`^${SEQUENCE}${SEQUENCE}06`)],
  ['certificate', new RegExp(`^${SEQUENCE}${SEQUENCE}`)],
];

/** Bytes of a DER file that decide: two headers and an algorithm. */
const DER_PREFIX_BYTES = 32;
/** PKCS#8 says its algorithm after the version; PKCS#1 goes on with the modulus. */
const DER_PKCS1 = new RegExp(`^${SEQUENCE}02010[01]02`);

/** Whether a file must be kept from other users. */
export function holdsSecret(bytes: Buffer): boolean {
  return ['private', 'encrypted', 'pkcs12'].includes(formatOf(bytes));
}

/**
 * The key in a file: PKCS#1, PKCS#8, PKCS#12, SPKI or X.509, in PEM or DER; the private one where a file holds both.
 *
 * Rejects with MasterKeyError `key-file-invalid` or `passphrase-wrong`. The cause is dropped on purpose: OpenSSL's texts
 * help nobody, and a wrong passphrase looks like a damaged file in several of them.
 */
export async function parseKey(bytes: Buffer, options: ParseOptions): Promise<KeyObject> {
  const format = formatOf(bytes);
  try {
    return format === 'pkcs12' ? await parsePkcs12(bytes, options.passphrase) : parseNative(bytes, format, options.passphrase);
  } catch {
    throw format === 'encrypted' || format === 'pkcs12' ? passphraseError(options.path, options.passphrase) : notAKey(options.path);
  }
}

function parseNative(bytes: Buffer, format: Format, passphrase: Passphrase | undefined): KeyObject {
  if (format === 'certificate') {
    return new X509Certificate(bytes).publicKey;
  }
  const der = isPem(bytes) ? undefined : bytes;
  if (format === 'public') {
    return createPublicKey(der === undefined ? bytes : { key: der, format: 'der', type: 'spki' });
  }
  const secret = passphrase === undefined ? {} : { passphrase: passphrase.reveal() };
  return createPrivateKey(der === undefined ? { key: bytes, ...secret } : { key: der, format: 'der', type: derType(der), ...secret });
}

function formatOf(bytes: Buffer): Format {
  const [text, table] = isPem(bytes) ? [bytes.toString('latin1'), PEM] : [prefixOf(bytes), DER];
  return table.find(([, pattern]) => pattern.test(text))?.[0] ?? 'unknown';
}

function derType(bytes: Buffer): 'pkcs1' | 'pkcs8' {
  return DER_PKCS1.test(prefixOf(bytes)) ? 'pkcs1' : 'pkcs8';
}

function prefixOf(bytes: Buffer): string {
  return bytes.toString('hex', 0, DER_PREFIX_BYTES);
}

function isPem(bytes: Buffer): boolean {
  return bytes.includes('-----BEGIN ');
}

function notAKey(path: string): MasterKeyError {
  return new MasterKeyError('key-file-invalid', `${path} holds no RSA key that can be read`, {
    object: path,
    remedy: 'Readable are PKCS#1, PKCS#8, PKCS#12, SPKI and X.509, in PEM or DER.',
  });
}
