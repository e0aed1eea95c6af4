import type { EncodedPath } from '../run/types.js';
import {
  boolean, dictionary, either, exactly, fullText, integer, list, matching, number, object, objects, oneText, optional, text, variants, type Shape, type ValueOf,
} from './shape.js';

const path = fullText as Shape<EncodedPath>;
const id = integer(0);
const bytes = integer(0);
/** Times: twelve digits of seconds, as in the attributes of an object, make 21 of nanoseconds. */
const signed = matching(/^(?:0|-?[1-9][0-9]{0,20})$/);
const unsigned = matching(/^(?:0|[1-9][0-9]{0,19})$/);
const permissions = integer(0, 0o7777);
const commitment = matching(/^[0-9a-f]{64}$/);
const code = matching(/^[a-z0-9-]{1,64}$/);
/** Only dates that there are. */
const time = matching(
  /^(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)-02-29|\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|(?:02)-(?:0[1-9]|1\d|2[0-8])))T(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z))$/,
  { format: 'date-time' },
);
const base64 = matching(/^$|^(?:[0-9a-zA-Z+/]{4})*(?:(?:[0-9a-zA-Z+/]{2}==)|(?:[0-9a-zA-Z+/]{3}=))?$/, { format: 'base64', contentEncoding: 'base64' });
const options = dictionary(text, either<string | number | boolean | string[]>(text, number, boolean, list(text)));

/** Every line also carries its number, from 1, and a hash that depends on all lines before it. */
const line = { seq: integer(1), chain: matching(/^[0-9a-f]{16}$/) };

const stat = { size: bytes, mtimeNs: signed, ctimeNs: signed, ino: unsigned };

const open = {
  type: exactly('open'),
  version: exactly(1),
  run: fullText,
  kind: oneText('push', 'pull'),
  createdAt: time,
  root: object({ path, dev: unsigned, ino: unsigned }),
  target: object({ endpoint: optional(text), region: text, bucket: fullText, prefix: text }),
  envelope: optional(oneText('oss-crypto', 'client-side-encryption')),
  keyFingerprint: text,
  partBytes: bytes,
  options,
};

const session = {
  type: exactly('session'), time, version: text, pid: integer(1), host: text, options,
};

/** These paths, mentioned for the first time and numbered from `first`, may reach the bucket from now on. */
const started = { type: exactly('started'), first: id, paths: list(path, 1) };
/** The same for paths that have ids already. */
const restarted = { type: exactly('restarted'), ids: list(id, 1) };

const done = {
  type: exactly('done'),
  id,
  ...stat,
  etag: text,
  crc64: optional(unsigned),
  commitment: optional(commitment),
  versionId: optional(text),
  mode: optional(permissions),
};

const sealed = {
  type: exactly('sealed'),
  id,
  path: optional(path),
  ...stat,
  dev: unsigned,
  mode: permissions,
  metadata: dictionary(matching(/^x-oss-meta-[!-~]+$/), text),
  partBytes: integer(16),
  digests: base64,
  attempt: integer(1),
  recoverable: boolean,
  resumeKey: optional(text),
};

const upload = { type: exactly('upload'), id, uploadId: fullText };

const part = {
  type: exactly('part'), id, number: integer(1), etag: text, crc64: optional(unsigned),
};

const abandoned = { type: exactly('abandoned'), id, uploadId: optional(text), code };

const fetching = {
  type: exactly('fetching'),
  id,
  path: optional(path),
  temporary: fullText,
  etag: text,
  commitment: optional(commitment),
  size: bytes,
  rangeBytes: integer(16),
};

/** The temporary file holds range `number` (from 0) on disk. */
const range = { type: exactly('range'), id, number: integer(0) };

const failed = {
  type: exactly('failed'), id, path: optional(path), code, message: text, remedy: optional(text), retryable: boolean,
};

const skipped = {
  type: exactly('skipped'), id, path: optional(path), reason: code, target: optional(text),
};

const directory = { type: exactly('directory'), id, path: optional(path) };

const close = {
  type: exactly('close'),
  time,
  scanned: integer(0),
  done: integer(0),
  skipped: integer(0),
  failed: integer(0),
  bytes,
  exitCode: integer(0, 255),
  complete: boolean,
};

const records = {
  open, session, started, restarted, done, sealed, upload, part, abandoned, fetching, range, failed, skipped, directory, close,
};

/** What is checked before it is written: without the members that only writing gives it. */
export const recordShape = variants(objects(records, {}));

/** One line of a manifest; `manifests/manifest.schema.json` is made from it. */
export const lineShape = variants(objects(records, line));

/** A record with its place in the chain, as it stands in the file. */
export type ManifestLine = ValueOf<typeof lineShape>;

type Frozen<T> = T extends unknown ? Readonly<T> : never;

/**
 * One fact about a run. 64-bit numbers are decimal strings; paths stand once, later records name them by id, which
 * counts from 0 in the order of first mention. Object keys are not stored: they are `prefix/path`.
 */
export type ManifestRecord = Frozen<ValueOf<typeof recordShape>>;
export type RecordType = ManifestRecord['type'];
type Of<T extends RecordType> = Extract<ManifestRecord, { readonly type: T }>;

/** What the manifest is about: only runs with the same answers may continue it. Always the first line. */
export type OpenRecord = Of<'open'>;
/** A process begins to work on the run. */
export type SessionRecord = Of<'session'>;
/** The object is complete and its checksum was confirmed; the stat is that of the local file at that moment. */
export type DoneRecord = Of<'done'>;
/** Everything that resends a large file's headers verbatim and proves its parts; on disk before any byte leaves. */
export type SealedRecord = Of<'sealed'>;
export type UploadRecord = Of<'upload'>;
/** The server has this part; losing the record is harmless, ListParts is the truth. */
export type PartRecord = Of<'part'>;
/** The attempt is over, its key is forgotten, and the next one begins with a fresh key. */
export type AbandonedRecord = Of<'abandoned'>;
/** A large object is being fetched by ranges into a temporary file beside its destination. */
export type FetchingRecord = Of<'fetching'>;
export type FailedRecord = Of<'failed'>;
export type SkippedRecord = Of<'skipped'>;
/** An empty directory. */
export type DirectoryRecord = Of<'directory'>;
/** A session ended in good order. */
export type CloseRecord = Of<'close'>;
