import { COMMITMENT_BYTES, MAX_PLAINTEXT_BYTES, TAG_BYTES } from '../limits.js';
import { assertAttributes, parseAttributes } from './attributes.js';
import { assertWritable, isHex, type HeaderFields } from './fields.js';
import { decodeName } from './names.js';
import type { Authentication, EnvelopeInput } from './types.js';

export { encodeAttributes, parseAttributes } from './attributes.js';
export { decodeName, encodeName } from './names.js';

const FORMAT_VERSION = '1';
const VERSION = 'x-oss-meta-sealift-version';
const NAME = 'x-oss-meta-sealift-name';
const ATTRIBUTES = 'x-oss-meta-sealift-attributes';
const TAG = 'x-oss-meta-sealift-tag';
const MAC = 'x-oss-meta-sealift-mac';
const COMMITMENT = 'x-oss-meta-sealift-commitment';

/** Any name that begins so, in any case, is ours; one that is not below is refused. */
export const AUTHENTICATION_RESERVED = /^x-oss-meta-sealift-/i;
export const AUTHENTICATION_HEADERS: readonly string[] = [VERSION, NAME, ATTRIBUTES, TAG, MAC, COMMITMENT];

/** Undefined when none of our headers is there: a foreign object. Some but not all are refused. */
export function parseAuthentication(fields: HeaderFields, lengthBytes: number): Authentication | undefined {
  if (!AUTHENTICATION_HEADERS.some((name) => fields.has(name))) {
    return undefined;
  }
  if (fields.required(VERSION) !== FORMAT_VERSION) {
    fields.refuse(`${VERSION} is not ${FORMAT_VERSION}; a newer release may read it`);
  }
  if (lengthBytes > MAX_PLAINTEXT_BYTES) {
    fields.refuse(`a sealed object has at most ${MAX_PLAINTEXT_BYTES} bytes, this one ${lengthBytes}`);
  }
  if (fields.has(ATTRIBUTES)) {
    fields.parsed(ATTRIBUTES, parseAttributes);
  }
  return {
    name: fields.parsed(NAME, decodeName),
    encodedName: fields.required(NAME),
    attributes: fields.optional(ATTRIBUTES) ?? '',
    tag: fields.hex(TAG, TAG_BYTES),
    mac: fields.hex(MAC, TAG_BYTES),
    commitment: fields.hexText(COMMITMENT, COMMITMENT_BYTES),
  };
}

/** @throws EnvelopeError `envelope-invalid` for what {@link parseAuthentication} would refuse */
export function assertAuthentication({ authentication, lengthBytes }: EnvelopeInput, object: string): void {
  const { encodedName, attributes, tag, mac, commitment } = authentication;
  assertWritable(tag.length === TAG_BYTES && mac.length === TAG_BYTES, 'tag or mac have another length', object);
  assertWritable(isHex(commitment, COMMITMENT_BYTES), `the commitment is not ${2 * COMMITMENT_BYTES} lower-case hex digits`, object);
  assertWritable(Number.isSafeInteger(lengthBytes) && lengthBytes >= 0 && lengthBytes <= MAX_PLAINTEXT_BYTES, 'its length is out of bounds', object);
  decodeName(encodedName);
  assertAttributes(attributes);
}

export function writeAuthentication(to: Record<string, string>, { encodedName, attributes, tag, mac, commitment }: EnvelopeInput['authentication']): void {
  to[VERSION] = FORMAT_VERSION;
  to[NAME] = encodedName;
  if (attributes !== '') {
    to[ATTRIBUTES] = attributes;
  }
  to[TAG] = tag.toString('hex');
  to[MAC] = mac.toString('hex');
  to[COMMITMENT] = commitment;
}
