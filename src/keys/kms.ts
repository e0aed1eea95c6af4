import { DataKey } from '../crypto/data-key.js';
import { StartBlock } from '../crypto/start-block.js';
import { MasterKeyError } from '../errors.js';
import { BLOCK_BYTES, DATA_KEY_BYTES } from '../limits.js';
import { decodeBase64 } from './base64.js';
import { KmsClient, type DecryptedText, type EncryptionContext, type KmsPlace } from './kms-client.js';
import { KmsFailure, type KmsFailureKind } from './kms-failures.js';
import { parseDecimalStart } from './rsa.js';
import { StartCache, type StartSource } from './start-cache.js';
import type { EnvelopeFamily, IssuedKey, KeyRewrapper, KeyUnwrapper, KeyWrapper, RewrappedStart, UnwrappedKeys, WrapAlgorithm, WrappedKeys } from './wrapper.js';

/** How `KMS/ALICLOUD` is spelled: as the Java and Go SDKs do, or as the Python SDK does. */
export type KmsFlavour = 'java' | 'python';

/** A master key in Alibaba KMS: plain data that crosses to worker threads. Holds secrets: never log it. */
export interface KmsKey extends KmsPlace {
  /** Bound to every blob as `{"x-passphrase":"…"}`. Without `"`, `\` and control characters: other SDKs do not escape them. */
  readonly passphrase?: string;
  /** Of what is written in the `client-side-encryption` envelope; both are read. @default 'java' */
  readonly flavour?: KmsFlavour;
  /** What `matdesc` calls this key. */
  readonly materialDescription?: Readonly<Record<string, string>>;
}

/** `kms` is the `oss-crypto` envelope; the other two share the label `KMS/ALICLOUD`. */
type Dialect = 'kms' | KmsFlavour;

const READ: readonly WrapAlgorithm[] = ['kms', 'KMS/ALICLOUD'];

const OF_BLOBS: readonly KmsFailureKind[] = ['unopenable', 'unknown-key'];

/**
 * Seals under a KMS key. Costs one call per data key and one per wrapped start.
 *
 * Throws MasterKeyError `config-invalid` for a passphrase that other SDKs could not send, or one together with the Java
 * flavour, which has no context to put it in.
 */
export function kmsWrapper(key: KmsKey, family: EnvelopeFamily, client = new KmsClient(key)): KeyWrapper {
  const dialect = family === 'oss-crypto' ? 'kms' : (key.flavour ?? 'java');
  const context = sealingContext(key, dialect);
  if (dialect === 'java' && key.passphrase !== undefined) {
    throw invalid('a KMS passphrase cannot be used with the Java flavour of KMS/ALICLOUD', 'Choose the flavour python (--kms-flavour), or leave the passphrase out.');
  }
  return {
    wrapAlgorithm: dialect === 'kms' ? 'kms' : 'KMS/ALICLOUD',
    fingerprint: kmsFingerprint(key),
    canUnwrap: true,
    issueDataKey: (signal) => (dialect === 'java' ? issueHere(client, signal) : issueThere(client, { dialect, context, signal })),
    wrapStart: async (start, signal) => {
      const text = dialect === 'kms' ? start.toDecimal() : start.bytes.toString('base64');
      return toHeader(dialect, (await client.encrypt(text, context, signal)).blob);
    },
  };
}

/**
 * Takes over objects of the `oss-crypto` family. Costs one call per data key and one per start block; Decrypt answers with the
 * same text as for a data key that the service made.
 *
 * Throws MasterKeyError `config-invalid` for a passphrase that other SDKs could not send.
 */
export function kmsRewrapper(key: KmsKey, client = new KmsClient(key)): KeyRewrapper {
  const context = sealingContext(key, 'kms');
  const starts = new StartCache<RewrappedStart>();
  return {
    wrapAlgorithm: 'kms',
    wrapStart: (start, signal) => {
      const text = start.toDecimal();
      const wrap = async (shared: AbortSignal | undefined): Promise<RewrappedStart> => {
        const { blob, under = kmsFingerprint(key) } = await client.encrypt(text, context, shared);
        return { wrapped: blob, under };
      };
      return starts.get(text, wrap, signal);
    },
    wrapKey: (dataKey, signal) => encryptHere(client, dataKey, { context, signal }),
  };
}

/** Public identity of a KMS key; `*` stands for every key of the account that Decrypt accepts. */
export function kmsFingerprint({ region, keyId = '*' }: Pick<KmsKey, 'region' | 'keyId'>): string {
  return `kms:${region}:${keyId}`;
}

/**
 * Opens what any KMS key of the account sealed: a blob names its own key. Remembers start blocks that objects share.
 * Throws MasterKeyError `config-invalid` for a passphrase that other SDKs could not send.
 *
 * Answers `null` when a blob is not right though the context is known to be: something was opened with it, or there is none
 * in this dialect. While nothing was, a wrong one is as likely as a changed object, and so is a wrong region or account while
 * KMS knows no key; then its refusal is thrown: every object would meet it.
 */
export function kmsUnwrapper(key: KmsKey, client = new KmsClient(key), starts: StartSource = new StartCache()): KeyUnwrapper {
  const proven = new Set<EncryptionContext>();
  /** Which key a start block was under, where this thread has asked. */
  const holders = new WeakMap<StartBlock, string>();
  contextOf(key, 'kms');
  return {
    description: key.keyId === undefined ? `KMS (${key.region})` : `KMS ${key.keyId} (${key.region})`,
    wrapAlgorithms: READ,
    materialDescription: key.materialDescription,
    unwrap: async (keys, signal) => {
      if (!READ.includes(keys.wrapAlgorithm)) {
        return null;
      }
      const { dialect, keyBlob, startBlob } = blobsOf(keys);
      const context = contextOf(key, dialect);
      const decrypt = (blob: string, until: AbortSignal | undefined): Promise<DecryptedText> => client.decrypt(blob, context, until);
      const prove = <T>(opened: T): T => {
        proven.add(context);
        return opened;
      };
      const unwrapStart = async (until: AbortSignal | undefined): Promise<StartBlock | null> => {
        const { plaintext, under } = await decrypt(startBlob, until);
        const start = parseStart(dialect, plaintext);
        return start === null || under === undefined ? start : holding(start, under, holders);
      };
      // Both are always asked for, so that the answer to one can tell what a refusal of the other means. A start that is
      // known already was opened under this key as well, by another thread perhaps.
      const [dataKey, start] = await Promise.allSettled([
        decrypt(keyBlob, signal).then(prove),
        starts.get(`${dialect} ${startBlob}`, unwrapStart, signal).then(prove),
      ]);
      throwUnlessExplained([dataKey, start], explained(dialect, proven.has(context)));
      return combine(valueOf(dataKey), valueOf(start), holders);
    },
  };
}

interface Encryption {
  readonly context: EncryptionContext;
  readonly signal: AbortSignal | undefined;
}

interface Issue extends Encryption {
  readonly dialect: Dialect;
}

async function issueThere(client: KmsClient, { dialect, context, signal }: Issue): Promise<IssuedKey> {
  const { plaintext, blob } = await client.generateDataKey(context, signal);
  return { dataKey: DataKey.adopt(plaintext), wrappedKey: toHeader(dialect, blob) };
}

async function issueHere(client: KmsClient, signal: AbortSignal | undefined): Promise<IssuedKey> {
  const dataKey = DataKey.generate();
  return { dataKey, wrappedKey: await encryptHere(client, dataKey, { context: undefined, signal }) };
}

/** @returns the blob */
async function encryptHere(client: KmsClient, dataKey: DataKey, { context, signal }: Encryption): Promise<string> {
  return (await client.encrypt(dataKey.bytes.toString('base64'), context, signal)).blob;
}

function toHeader(dialect: Dialect, blob: string): string {
  return dialect === 'python' ? Buffer.from(blob, 'latin1').toString('base64') : blob;
}

/** Which SDKs understand the key fields of an object under `KMS/ALICLOUD`. */
export function flavourOf(keys: WrappedKeys): KmsFlavour {
  return blobsOf(keys).dialect === 'python' ? 'python' : 'java';
}

interface Blobs {
  readonly dialect: Dialect;
  readonly keyBlob: string;
  readonly startBlob: string;
}

/** The Python flavour is base64 twice over, in both fields; a lenient decoder would see it in every Java object. */
function blobsOf({ wrapAlgorithm, wrappedKey, wrappedStart }: WrappedKeys): Blobs {
  if (wrapAlgorithm === 'kms') {
    return { dialect: 'kms', keyBlob: wrappedKey, startBlob: wrappedStart };
  }
  const [keyBlob, startBlob] = [wrappedKey, wrappedStart].map((header) => Buffer.from(header, 'base64').toString('latin1'));
  if (keyBlob !== undefined && startBlob !== undefined && decodeBase64(keyBlob) !== undefined && decodeBase64(startBlob) !== undefined) {
    return { dialect: 'python', keyBlob, startBlob };
  }
  return { dialect: 'java', keyBlob: wrappedKey, startBlob: wrappedStart };
}

function parseStart(dialect: Dialect, text: string): StartBlock | null {
  if (dialect === 'kms') {
    return parseDecimalStart(text);
  }
  const bytes = decodeBase64(text);
  return bytes?.length === BLOCK_BYTES ? StartBlock.fromBytes(bytes) : null;
}

/** What a changed object alone can be the reason of. No SDK binds a context in the Java dialect. */
function explained(dialect: Dialect, isContextProven: boolean): readonly KmsFailureKind[] {
  if (isContextProven) {
    return OF_BLOBS;
  }
  return dialect === 'java' ? ['unopenable'] : [];
}

function throwUnlessExplained(outcomes: readonly PromiseSettledResult<unknown>[], kinds: readonly KmsFailureKind[]): void {
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  const unexplained = reasons.filter((reason) => !isOneOf(kinds, reason));
  const worst = unexplained.find((reason) => !isOneOf(OF_BLOBS, reason)) ?? unexplained[0];
  if (worst !== undefined) {
    throw worst instanceof Error ? worst : new Error('a value that is no Error was thrown');
  }
}

function isOneOf(kinds: readonly KmsFailureKind[], reason: unknown): boolean {
  return reason instanceof KmsFailure && kinds.includes(reason.kind);
}

function valueOf<T>(outcome: PromiseSettledResult<T>): T | undefined {
  return outcome.status === 'fulfilled' ? outcome.value : undefined;
}

function holding(start: StartBlock, under: string, holders: WeakMap<StartBlock, string>): StartBlock {
  holders.set(start, under);
  return start;
}

/** Says which key holds both only where it is one: an alias may have been given to another key between the two. */
function combine(opened: DecryptedText | undefined, startBlock: StartBlock | null | undefined, holders: WeakMap<StartBlock, string>): UnwrappedKeys | null {
  const dataKey = opened === undefined ? undefined : decodeBase64(opened.plaintext);
  if (dataKey?.length === DATA_KEY_BYTES && startBlock !== null && startBlock !== undefined) {
    const adopted = DataKey.adopt(dataKey);
    const under = opened?.under;
    return under === undefined || holders.get(startBlock) !== under ? { dataKey: adopted, startBlock } : { dataKey: adopted, startBlock, under };
  }
  dataKey?.fill(0);
  return null;
}

function sealingContext(key: KmsKey, dialect: Dialect): EncryptionContext {
  const context = contextOf(key, dialect);
  if (key.keyId === undefined) {
    throw new MasterKeyError('master-key-missing', 'no KMS key was named to seal with', { object: 'kms', remedy: 'Name one (--kms-key).' });
  }
  return context;
}

/** The SDKs build this text without escaping, so a passphrase that would need it is refused. */
function contextOf({ passphrase }: KmsKey, dialect: Dialect): EncryptionContext {
  if (passphrase === undefined || dialect === 'java') {
    return undefined;
  }
  if (passphrase === '' || /["\\\p{Cc}\p{Cs}]/u.test(passphrase)) {
    throw invalid('the KMS passphrase is empty or contains a quote, a backslash or a control character', 'Other SDKs could not send it; choose another.');
  }
  return JSON.stringify({ 'x-passphrase': passphrase });
}

function invalid(message: string, remedy: string): MasterKeyError {
  return new MasterKeyError('config-invalid', message, { object: 'kms', remedy });
}
