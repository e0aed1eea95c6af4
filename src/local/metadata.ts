import type { IncomingHttpHeaders } from 'node:http';
import { MAX_METADATA_BYTES } from '../limits.js';
import { invalidArgument, OssError } from './oss-error.js';

export type ObjectHeaders = Readonly<Record<string, string>>;

const META = 'x-oss-meta-';
const ENCRYPTION = `${META}client-side-encryption-`;
/** Headers that OSS keeps beside user metadata and gives back. */
const HTTP = ['content-type', 'content-disposition', 'content-encoding', 'content-language', 'cache-control', 'expires'];
const CLASS = 'x-oss-storage-class';
/** Never done here, but OSS gives them back, and a copy that does not say them again loses them. */
const SERVER_SIDE = ['x-oss-server-side-encryption', 'x-oss-server-side-data-encryption', 'x-oss-server-side-encryption-key-id'];
const KEPT = [...HTTP, CLASS, ...SERVER_SIDE];

const CLASSES: ReadonlySet<string> = new Set(['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive']);

/** Headers that must accompany a client-encrypted object, and the sub-code of the refusal. */
const ENCRYPTION_REQUIRED = [
  ['key', '0005-00000401'],
  ['start', '0005-00000402'],
  ['cek-alg', '0005-00000403'],
  ['wrap-alg', '0005-00000404'],
] as const;
const ENCRYPTION_SIZES = [
  ['data-size', '0005-00000406', '0005-00000408'],
  ['part-size', '0005-00000407', '0005-00000409'],
] as const;

/** What an object keeps of the headers of Put or Initiate. @throws OssError when its metadata breaks a rule of OSS */
export function objectHeaders(headers: IncomingHttpHeaders, kind: 'single' | 'multipart'): ObjectHeaders {
  const metadata = userMetadata(headers);
  checkMetadata(metadata);
  checkEncryption(metadata, kind);
  return { 'content-type': 'application/octet-stream', [CLASS]: 'Standard', ...given(headers, KEPT), ...metadata };
}

/** What a copy keeps of its source when it does not replace the metadata. @throws OssError for a class that does not exist */
export function copiedHeaders(source: ObjectHeaders, headers: IncomingHttpHeaders): ObjectHeaders {
  const own = Object.entries(source).filter(([name]) => !SERVER_SIDE.includes(name));
  return { ...Object.fromEntries(own), ...given(headers, [CLASS, ...SERVER_SIDE]) };
}

/** Whether OSS has to write the body anew for a copy: it does not keep it the way it keeps the source. */
export function changesStorage(source: ObjectHeaders, copy: ObjectHeaders): boolean {
  return [CLASS, ...SERVER_SIDE].some((name) => source[name] !== copy[name]);
}

export function storageClassOf(headers: ObjectHeaders): string {
  return headers[CLASS] ?? 'Standard';
}

function given(headers: IncomingHttpHeaders, names: readonly string[]): ObjectHeaders {
  const entries = names.map((name) => [name, headers[name]] as const).filter((entry): entry is readonly [string, string] => typeof entry[1] === 'string');
  const kept = Object.fromEntries(entries);
  if (!CLASSES.has(storageClassOf(kept))) {
    throw invalidArgument('The storage class that x-oss-storage-class names does not exist.');
  }
  return kept;
}

/** `x-oss-meta-…` headers alone. */
export function userMetadata(headers: IncomingHttpHeaders): ObjectHeaders {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith(META));
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
}

/** Client-encrypted objects repeat their headers on every part, so that no part of another object can slip in. */
export function checkPartEncryption(upload: ObjectHeaders, part: IncomingHttpHeaders): void {
  for (const name of [...ENCRYPTION_REQUIRED, ...ENCRYPTION_SIZES].map(([suffix]) => ENCRYPTION + suffix)) {
    if (upload[name] !== undefined && part[name] !== upload[name]) {
      throw invalidArgument(`The ${name} header of a part must be that of its InitiateMultipartUpload.`, '0005-00000411');
    }
  }
}

/** Parts of client-encrypted objects are as many and as large as their headers say. */
export function checkEncryptedParts(upload: ObjectHeaders, partSizes: readonly number[]): void {
  if (encryptionEntries(upload).length === 0) {
    return;
  }
  const [dataSize, partSize] = [Number(upload[`${ENCRYPTION}data-size`]), Number(upload[`${ENCRYPTION}part-size`])];
  if (partSizes.length !== Math.ceil(dataSize / partSize)) {
    throw invalidArgument('The number of parts does not fit data-size and part-size of the client-side encryption.', '0005-00000414');
  }
  if (partSizes.slice(0, -1).some((size) => size !== partSize || size % 16 !== 0)) {
    throw invalidArgument('Parts of a client-encrypted object must have the announced size, a multiple of 16.', '0005-00000415');
  }
}

/** CopyObject keeps the encryption headers of a client-encrypted object, or is refused. */
export function checkCopyEncryption(source: ObjectHeaders, copy: ObjectHeaders): void {
  const before = Object.fromEntries(encryptionEntries(source));
  const after = Object.fromEntries(encryptionEntries(copy));
  if (Object.keys(before).length > 0 && Object.entries({ ...after, ...before }).some(([name]) => before[name] !== after[name])) {
    throw invalidArgument('The client-side encryption metadata of an object cannot be changed by CopyObject.', '0005-00000416');
  }
}

function checkMetadata(metadata: ObjectHeaders): void {
  const bytes = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes >= MAX_METADATA_BYTES) {
    throw new OssError(400, 'InvalidArgument', 'The total size of user metadata must be less than 8 KB.', { ec: '0011-00000002' });
  }
  const wrong = Object.keys(metadata).find((name) => !/^[a-z0-9-]+$/u.test(name.slice(META.length)));
  if (wrong !== undefined) {
    throw invalidArgument('The key of a user metadata header contains invalid characters.', '0011-00000004');
  }
}

function checkEncryption(metadata: ObjectHeaders, kind: 'single' | 'multipart'): void {
  if (encryptionEntries(metadata).length === 0) {
    return;
  }
  for (const [name, ec] of ENCRYPTION_REQUIRED) {
    if (metadata[ENCRYPTION + name] === undefined) {
      throw invalidArgument(`The ${ENCRYPTION}${name} header is missing.`, ec);
    }
  }
  for (const [name, missing, notInteger] of kind === 'multipart' ? ENCRYPTION_SIZES : []) {
    const value = metadata[ENCRYPTION + name];
    if (value === undefined || !/^\d+$/u.test(value)) {
      throw invalidArgument(`The ${ENCRYPTION}${name} header must be an integer.`, value === undefined ? missing : notInteger);
    }
  }
}

function encryptionEntries(headers: ObjectHeaders): [string, string][] {
  return Object.entries(headers).filter(([name]) => name.startsWith(ENCRYPTION));
}
