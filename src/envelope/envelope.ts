import { EnvelopeError } from '../errors.js';
import type { EnvelopeFamily, WrappedKeys } from '../keys/wrapper.js';
import { MAX_METADATA_BYTES, MD5_BYTES } from '../limits.js';
import type { Metadata } from '../store/store.js';
import { AUTHENTICATION_HEADERS, AUTHENTICATION_RESERVED, assertAuthentication, parseAuthentication, writeAuthentication } from './authentication.js';
import { CLIENT_SIDE_ENCRYPTION } from './client-side-encryption.js';
import { assertFamily, parseFamily, writeFamily, type FamilySpec } from './family.js';
import { HeaderFields, isCanonicalBase64 } from './fields.js';
import { encodeMaterialDescription } from './material-description.js';
import { OSS_CRYPTO } from './oss-crypto.js';
import type { Envelope, EnvelopeInput } from './types.js';

export { assertRequested, type RequestedObject } from './authenticate.js';
export type { Attributes, Authentication, Envelope, EnvelopeInput, Multipart } from './types.js';

const SPECS: Readonly<Record<EnvelopeFamily, FamilySpec>> = {
  'oss-crypto': OSS_CRYPTO,
  'client-side-encryption': CLIENT_SIDE_ENCRYPTION,
};
/** What may stand in one object, by family. */
const KNOWN: Readonly<Record<EnvelopeFamily, ReadonlySet<string>>> = {
  'oss-crypto': knownNames(OSS_CRYPTO),
  'client-side-encryption': knownNames(CLIENT_SIDE_ENCRYPTION),
};

/**
 * Reads the envelope of an object, strictly and without unwrapping anything.
 *
 * @param metadata - user metadata, full lower-case names; what is not ours is ignored
 * @param objectBytes - length of the stored object
 * @param object - the object key, for messages
 * @returns null when none of it is ours: a plain object
 * @throws EnvelopeError `envelope-invalid` for anything malformed, incomplete, unknown or of two families
 */
export function parseEnvelope(metadata: Metadata, objectBytes: number, object = 'object'): Envelope | null {
  const names = Object.keys(metadata).filter(isReserved);
  if (names.length === 0) {
    return null;
  }
  const fields = new HeaderFields(metadata, object);
  const spec = chooseFamily(names, fields);
  const unknown = names.find((name) => !KNOWN[spec.family].has(name));
  if (unknown !== undefined) {
    fields.refuse(`${JSON.stringify(unknown)} is an unknown header under a reserved prefix`);
  }
  const authentication = parseAuthentication(fields, objectBytes);
  return { authentication, ...parseFamily(spec, fields, objectBytes) };
}

/**
 * The headers of a sealed object: frozen, so that a retry or a resumed upload resends them verbatim.
 *
 * @throws EnvelopeError `metadata-too-large` above 8 KiB of full names and values; `usage` for user metadata under our
 * names or that is no header; `envelope-invalid` for input that {@link parseEnvelope} would refuse
 */
export function encodeEnvelope(input: EnvelopeInput): Readonly<Record<string, string>> {
  const object = input.authentication.encodedName;
  assertReadable(input, object);
  const headers: Record<string, string> = {};
  writeFamily(headers, SPECS[input.family], input);
  writeAuthentication(headers, input.authentication);
  Object.assign(headers, input.userMetadata && checkedUserMetadata(input.userMetadata, object));
  assertSize(headers, object);
  return Object.freeze(headers);
}

/**
 * The metadata of an `oss-crypto` object under another master key. Whatever is not the wrapping, the user's own included, stays as
 * it is: the authentication of a sealed object covers none of what changes.
 *
 * @throws EnvelopeError `metadata-too-large` above 8 KiB of full names and values
 */
export function rewrapMetadata(metadata: Metadata, { wrapAlgorithm, wrappedKey, wrappedStart, materialDescription }: Omit<WrappedKeys, 'family'>, object: string): Metadata {
  const { headers } = OSS_CRYPTO;
  const descriptions: readonly (string | undefined)[] = [headers.materialDescription, headers.materialDescriptionAlias];
  const renewed = {
    ...Object.fromEntries(Object.entries(metadata).filter(([name]) => !descriptions.includes(name))),
    [headers.key]: wrappedKey,
    [headers.start]: wrappedStart,
    [headers.wrapAlgorithm]: wrapAlgorithm,
    ...(materialDescription === undefined ? {} : { [headers.materialDescription]: encodeMaterialDescription(materialDescription) }),
  };
  assertSize(renewed, object);
  return renewed;
}

function assertSize(metadata: Metadata, object: string): void {
  const sizeBytes = metadataBytes(metadata);
  if (sizeBytes > MAX_METADATA_BYTES) {
    throw new EnvelopeError('metadata-too-large', `${object}: ${sizeBytes} bytes of metadata, OSS allows ${MAX_METADATA_BYTES}`, {
      object,
      remedy: 'Shorten the path, the material description or your own metadata.',
    });
  }
}

/** What a reader would refuse is never written. */
function assertReadable(input: EnvelopeInput, object: string): void {
  const { contentMd5 } = input;
  assertAuthentication(input, object);
  assertFamily(SPECS[input.family], input, object);
  if (contentMd5 !== undefined && !(isCanonicalBase64(contentMd5) && Buffer.from(contentMd5, 'base64').length === MD5_BYTES)) {
    throw new EnvelopeError('usage', `${object}: contentMd5 is not the base64 of 16 bytes`, { object });
  }
}

/** The user's own part of an object's metadata. Nothing authenticates it. */
export function userMetadataOf(metadata: Metadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !isReserved(name) && !isOurs(name)));
}

/** What OSS counts: full names plus values, in bytes. */
export function metadataBytes(metadata: Metadata): number {
  return Object.keys(metadata).reduce((sum, name) => sum + Buffer.byteLength(name) + Buffer.byteLength(String(metadata[name])), 0);
}

/** A header that only differs in case is ours too, and unknown. */
function isReserved(name: string): boolean {
  return AUTHENTICATION_RESERVED.test(name) || OSS_CRYPTO.reserved.test(name) || CLIENT_SIDE_ENCRYPTION.reserved.test(name);
}

function knownNames({ headers }: FamilySpec): ReadonlySet<string> {
  return new Set([...Object.values<string>({ ...headers }), ...AUTHENTICATION_HEADERS]);
}

function chooseFamily(names: readonly string[], fields: HeaderFields): FamilySpec {
  const [spec, other] = Object.values(SPECS).filter(({ reserved }) => names.some((name) => reserved.test(name)));
  if (spec === undefined) {
    return fields.refuse('it has authentication headers, but no wrapped key');
  }
  return other === undefined ? spec : fields.refuse('it has headers of two families');
}

function checkedUserMetadata(metadata: Metadata, object: string): Metadata {
  const refused = Object.entries(metadata).find(
    ([name, value]) => isReserved(name) || isOurs(name) || !/^x-oss-meta-[a-z0-9-]+$/.test(name) || !/^[ -~]*$/.test(value),
  );
  if (refused !== undefined) {
    throw new EnvelopeError('usage', `${object}: ${JSON.stringify(refused[0])} cannot be user metadata`, {
      object,
      remedy: 'Use lower-case x-oss-meta-… names outside our prefixes and printable ASCII values.',
    });
  }
  return metadata;
}

/** Two names of `oss-crypto` stand outside its prefixes. */
function isOurs(name: string): boolean {
  return Object.values(KNOWN).some((known) => known.has(name));
}
