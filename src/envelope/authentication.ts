import { COMMITMENT_BYTES, MAX_PLAINTEXT_BYTES, TAG_BYTES } from '../limits.js';
import { parseAttributes } from './attributes.js';
import { META, type HeaderFields } from './fields.js';
import { decodeName } from './names.js';
import type { Authentication, EnvelopeInput } from './types.js';

export { encodeAttributes, parseAttributes } from './attributes.js';
export { decodeName, encodeName } from './names.js';

const PREFIX = `${META}sealift-`;
const FORMAT_VERSION = '1';
const VERSION = `${PREFIX}version`;
const NAME = `${PREFIX}name`;
const ATTRIBUTES = `${PREFIX}attributes`;
const TAG = `${PREFIX}tag`;
const MAC = `${PREFIX}mac`;
const COMMITMENT = `${PREFIX}commitment`;

const REQUIRED: readonly string[] = [VERSION, NAME, TAG, MAC, COMMITMENT];

export function isReservedByAuthentication(name: string): boolean {
  return name.startsWith(PREFIX);
}

export function isKnownToAuthentication(name: string): boolean {
  return name === ATTRIBUTES || REQUIRED.includes(name);
}

/** Undefined when none of our headers is there: a foreign object. Some but not all are refused. */
export function parseAuthentication(fields: HeaderFields, lengthBytes: number): Authentication | undefined {
  if (![ATTRIBUTES, ...REQUIRED].some((name) => fields.has(name))) {
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
    commitment: fields.hex(COMMITMENT, COMMITMENT_BYTES),
  };
}

export function encodeAuthentication({ encodedName, attributes, tag, mac, commitment }: EnvelopeInput['authentication']): Record<string, string> {
  return {
    [VERSION]: FORMAT_VERSION,
    [NAME]: encodedName,
    ...(attributes !== '' && { [ATTRIBUTES]: attributes }),
    [TAG]: tag.toString('hex'),
    [MAC]: mac.toString('hex'),
    [COMMITMENT]: commitment.toString('hex'),
  };
}

