/** One object's envelope in words. */
import { parseAttributes } from '../envelope/authentication.js';
import { userMetadataOf, type Envelope } from '../envelope/envelope.js';
import type { ErrorCode } from '../errors.js';
import { flavourOf } from '../keys/kms.js';
import type { WrapAlgorithm } from '../keys/wrapper.js';
import { escapeForTerminal } from '../report/escape.js';
import { formatCount } from '../report/format.js';
import type { ObjectHead } from '../store/store.js';

/** What trying the keys has shown. */
export type Verdict =
  /** `proven`: the commitment fits, so name, length, attributes and keys are what was sealed. */
  | { readonly kind: 'opens'; readonly by: string; readonly proven: boolean; readonly renamed: boolean }
  /** By the last of the keys in `by`; several are only tried while none opens. */
  | { readonly kind: 'refused'; readonly by: readonly string[]; readonly code: ErrorCode; readonly message: string }
  /** No key of the kind that this object needs. */
  | { readonly kind: 'no-key' };

export interface Inspection {
  /** `oss://bucket/key` */
  readonly address: string;
  readonly key: string;
  readonly head: ObjectHead;
  /** Null for an object that is not encrypted. */
  readonly envelope: Envelope | null;
  readonly verdict: Verdict | undefined;
}

const WRAPPINGS: Readonly<Record<WrapAlgorithm, string>> = {
  rsa: 'under an RSA key, by OAEP-SHA-1',
  kms: 'under a key in Alibaba KMS',
  'RSA/NONE/PKCS1Padding': 'under an RSA key, by PKCS#1 v1.5',
  'RSA/NONE/OAEPWithSHA-1AndMGF1Padding': 'under an RSA key, by OAEP-SHA-1',
  'KMS/ALICLOUD': 'under a key in Alibaba KMS',
};

const LABEL_COLUMNS = 14;

/** A heading and a line per fact. Text of strangers is escaped. */
export function describeLines(inspection: Inspection): string[] {
  const { address, head, envelope } = inspection;
  const facts: (readonly [label: string, text: string])[] = [
    ['size', `${formatCount(head.sizeBytes)} bytes${head.lastModified === undefined ? '' : `, last changed ${head.lastModified}`}`],
    ...(head.storageClass === undefined ? [] : [['class', head.storageClass] as const]),
    ...(envelope === null ? [['encrypted', 'no: it carries no envelope, and anyone who may read the bucket reads it'] as const] : envelopeFacts(inspection, envelope)),
    ...Object.entries(userMetadataOf(head.metadata)).map(([name, value]) => ['metadata', `${name.replace('x-oss-meta-', '')}: ${value}`] as const),
  ];
  return [escapeForTerminal(address), ...facts.map(([label, text]) => `  ${label.padEnd(LABEL_COLUMNS)}${escapeForTerminal(text)}`)];
}

/** The same for programs. */
export function describeEvent({ key, head, envelope, verdict }: Inspection): { readonly event: string } {
  const facts = {
    key, bytes: head.sizeBytes, etag: head.etag, lastModified: head.lastModified, storageClass: head.storageClass, encrypted: envelope !== null,
    ...(envelope === null ? {} : envelopeFields(envelope)),
    ...(verdict === undefined ? {} : { opens: verdictFields(verdict) }),
    metadata: userMetadataOf(head.metadata),
  };
  return { event: 'object', ...facts };
}

function envelopeFacts({ key, head, verdict }: Inspection, envelope: Envelope): (readonly [string, string])[] {
  const { authentication, multipart, materialDescription } = envelope;
  return [
    ['envelope', envelope.family],
    ['sealed', authentication === undefined ? 'by another SDK: nothing in it can be authenticated' : `by Sealift, format version 1, as ${JSON.stringify(authentication.name)}`],
    ...(authentication === undefined ? [] : rememberedFacts(authentication.attributes)),
    ['body', bodyText(envelope)],
    ['data key', `fresh for this object, wrapped ${WRAPPINGS[envelope.wrapAlgorithm]} (${envelope.wrapAlgorithm})`],
    ...(materialDescription === undefined ? [] : [['key name', JSON.stringify(materialDescription)] as const]),
    ...(multipart === undefined ? [] : [['parts', `${formatCount(multipart.partSizeBytes)} bytes each`] as const]),
    ...('x-oss-meta-unencrypted-content-md5' in head.metadata || 'x-oss-meta-client-side-encryption-unencrypted-content-md5' in head.metadata
      ? [['md5', 'of the plaintext, in the open: whoever guesses the content can tell'] as const]
      : []),
    ['opens with', verdictText(verdict, envelope, key)],
    ['readers', authentication === undefined ? 'Sealift, with --allow-unauthenticated' : 'Sealift, authenticated'],
    ...foreignReaders(envelope).map((reader) => ['', reader] as const),
  ];
}

function bodyText({ authentication, cekAlgorithm }: Envelope): string {
  return authentication === undefined
    ? `AES-256-CTR, labelled ${cekAlgorithm}`
    : `AES-256-GCM with its tag in the metadata; labelled ${cekAlgorithm}, and readable as AES-256-CTR`;
}

function rememberedFacts(attributes: string): (readonly [string, string])[] {
  const { mode, mtimeNs } = parseAttributes(attributes);
  const texts = [...(mode === undefined ? [] : [`mode ${mode.toString(8)}`]), ...(mtimeNs === undefined ? [] : [`modified ${timeText(mtimeNs)}`])];
  return texts.length === 0 ? [] : [['remembers', texts.join(', ')]];
}

/** Who else holds a client that understands these headers, given the master key. */
function foreignReaders(envelope: Envelope): readonly string[] {
  if (envelope.family === 'oss-crypto') {
    return ['the official Python SDK, 2.4.0 and later, without authentication', 'other SDKs return the ciphertext without an error'];
  }
  if (envelope.wrapAlgorithm !== 'KMS/ALICLOUD') {
    return ['the official Java, Go, C++, Python (2.11 and later) and PHP SDKs, without authentication'];
  }
  return [flavourOf(envelope) === 'python' ? 'the official Python SDK, 2.11 and later, without authentication' : 'the official Java and Go SDKs, without authentication'];
}

/** ISO 8601 where a Date reaches, seconds since 1970 beyond. */
function timeText(mtimeNs: bigint): string {
  const date = new Date(Number(mtimeNs / 1_000_000n));
  return Number.isNaN(date.getTime()) ? `${(mtimeNs / 1_000_000_000n).toString()} s after 1970` : date.toISOString();
}

function verdictText(verdict: Verdict | undefined, { wrapAlgorithm }: Envelope, key: string): string {
  switch (verdict?.kind) {
    case undefined:
    case 'no-key':
      return wrapAlgorithm === 'kms' || wrapAlgorithm === 'KMS/ALICLOUD' ? 'a KMS key, and none was given: --kms-key' : 'a private RSA key, and none was given: --key';
    case 'refused':
      return `not with ${verdict.by.join(' or ')}: ${verdict.message.replace(`${key}: `, '')}`;
    case 'opens':
      return [verdict.by, verdict.proven ? 'name, length and attributes are authentic' : 'which cannot be told from a wrong key', ...(verdict.renamed ? ['but it was sealed under another name'] : [])].join('; ');
  }
}

function envelopeFields(envelope: Envelope): object {
  const { family, wrapAlgorithm, cekAlgorithm, materialDescription, multipart, authentication } = envelope;
  return {
    envelope: family, wrapAlgorithm, cekAlgorithm,
    ...(materialDescription === undefined ? {} : { materialDescription }),
    ...(multipart === undefined ? {} : { partBytes: multipart.partSizeBytes }),
    sealed: authentication !== undefined,
    ...(authentication === undefined ? {} : { name: authentication.name, attributes: authentication.attributes }),
    readers: [authentication === undefined ? 'Sealift, with --allow-unauthenticated' : 'Sealift, authenticated', ...foreignReaders(envelope)],
  };
}

function verdictFields(verdict: Verdict): object {
  switch (verdict.kind) {
    case 'no-key':
      return { kind: 'no-key' };
    case 'refused':
      return { kind: 'refused', keys: verdict.by, code: verdict.code };
    case 'opens':
      return { kind: 'opens', key: verdict.by, proven: verdict.proven, renamed: verdict.renamed };
  }
}
