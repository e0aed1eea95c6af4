import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { SealiftError } from '../errors.js';
import { readSecretFile, writeSecretFile } from './secret-file.js';

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  /** Of temporary credentials: must accompany every request. */
  readonly securityToken?: string;
  /** Of temporary credentials: milliseconds since the epoch. */
  readonly expiresAtMs?: number;
}

/** An access key that expires. */
export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  /** ISO 8601. */
  readonly expiration: string;
}

/** The access keys that the embedded cloud accepts: one permanent pair per data directory, and temporary ones. */
export interface AccessKeys {
  readonly permanent: AccessKey;
  find(id: string): AccessKey | undefined;
  /** What STS would hand out; forgotten when the process ends. */
  issueTemporary(lifetimeMs: number): TemporaryCredentials;
  /** Temporary credentials of this id count as expired from now on; a permanent pair never expires. */
  expire(id: string): void;
}

const schema = z.object({ version: z.literal(1), accessKeyId: z.string().min(1), accessKeySecret: z.string().min(16) });

/** Reads `credentials.json` of the data directory (0600), or makes a random pair on the first start. */
export function openAccessKeys(dataDirectory: string, now: () => number): AccessKeys {
  const permanent = loadOrCreate(join(dataDirectory, 'credentials.json'));
  const temporary = new Map<string, AccessKey>();
  return {
    permanent,
    find: (id) => (id === permanent.id ? permanent : temporary.get(id)),
    issueTemporary: (lifetimeMs) => {
      const expiresAtMs = now() + lifetimeMs;
      const key = { ...randomPair('STS.'), securityToken: randomBytes(48).toString('base64url'), expiresAtMs };
      temporary.set(key.id, key);
      return {
        accessKeyId: key.id,
        accessKeySecret: key.secret,
        securityToken: key.securityToken,
        expiration: new Date(expiresAtMs).toISOString(),
      };
    },
    expire: (id) => {
      const key = temporary.get(id);
      if (key !== undefined) {
        temporary.set(id, { ...key, expiresAtMs: now() });
      }
    },
  };
}

function loadOrCreate(path: string): AccessKey {
  const saved = readSecretFile(path);
  if (saved !== undefined) {
    return parse(path, saved);
  }
  const pair = randomPair('LOCAL');
  writeSecretFile(path, `${JSON.stringify({ version: 1, accessKeyId: pair.id, accessKeySecret: pair.secret })}\n`);
  return pair;
}

function parse(path: string, content: string): AccessKey {
  const parsed = schema.safeParse(parseJson(content));
  if (!parsed.success) {
    throw new SealiftError('config-invalid', `${path} does not hold the credentials of an embedded cloud`, {
      object: path,
      remedy: 'Restore the file, or remove it: new credentials are made on the next start and the objects stay.',
    });
  }
  return { id: parsed.data.accessKeyId, secret: parsed.data.accessKeySecret };
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function randomPair(prefix: string): AccessKey {
  return { id: prefix + randomBytes(10).toString('hex').toUpperCase(), secret: randomBytes(24).toString('base64url') };
}
