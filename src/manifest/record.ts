import { z } from 'zod';
import type { EncodedPath } from '../run/types.js';

const path = z.string().min(1) as z.ZodType<string> as z.ZodType<EncodedPath>;
const id = z.int().min(0);
const bytes = z.int().min(0);
const signed = z.string().regex(/^(?:0|-?[1-9][0-9]{0,19})$/);
const unsigned = z.string().regex(/^(?:0|[1-9][0-9]{0,19})$/);
const permissions = z.int().min(0).max(0o7777);
const commitment = z.string().regex(/^[0-9a-f]{64}$/);
const code = z.string().regex(/^[a-z0-9-]{1,64}$/);
const time = z.iso.datetime();
const options = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

/** Every line also carries its number, from 1, and a hash that depends on all lines before it. */
const line = { seq: z.int().min(1), chain: z.string().regex(/^[0-9a-f]{16}$/) };

const stat = { size: bytes, mtimeNs: signed, ctimeNs: signed, ino: unsigned };

const open = z.strictObject({
  type: z.literal('open'),
  version: z.literal(1),
  run: z.string().min(1),
  kind: z.enum(['push', 'pull']),
  createdAt: time,
  root: z.strictObject({ path, dev: unsigned, ino: unsigned }),
  target: z.strictObject({ endpoint: z.string().optional(), region: z.string(), bucket: z.string().min(1), prefix: z.string() }),
  envelope: z.enum(['oss-crypto', 'client-side-encryption']).optional(),
  keyFingerprint: z.string(),
  partBytes: bytes,
  options,
  ...line,
});

const session = z.strictObject({
  type: z.literal('session'), time, version: z.string(), pid: z.int().min(1), host: z.string(), options, ...line,
});

const started = z.strictObject({ type: z.literal('started'), first: id, paths: z.array(path).min(1), ...line });
const restarted = z.strictObject({ type: z.literal('restarted'), ids: z.array(id).min(1), ...line });

const done = z.strictObject({
  type: z.literal('done'),
  id,
  ...stat,
  etag: z.string(),
  crc64: unsigned.optional(),
  commitment: commitment.optional(),
  versionId: z.string().optional(),
  mode: permissions.optional(),
  ...line,
});

const sealed = z.strictObject({
  type: z.literal('sealed'),
  id,
  path: path.optional(),
  ...stat,
  dev: unsigned,
  mode: permissions,
  metadata: z.record(z.string().regex(/^x-oss-meta-[!-~]+$/), z.string()),
  partBytes: z.int().min(16),
  digests: z.base64(),
  attempt: z.int().min(1),
  recoverable: z.boolean(),
  resumeKey: z.string().optional(),
  ...line,
});

const upload = z.strictObject({ type: z.literal('upload'), id, uploadId: z.string().min(1), ...line });

const part = z.strictObject({
  type: z.literal('part'), id, number: z.int().min(1), etag: z.string(), crc64: unsigned.optional(), ...line,
});

const abandoned = z.strictObject({ type: z.literal('abandoned'), id, uploadId: z.string().optional(), code, ...line });

const fetching = z.strictObject({
  type: z.literal('fetching'),
  id,
  path: path.optional(),
  temporary: z.string().min(1),
  etag: z.string(),
  commitment: commitment.optional(),
  size: bytes,
  rangeBytes: z.int().min(16),
  ...line,
});

const range = z.strictObject({ type: z.literal('range'), id, number: z.int().min(0), ...line });

const failed = z.strictObject({
  type: z.literal('failed'), id, path: path.optional(), code, message: z.string(), remedy: z.string().optional(), retryable: z.boolean(), ...line,
});

const skipped = z.strictObject({
  type: z.literal('skipped'), id, path: path.optional(), reason: code, target: z.string().optional(), ...line,
});

const directory = z.strictObject({ type: z.literal('directory'), id, path: path.optional(), ...line });

const close = z.strictObject({
  type: z.literal('close'),
  time,
  scanned: z.int().min(0),
  done: z.int().min(0),
  skipped: z.int().min(0),
  failed: z.int().min(0),
  bytes,
  exitCode: z.int().min(0).max(255),
  complete: z.boolean(),
  ...line,
});

/** One line of a manifest; `manifests/manifest.schema.json` is made from it. */
export const lineSchema = z.discriminatedUnion('type', [
  open, session, started, restarted, done, sealed, upload, part, abandoned, fetching, range, failed, skipped, directory, close,
]);

/** A record with its place in the chain, as it stands in the file. */
export type ManifestLine = z.infer<typeof lineSchema>;

type WithoutLine<T> = T extends ManifestLine ? Readonly<Omit<T, 'seq' | 'chain'>> : never;

/**
 * One fact about a run. 64-bit numbers are decimal strings; paths stand once, later records name them by id, which
 * counts from 0 in the order of first mention. Object keys are not stored: they are `prefix/path`.
 */
export type ManifestRecord = WithoutLine<ManifestLine>;
export type RecordType = ManifestRecord['type'];
type Of<T extends RecordType> = Extract<ManifestRecord, { readonly type: T }>;

/** What the manifest is about: only runs with the same answers may continue it. Always the first line. */
export type OpenRecord = Of<'open'>;
/** A process begins to work on the run. */
export type SessionRecord = Of<'session'>;
/** These paths, mentioned for the first time and numbered from `first`, may reach the bucket from now on. */
export type StartedRecord = Of<'started'>;
/** The same for paths that have ids already. */
export type RestartedRecord = Of<'restarted'>;
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
/** The temporary file holds range `number` (from 0) on disk. */
export type RangeRecord = Of<'range'>;
export type FailedRecord = Of<'failed'>;
export type SkippedRecord = Of<'skipped'>;
/** An empty directory. */
export type DirectoryRecord = Of<'directory'>;
/** A session ended in good order. */
export type CloseRecord = Of<'close'>;
