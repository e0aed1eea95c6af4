import { constants, createHash, hkdfSync, privateDecrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** Which header a ciphertext came from, and how many bytes a value in it must have. */
export interface WrappedField {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Always returns `field.bytes` bytes and never throws for a bad ciphertext: the message when padding and length are
 * right, otherwise pseudo-random bytes that stay the same for the same key, ciphertext and field.
 */
export type Pkcs1Decrypter = (ciphertext: Buffer, field: WrappedField) => Buffer;

/** 0x00 0x02, at least eight non-zero bytes, 0x00: RFC 8017 §7.2.1. */
const MIN_OVERHEAD_BYTES = 11;

/**
 * RSAES-PKCS1-v1_5 decryption with implicit rejection, for readers of the `client-side-encryption` envelope.
 *
 * Node refuses this padding for private keys (CVE-2023-46809) because the error alone lets an attacker decrypt
 * (Bleichenbacher). Here nothing observable depends on the padding: the raw RSA result is unpadded without a branch at
 * the one place where a message of the expected length can start, and the outcome is selected by a mask. JavaScript
 * cannot promise constant time; it can promise the same operations in the same order.
 *
 * Shape after OpenSSL 3.2 and draft-irtf-cfrg-rsa-guidance. The private key must be RSA, 2,048 bits or more.
 */
export function pkcs1Decrypter(privateKey: KeyObject): Pkcs1Decrypter {
  const modulusBytes = Math.ceil((privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  let secret: Buffer | undefined;
  return (ciphertext, field) => {
    if (field.bytes < 0 || field.bytes > modulusBytes - MIN_OVERHEAD_BYTES) {
      throw new RangeError(`a ${field.name} of ${field.bytes} bytes does not fit an RSA key of ${modulusBytes} bytes`);
    }
    secret ??= rejectionSecret(privateKey);
    // Node 24 and later derive no less than a byte.
    const instead = Buffer.from(hkdfSync('sha256', secret, ciphertext, field.name, Math.max(1, field.bytes))).subarray(0, field.bytes);
    const encoded = rawDecrypt(privateKey, ciphertext, modulusBytes);
    const message = select(paddingMask(encoded, field.bytes), encoded.subarray(modulusBytes - field.bytes), instead);
    encoded.fill(0);
    return message;
  };
}

/** Made for the first ciphertext, whatever is in it: a thread that only seals would spend 15 ms at its start. */
function rejectionSecret(privateKey: KeyObject): Buffer {
  return createHash('sha256').update('sealift/1 implicit rejection\n').update(privateKey.export({ type: 'pkcs1', format: 'der' })).digest();
}

/** A ciphertext of the wrong size, or not below the modulus, is public knowledge: zeros have no valid padding. */
function rawDecrypt(key: KeyObject, ciphertext: Buffer, modulusBytes: number): Buffer {
  if (ciphertext.length !== modulusBytes) {
    return Buffer.alloc(modulusBytes);
  }
  try {
    return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, ciphertext);
  } catch {
    return Buffer.alloc(modulusBytes);
  }
}

/** 0xff when the padding leaves exactly `messageBytes` of message, 0x00 otherwise. */
function paddingMask(encoded: Buffer, messageBytes: number): number {
  const separator = encoded.length - messageBytes - 1;
  let bad = encoded.readUInt8(0) | (encoded.readUInt8(1) ^ 2) | encoded.readUInt8(separator);
  for (let index = 2; index < separator; index += 1) {
    bad |= ((encoded.readUInt8(index) - 1) >>> 8) & 0xff;
  }
  return ((bad - 1) >>> 8) & 0xff;
}

function select(mask: number, chosen: Buffer, otherwise: Buffer): Buffer {
  const result = Buffer.alloc(otherwise.length);
  for (let index = 0; index < result.length; index += 1) {
    result[index] = (chosen.readUInt8(index) & mask) | (otherwise.readUInt8(index) & ~mask);
  }
  otherwise.fill(0);
  return result;
}
