import { createHash } from 'node:crypto';
import { StoreError } from '../errors.js';
import { headerOf, unquoted } from './oss-wire.js';
import type { OssAnswer } from './oss-wire.js';
import type { StoredObject } from './store.js';

const CRC64_HEADER = 'x-oss-hash-crc64ecma';
const MAX_CRC64 = 2n ** 64n - 1n;
const MD5_ETAG = /^[0-9a-f]{32}$/i;

/** What the server says about an object or part; its CRC-64 when it sends one. */
export function storedObject(answer: OssAnswer): StoredObject {
  const versionId = headerOf(answer.headers, 'x-oss-version-id');
  return {
    etag: unquoted(headerOf(answer.headers, 'etag') ?? ''),
    crc64: crc64Of(answer),
    ...(versionId === undefined ? {} : { versionId }),
  };
}

/**
 * Whether the server holds the bytes that were sent. Its CRC-64 decides; where it sends none, its ETag must be the MD5 of
 * the body, which is computed only then. Throws code `checksum-mismatch`, retryable.
 */
export function confirmBody(answer: OssAnswer, body: Uint8Array, crc64: bigint): StoredObject {
  const stored = storedObject(answer);
  if (stored.crc64 !== undefined) {
    confirmCrc64(answer, stored.crc64, crc64);
    return stored;
  }
  if (!MD5_ETAG.test(stored.etag)) {
    throw mismatch(answer, 'the server confirms neither CRC-64 nor MD5 of the body');
  }
  if (stored.etag.toLowerCase() !== createHash('md5').update(body).digest('hex')) {
    throw mismatch(answer, 'the server holds a body with another MD5 than the one that was sent');
  }
  return stored;
}

/** What the server says about an object whose metadata it replaced, if its body is the one that it was. Throws code `checksum-mismatch`, retryable. */
export function confirmSameBody(answer: OssAnswer, etag: string, before: bigint | undefined): StoredObject {
  const stored = { ...storedObject(answer), etag };
  if (stored.crc64 !== undefined && before !== undefined && stored.crc64 !== before) {
    throw mismatch(answer, 'the server holds a body with another CRC-64 than before');
  }
  return stored;
}

export function confirmCrc64(answer: OssAnswer, actual: bigint, expected: bigint): void {
  if (actual !== expected) {
    throw mismatch(answer, 'the server holds a body with another CRC-64 than the one that was sent');
  }
}

function crc64Of(answer: OssAnswer): bigint | undefined {
  const text = headerOf(answer.headers, CRC64_HEADER);
  if (text === undefined) {
    return undefined;
  }
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : MAX_CRC64 + 1n;
  if (value > MAX_CRC64) {
    throw mismatch(answer, 'the CRC-64 in the answer is no number of 64 bits');
  }
  return value;
}

function mismatch({ object, status }: OssAnswer, reason: string): StoreError {
  const remedy = 'If it happens again, look for a proxy between here and OSS that changes bodies.';
  return new StoreError('checksum-mismatch', `${object}: ${reason}`, { object, status, remedy, retryable: true });
}
