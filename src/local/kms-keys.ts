import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { SealiftError } from '../errors.js';
import { DATA_KEY_BYTES, NONCE_BYTES, TAG_BYTES } from '../limits.js';
import { readSecretFile, writeSecretFile } from './secret-file.js';

/** What must be the same on Encrypt and Decrypt: names to values, order irrelevant. */
export type EncryptionContext = Readonly<Record<string, string>>;

export interface Opened {
  readonly plaintext: Buffer;
  readonly keyId: string;
  readonly versionId: string;
}

/** The master keys of the embedded KMS. Key material never leaves this object. */
export interface KmsKeys {
  /** The key that every data directory has. */
  readonly defaultKeyId: string;
  /** @returns the key id */
  create(alias?: string): string;
  /** @throws KmsRefusal Forbidden.KeyNotFound */
  setEnabled(keyIdOrAlias: string, enabled: boolean): void;
  /** @throws KmsRefusal Forbidden.KeyNotFound, Rejected.Disabled */
  seal(keyIdOrAlias: string, plaintext: Buffer, context: EncryptionContext): { readonly blob: Buffer; readonly keyId: string; readonly versionId: string };
  /** @throws KmsRefusal Forbidden.KeyNotFound, Rejected.Disabled, InvalidCiphertext (altered, or of another context) */
  open(blob: Buffer, context: EncryptionContext): Opened;
}

/** A refusal as KMS words it. */
export class KmsRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  static {
    this.prototype.name = 'KmsRefusal';
  }
}

const keySchema = z.object({
  keyId: z.uuid(),
  versionId: z.uuid(),
  /** Base64. */
  material: z.base64(),
  enabled: z.boolean(),
  aliases: z.array(z.string()),
});
const schema = z.object({ version: z.literal(1), keys: z.array(keySchema).min(1) });

type Key = z.infer<typeof keySchema>;

/** First byte of a blob; then 36 characters of key id, the nonce, the ciphertext and the tag. */
const BLOB_VERSION = 1;
const KEY_ID_BYTES = 36;
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES;

/** Reads `kms.json` of the data directory (0600), or makes a random key on the first start. */
export function openKmsKeys(dataDirectory: string): KmsKeys {
  const path = join(dataDirectory, 'kms.json');
  const saved = readSecretFile(path);
  let keys: readonly Key[] = saved === undefined ? [] : parse(path, saved);
  const save = (changed: readonly Key[]): void => {
    writeSecretFile(path, `${JSON.stringify({ version: 1, keys: changed })}\n`);
    keys = changed;
  };
  const create = (alias?: string): string => {
    const key = { keyId: randomUUID(), versionId: randomUUID(), material: randomBytes(DATA_KEY_BYTES).toString('base64'), enabled: true };
    save([...keys, { ...key, aliases: alias === undefined ? [] : [alias] }]);
    return key.keyId;
  };
  const find = (name: string): Key => {
    const key = keys.find(({ keyId, aliases }) => keyId === name || aliases.includes(name));
    if (key === undefined) {
      throw new KmsRefusal(404, 'Forbidden.KeyNotFound', 'The specified Key is not found.');
    }
    return key;
  };
  return {
    defaultKeyId: keys[0]?.keyId ?? create('alias/sealift'),
    create,
    setEnabled: (name, enabled) => {
      const { keyId } = find(name);
      save(keys.map((key) => (key.keyId === keyId ? { ...key, enabled } : key)));
    },
    seal: (name, plaintext, context) => seal(enabled(find(name)), plaintext, context),
    open: (blob, context) => {
      const { keyId } = split(blob);
      return unseal(enabled(find(keyId)), blob, context);
    },
  };
}

function enabled(key: Key): Key {
  if (!key.enabled) {
    throw new KmsRefusal(409, 'Rejected.Disabled', 'The request was rejected because the key state is Disabled.');
  }
  return key;
}

function seal(key: Key, plaintext: Buffer, context: EncryptionContext) {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key.material, 'base64'), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(key.keyId, context));
  const header = Buffer.concat([Buffer.from([BLOB_VERSION]), Buffer.from(key.keyId), nonce]);
  const blob = Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { blob, keyId: key.keyId, versionId: key.versionId };
}

function unseal(key: Key, blob: Buffer, context: EncryptionContext): Opened {
  const { nonce, ciphertext, tag } = split(blob);
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key.material, 'base64'), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(key.keyId, context)).setAuthTag(tag);
  try {
    const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    return { plaintext, keyId: key.keyId, versionId: key.versionId };
  } catch {
    throw invalidCiphertext();
  }
}

function split(blob: Buffer) {
  if (blob.length < HEADER_BYTES + TAG_BYTES || blob[0] !== BLOB_VERSION) {
    throw invalidCiphertext();
  }
  return {
    keyId: blob.toString('latin1', 1, 1 + KEY_ID_BYTES),
    nonce: blob.subarray(1 + KEY_ID_BYTES, HEADER_BYTES),
    ciphertext: blob.subarray(HEADER_BYTES, blob.length - TAG_BYTES),
    tag: blob.subarray(blob.length - TAG_BYTES),
  };
}

/** One encoding per context, whatever order it was written in. */
function boundTo(keyId: string, context: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify([keyId, Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))]));
}

function invalidCiphertext(): KmsRefusal {
  return new KmsRefusal(400, 'InvalidCiphertext', 'The ciphertext is invalid, or the encryption context is not the one it was made with.');
}

function parse(path: string, content: string): readonly Key[] {
  try {
    return schema.parse(JSON.parse(content)).keys;
  } catch {
    throw new SealiftError('config-invalid', `${path} does not hold the keys of an embedded KMS`, {
      object: path,
      remedy: 'Restore the file from a backup: what was sealed under its keys cannot be opened without them.',
    });
  }
}
