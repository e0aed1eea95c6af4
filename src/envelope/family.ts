import type { EnvelopeFamily, WrapAlgorithm, WrappedKeys } from '../keys/wrapper.js';
import { BLOCK_BYTES } from '../limits.js';
import { assertWritable, isCanonicalBase64, type HeaderFields } from './fields.js';
import { encodeMaterialDescription, parseMaterialDescription } from './material-description.js';
import type { Envelope, EnvelopeInput, Multipart } from './types.js';

/** One header family as a table; reading and writing are the same for both. */
export interface FamilySpec {
  readonly family: EnvelopeFamily;
  /** Any name that begins so, in any case, is ours; one that is not in `headers` is refused. */
  readonly reserved: RegExp;
  readonly headers: FamilyHeaders;
  readonly cekAlgorithm: string;
  readonly wrapAlgorithms: readonly WrapAlgorithm[];
}

/** Full header names. */
export interface FamilyHeaders {
  readonly key: string;
  readonly start: string;
  readonly cekAlgorithm: string;
  readonly wrapAlgorithm: string;
  readonly materialDescription: string;
  /** Read as well as the name above, never beside it. */
  readonly materialDescriptionAlias?: string;
  readonly length: string;
  readonly md5: string;
  readonly dataSize?: string;
  readonly partSize?: string;
}

export function parseFamily(spec: FamilySpec, fields: HeaderFields, objectBytes: number): Omit<Envelope, 'authentication'> {
  const { headers } = spec;
  const cekAlgorithm = fields.required(headers.cekAlgorithm);
  if (cekAlgorithm !== spec.cekAlgorithm) {
    fields.refuse(`${headers.cekAlgorithm} must be ${spec.cekAlgorithm}`);
  }
  assertLength(headers.length, fields, objectBytes);
  const multipart = parseMultipart(spec, fields, objectBytes);
  return { cekAlgorithm, lengthBytes: objectBytes, ...parseWrappedKeys(spec, fields), ...(multipart === undefined ? {} : { multipart }) };
}

/** @throws EnvelopeError `envelope-invalid` for what {@link parseFamily} would refuse */
export function assertFamily({ wrapAlgorithms }: FamilySpec, input: EnvelopeInput, object: string): void {
  const { wrapAlgorithm, wrappedKey, wrappedStart, lengthBytes, multipart } = input;
  assertWritable(wrapAlgorithms.includes(wrapAlgorithm), 'the way of wrapping does not belong to the family', object);
  assertWritable(isCanonicalBase64(wrappedKey) && isCanonicalBase64(wrappedStart), 'key or start block are not canonical base64', object);
  if (multipart !== undefined) {
    const { dataSizeBytes, partSizeBytes } = multipart;
    assertWritable(dataSizeBytes === lengthBytes && isPartSize(partSizeBytes), 'the sizes of its parts do not fit', object);
  }
}

/** Headers of the family, in the order in which the format lists them. */
export function writeFamily(to: Record<string, string>, { headers, cekAlgorithm }: FamilySpec, input: EnvelopeInput): void {
  const { materialDescription, multipart, contentMd5 } = input;
  to[headers.key] = input.wrappedKey;
  to[headers.start] = input.wrappedStart;
  to[headers.cekAlgorithm] = cekAlgorithm;
  to[headers.wrapAlgorithm] = input.wrapAlgorithm;
  if (materialDescription !== undefined) {
    to[headers.materialDescription] = encodeMaterialDescription(materialDescription);
  }
  to[headers.length] = String(input.lengthBytes);
  if (contentMd5 !== undefined) {
    to[headers.md5] = contentMd5;
  }
  writeMultipart(to, headers, multipart);
}

function parseWrappedKeys({ family, headers, wrapAlgorithms }: FamilySpec, fields: HeaderFields): WrappedKeys {
  const wrapText = fields.required(headers.wrapAlgorithm);
  const wrapAlgorithm =
    wrapAlgorithms.find((known) => known === wrapText) ?? fields.refuse(`${headers.wrapAlgorithm} names no known algorithm`);
  return {
    family,
    wrapAlgorithm,
    wrappedKey: fields.base64(headers.key),
    wrappedStart: fields.base64(headers.start),
    materialDescription: readMaterialDescription(headers, fields),
  };
}

function readMaterialDescription(headers: FamilyHeaders, fields: HeaderFields): Readonly<Record<string, string>> | undefined {
  const { materialDescription: name, materialDescriptionAlias: alias } = headers;
  const aliased = alias === undefined ? undefined : fields.optional(alias);
  const text = fields.optional(name) ?? aliased;
  if (aliased !== undefined && fields.has(name)) {
    fields.refuse(`the material description stands under two names`);
  }
  return text === undefined ? undefined : (parseMaterialDescription(text) ?? fields.refuse(`${name} is not a JSON map of strings`));
}

/** Foreign writers may leave the data size out; where it stands, it is the truth. */
function parseMultipart({ headers }: FamilySpec, fields: HeaderFields, objectBytes: number): Multipart | undefined {
  if (headers.dataSize === undefined || headers.partSize === undefined) {
    return undefined;
  }
  assertLength(headers.dataSize, fields, objectBytes);
  const partSizeBytes = fields.decimal(headers.partSize);
  if (partSizeBytes === undefined) {
    return undefined;
  }
  if (!isPartSize(partSizeBytes)) {
    fields.refuse(`${headers.partSize} is not a multiple of ${BLOCK_BYTES}`);
  }
  return { dataSizeBytes: objectBytes, partSizeBytes };
}

function isPartSize(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes > 0 && bytes % BLOCK_BYTES === 0;
}

function writeMultipart(to: Record<string, string>, { dataSize, partSize }: FamilyHeaders, multipart: Multipart | undefined): void {
  if (dataSize !== undefined && partSize !== undefined && multipart !== undefined) {
    to[dataSize] = String(multipart.dataSizeBytes);
    to[partSize] = String(multipart.partSizeBytes);
  }
}

function assertLength(name: string, fields: HeaderFields, objectBytes: number): void {
  const lengthBytes = fields.decimal(name);
  if (lengthBytes !== undefined && lengthBytes !== objectBytes) {
    fields.refuse(`${name} says ${lengthBytes} bytes, the object has ${objectBytes}`);
  }
}
