/**
 * Every option that takes part in flag > environment > config file, in one table: how it is read, what it means, what it is
 * when nobody says anything. The command line, the environment, the config file and the help all follow from it.
 */
import { DEFAULT_KMS_QPS, MAX_CONCURRENCY, MAX_KMS_QPS, MAX_PART_BYTES, MAX_THREADS, MIN_BANDWIDTH, MIN_MEMORY_BYTES, MIN_PART_BYTES } from './limits.js';

interface Common {
  /** One line of help, with the unit. */
  readonly describe: string;
  /** What holds without it, as help shows it. */
  readonly byDefault: string;
}

/** Where an input is named, standard input. */
export const STANDARD_INPUT = '-';

export type Setting = Common &
  (
    | { readonly kind: 'text' | 'path' | 'input' | 'texts' | 'paths' | 'flag' | 'proxy' }
    | { readonly kind: 'size' | 'count'; readonly min: number; readonly max: number }
    | { readonly kind: 'choice'; readonly choices: readonly string[] }
  );

export const SETTINGS = {
  key: { kind: 'paths', describe: 'RSA key file (PEM, PKCS#12, certificate, SDK key directory); repeatable: the first seals, all open', byDefault: 'none; with --local the key in its data directory' },
  'passphrase-file': { kind: 'paths', describe: 'File whose first line unlocks a key file; repeatable: each is tried', byDefault: 'none' },
  'passphrase-env': { kind: 'texts', describe: 'Environment variable that unlocks a key file; repeatable: each is tried', byDefault: 'none' },
  'passphrase-prompt': { kind: 'flag', describe: 'Ask on the terminal what unlocks a key file', byDefault: 'false' },
  'kms-key': { kind: 'text', describe: 'Id or alias (alias/NAME) of the KMS key that seals; RSA keys given too then only open; with --local: default', byDefault: 'none; opening needs no id' },
  'kms-endpoint': { kind: 'text', describe: 'Host or URL of the KMS; https unless it is a loopback address', byDefault: 'made from the KMS region' },
  'kms-region': { kind: 'text', describe: 'Region id of the KMS', byDefault: 'that of the bucket' },
  'kms-passphrase-file': { kind: 'path', describe: 'File whose first line is bound to every KMS blob as encryption context', byDefault: 'none' },
  'kms-qps': { kind: 'count', min: 1, max: MAX_KMS_QPS, describe: `KMS calls per second of all threads together, 1 to ${MAX_KMS_QPS}`, byDefault: `${DEFAULT_KMS_QPS}` },
  'kms-flavour': { kind: 'choice', choices: ['java', 'python'], describe: 'How KMS keys are written in the client-side-encryption envelope: java, python', byDefault: 'java' },
  envelope: { kind: 'choice', choices: ['oss-crypto', 'client-side-encryption'], describe: 'Headers to seal with: oss-crypto, client-side-encryption; both are read', byDefault: 'oss-crypto' },
  profile: { kind: 'text', describe: 'Profile with the credentials: of ~/.ossutilconfig, ~/.aliyun/config.json or ~/.alibabacloud/credentials', byDefault: 'none' },
  'resume-secret': { kind: 'path', describe: 'Local secret (made, 0600, if missing) with which a public key alone resumes inside large files', byDefault: 'none' },
  manifest: { kind: 'path', describe: 'Manifest file of the run', byDefault: './manifests/RUN.jsonl if that folder is writable, else $XDG_STATE_HOME/sealift/manifests/' },
  endpoint: { kind: 'text', describe: 'Host or URL of the OSS endpoint; https unless it is a loopback address', byDefault: '$OSS_ENDPOINT, else made from the region' },
  region: { kind: 'text', describe: 'Region id, such as cn-hangzhou', byDefault: '$OSS_REGION, else read from the endpoint' },
  internal: { kind: 'flag', describe: 'Use the endpoint inside Alibaba Cloud', byDefault: 'false' },
  'ca-file': { kind: 'path', describe: 'PEM file of certificate authorities to trust for OSS, besides those of Node', byDefault: 'none' },
  proxy: { kind: 'proxy', describe: 'HTTP proxy to reach OSS through, such as http://proxy.example.com:3128, without user and password; none for no proxy at all', byDefault: '$HTTPS_PROXY, else $ALL_PROXY, for all but $NO_PROXY and loopback addresses' },
  threads: { kind: 'count', min: 1, max: MAX_THREADS, describe: `Worker threads, 1 to ${MAX_THREADS}`, byDefault: 'as many as pay, one per core at most' },
  concurrency: { kind: 'count', min: 1, max: MAX_CONCURRENCY, describe: `Requests in flight per thread, 1 to ${MAX_CONCURRENCY}`, byDefault: '64' },
  'part-size': { kind: 'size', min: MIN_PART_BYTES, max: MAX_PART_BYTES, describe: 'Bytes per part of a large file, such as 8MiB', byDefault: '8MiB' },
  memory: { kind: 'size', min: MIN_MEMORY_BYTES, max: Number.MAX_SAFE_INTEGER, describe: 'Budget in bytes for all buffers of the run', byDefault: '256MiB' },
  bandwidth: { kind: 'size', min: MIN_BANDWIDTH, max: Number.MAX_SAFE_INTEGER, describe: 'Bytes of objects per second, sent and received, of all threads together, such as 10MiB', byDefault: 'no limit' },
  include: { kind: 'texts', describe: 'Glob below the root; only files that match one are taken; repeatable', byDefault: 'everything' },
  exclude: { kind: 'texts', describe: 'Glob below the root; what matches one is left out, a directory with all that is in it; repeatable', byDefault: 'nothing' },
  'include-from': { kind: 'paths', describe: 'File with globs, one per line, as if each were given with --include; repeatable', byDefault: 'none' },
  'exclude-from': { kind: 'paths', describe: 'File with globs, one per line, as if each were given with --exclude; repeatable', byDefault: 'none' },
  'ignore-file': { kind: 'text', describe: 'Name of a file in any directory, such as .sealiftignore, whose lines leave out what lies there and below, as those of .gitignore do', byDefault: 'none' },
  'min-size': { kind: 'size', min: 0, max: Number.MAX_SAFE_INTEGER, describe: 'Leave out files below this size in bytes, such as 1 or 64KiB; one of this size is taken', byDefault: '0' },
  'max-size': { kind: 'size', min: 0, max: Number.MAX_SAFE_INTEGER, describe: 'Leave out files above this size in bytes, such as 5GiB; one of this size is taken', byDefault: 'any size' },
  'modified-since': { kind: 'text', describe: 'Leave out files that last changed before: so long ago (12h, 7d), or an ISO 8601 date or time', byDefault: 'any time' },
  'modified-before': { kind: 'text', describe: 'Leave out files that last changed then or later, said as for --modified-since', byDefault: 'any time' },
  'files-from': { kind: 'input', describe: 'File with paths below the directory, one per line, - for standard input: only these are pushed, a directory with all that is in it', byDefault: 'everything' },
  from0: { kind: 'flag', describe: 'In the list of --files-from, NUL ends a path, as find -print0 writes it', byDefault: 'false' },
  'dry-run': { kind: 'flag', describe: 'Print the plan and the effective numbers; nothing is sent or written; a push plans without a look at the bucket or at contents', byDefault: 'false' },
  checksum: { kind: 'flag', describe: 'Read unchanged files again instead of trusting size and times; a push needs the private key for it', byDefault: 'false' },
  'if-exists': { kind: 'choice', choices: ['changed', 'skip', 'overwrite', 'fail'], describe: 'What to do about an object that no manifest knows: changed, skip, overwrite, fail', byDefault: 'changed' },
  'storage-class': { kind: 'choice', choices: ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'], describe: 'Storage class of what is sent: Standard, IA, Archive, ColdArchive, DeepColdArchive', byDefault: 'that of the bucket' },
  symlinks: { kind: 'choice', choices: ['record', 'skip', 'follow'], describe: 'What to do about symbolic links: record, skip, follow', byDefault: 'record' },
  overwrite: { kind: 'flag', describe: 'Replace existing local files, never directories', byDefault: 'false' },
  'on-collision': { kind: 'choice', choices: ['fail', 'rename', 'keep'], describe: 'Names that differ in case or Unicode form only: fail, rename, or keep (trust the file system)', byDefault: 'fail' },
  'allow-renamed': { kind: 'flag', describe: 'Accept an object whose authenticated name is not its key', byDefault: 'false' },
  'allow-unauthenticated': { kind: 'flag', describe: 'Read objects of other SDKs, which nothing can authenticate', byDefault: 'false' },
  'preserve-special-bits': { kind: 'flag', describe: 'Restore set-uid, set-gid and sticky bits too', byDefault: 'false' },
  'preserve-sparse': { kind: 'flag', describe: 'Leave blocks of zeros out of the files, so that sparse ones stay small', byDefault: 'false' },
  'break-lock': { kind: 'flag', describe: 'Take over the lock of a run on another host, or in another container, that is known to be gone', byDefault: 'false' },
  'new-run': { kind: 'flag', describe: 'Start afresh instead of continuing the run of the same source and destination', byDefault: 'false' },
  against: { kind: 'path', describe: 'Local directory to compare with, byte for byte; for one object also a file', byDefault: 'none' },
  'headers-only': { kind: 'flag', describe: 'Download no bodies: judge by authenticated headers, checksums of the server, and what local files seal to', byDefault: 'false' },
  report: { kind: 'path', describe: 'File to write the record of what was proven to, JSON', byDefault: 'none' },
  range: { kind: 'text', describe: 'Bytes of the plaintext: A-B with both included, A- or -N', byDefault: 'everything' },
  'unverified-range': { kind: 'flag', describe: 'Accept that the bytes of a range cannot be authenticated', byDefault: 'false' },
  'older-than': { kind: 'text', describe: 'Age of the uploads to abort: a whole number and s, m, h or d', byDefault: '1d' },
  local: { kind: 'flag', describe: 'Run the embedded cloud inside this command: no account, no configuration', byDefault: 'false' },
  'local-data': { kind: 'path', describe: 'Directory in which the embedded cloud keeps objects and its key', byDefault: '.sealift' },
  json: { kind: 'flag', describe: 'One JSON event per line on stdout, text for people on stderr', byDefault: 'false' },
  quiet: { kind: 'flag', describe: 'Only failures, on stderr', byDefault: 'false' },
  'no-progress': { kind: 'flag', describe: 'No bars and no progress lines', byDefault: 'false' },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S extends Setting> = S extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : S['kind'] extends 'size' | 'count'
    ? number
    : S['kind'] extends 'flag'
      ? boolean
      : S['kind'] extends 'texts' | 'paths'
        ? readonly string[]
        : string;

/** Checked values; a field that nobody set is absent. Paths are absolute, sizes are bytes. */
export type Settings = { readonly [Name in SettingName]?: ValueOf<(typeof SETTINGS)[Name]> };

const OUTPUT = ['json', 'quiet', 'no-progress'] as const satisfies readonly SettingName[];
const KEYS = ['key', 'passphrase-file', 'passphrase-env', 'passphrase-prompt'] as const satisfies readonly SettingName[];
/** They lead to secrets. */
const SECRETS = ['kms-passphrase-file', 'profile'] as const satisfies readonly SettingName[];
const KMS = ['kms-key', 'kms-endpoint', 'kms-region', 'kms-qps'] as const satisfies readonly SettingName[];
const REACH = [...KEYS, ...KMS, ...SECRETS, 'endpoint', 'region', 'internal', 'ca-file', 'proxy', 'local', 'local-data'] as const satisfies readonly SettingName[];
const NUMBERS = ['threads', 'concurrency', 'part-size', 'memory', 'bandwidth'] as const satisfies readonly SettingName[];
const GLOBS = ['include', 'exclude', 'include-from', 'exclude-from'] as const satisfies readonly SettingName[];
const SELECTION = [...GLOBS, 'min-size', 'max-size'] as const satisfies readonly SettingName[];
const CHOICE = ['manifest', ...SELECTION, 'checksum', 'break-lock', 'dry-run'] as const satisfies readonly SettingName[];
const PUSH = ['ignore-file', 'modified-since', 'modified-before', 'files-from', 'from0', 'resume-secret', 'envelope', 'kms-flavour', 'if-exists', 'storage-class', 'symlinks', 'new-run'] as const satisfies readonly SettingName[];
const PULL = ['overwrite', 'on-collision', 'allow-renamed', 'allow-unauthenticated', 'preserve-special-bits', 'preserve-sparse', 'new-run'] as const satisfies readonly SettingName[];

/** Which options each command takes. */
export const COMMAND_SETTINGS = {
  push: [...REACH, ...CHOICE, ...PUSH, ...NUMBERS, ...OUTPUT],
  pull: [...REACH, ...CHOICE, ...PULL, ...NUMBERS, ...OUTPUT],
  verify: [...REACH, 'manifest', 'against', 'headers-only', 'report', ...SELECTION, 'allow-renamed', 'allow-unauthenticated', ...NUMBERS, ...OUTPUT],
  rewrap: [...REACH, ...SELECTION, 'allow-renamed', 'dry-run', 'threads', 'concurrency', ...OUTPUT],
  resume: [...REACH, 'files-from', 'from0', 'resume-secret', 'break-lock', 'dry-run', 'checksum', 'if-exists', 'overwrite', 'on-collision', 'allow-renamed', 'allow-unauthenticated', ...NUMBERS, ...OUTPUT],
  status: ['json'],
  ls: ['profile', 'endpoint', 'region', 'internal', 'ca-file', 'proxy', 'local', 'local-data', 'concurrency', 'json'],
  cat: [...REACH, 'range', 'unverified-range', 'allow-renamed', 'allow-unauthenticated', 'memory'],
  inspect: [...REACH, 'json'],
  'gc-uploads': ['profile', 'endpoint', 'region', 'internal', 'ca-file', 'proxy', 'local', 'local-data', 'older-than', 'dry-run', 'json'],
} as const satisfies Readonly<Record<string, readonly SettingName[]>>;

/** Given anew with every command: they lead to keys, or concern one command only. */
const NOT_RECORDED: ReadonlySet<SettingName> = new Set<SettingName>([...KEYS, ...SECRETS, ...OUTPUT, 'resume-secret', 'manifest', 'dry-run', 'new-run', 'break-lock', 'against', 'headers-only', 'report', 'older-than']);

/** Whether `resume` repeats this option from the manifest. */
export function isRecorded(name: SettingName): boolean {
  return !NOT_RECORDED.has(name);
}

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}
