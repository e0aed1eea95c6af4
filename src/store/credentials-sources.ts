/**
 * Where credentials come from when nobody passes them: the environment of the OSS tools, `~/.ossutilconfig`, a named
 * profile, and what every tool of Alibaba Cloud looks at. One set serves OSS and KMS.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SealiftError } from '../errors.js';
import type { Credentials, CredentialsProvider } from '../run/options.js';
import { fixedCredentials } from './credentials.js';
import { chainCredentials, cliProfileCredentials, ossutilCredentials, sharedProfileCredentials } from './credentials-library.js';
import { ossutilProfile, parseIni, type IniFile } from './ossutil-file.js';

export interface CredentialSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Home directory; absolute. */
  readonly home: string;
  /** A profile of ossutil, of the aliyun CLI, or of the shared credentials file, looked for in this order. */
  readonly profile?: string | undefined;
}

/**
 * The first source that applies: the named profile alone; else `OSS_ACCESS_KEY_ID` and its companions; else
 * `~/.ossutilconfig`; else the default chain of Alibaba Cloud (environment, OIDC, CLI profile, profile file, ECS role, URI).
 *
 * The files are read now, the chain is asked when credentials are. Rejects with `credentials-missing` for half a pair and
 * for a profile that is nowhere, `config-invalid` for a profile that cannot be used.
 */
export async function findCredentials(sources: CredentialSources): Promise<CredentialsProvider> {
  const { environment, home, profile } = sources;
  if (profile !== undefined) {
    return await namedProfile(profile, sources);
  }
  const given = fromEnvironment(environment);
  if (given !== undefined) {
    return fixedCredentials(given);
  }
  const found = ossutilProfile(await iniFile(ossutilPath(home)), undefined);
  return found === undefined ? chainCredentials() : ossutilCredentials(found, ossutilPath(home));
}

function fromEnvironment(environment: CredentialSources['environment']): Credentials | undefined {
  const [accessKeyId, accessKeySecret, securityToken] = ['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET', 'OSS_SESSION_TOKEN'].map((name) => environment[name] ?? '');
  if (accessKeyId === '' && accessKeySecret === '') {
    return undefined;
  }
  return {
    accessKeyId: required('OSS_ACCESS_KEY_ID', accessKeyId),
    accessKeySecret: required('OSS_ACCESS_KEY_SECRET', accessKeySecret),
    ...(securityToken === undefined || securityToken === '' ? {} : { securityToken }),
  };
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') {
    throw new SealiftError('credentials-missing', `${name} is not set, though its other half is`, {
      object: name,
      remedy: 'Set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET in the environment, or neither to use a profile.',
    });
  }
  return value;
}

async function namedProfile(name: string, { environment, home }: CredentialSources): Promise<CredentialsProvider> {
  const ossutil = ossutilProfile(await iniFile(ossutilPath(home)), name);
  if (ossutil !== undefined) {
    return ossutilCredentials(ossutil, `profile ${name} of ${ossutilPath(home)}`);
  }
  const cli = join(home, '.aliyun', 'config.json');
  if (await hasCliProfile(cli, name)) {
    return cliProfileCredentials(name, cli);
  }
  const shared = environment['ALIBABA_CLOUD_CREDENTIALS_FILE'] ?? join(home, '.alibabacloud', 'credentials');
  if ((await iniFile(shared)).has(name.toLowerCase())) {
    return sharedProfileCredentials(name, shared);
  }
  throw new SealiftError('credentials-missing', `there is no profile "${name}"`, {
    object: name,
    remedy: `Looked into ${ossutilPath(home)}, ${cli} and ${shared}.`,
  });
}

function ossutilPath(home: string): string {
  return join(home, '.ossutilconfig');
}

async function iniFile(path: string): Promise<IniFile> {
  return parseIni(await textOf(path) ?? '');
}

async function hasCliProfile(path: string, name: string): Promise<boolean> {
  try {
    const content: unknown = JSON.parse(await textOf(path) ?? '{}');
    const profiles: unknown = typeof content === 'object' && content !== null && 'profiles' in content ? content.profiles : [];
    return Array.isArray(profiles) && profiles.some((profile: unknown) => typeof profile === 'object' && profile !== null && 'name' in profile && profile.name === name);
  } catch {
    // Its text may hold secrets, so nothing of it is shown.
    throw new SealiftError('config-invalid', `${path} is not JSON`, { object: path, remedy: 'Repair it with "aliyun configure".' });
  }
}

/** Undefined when there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return undefined;
    }
    throw new SealiftError('credentials-missing', `${path} cannot be read: ${code}`, { object: path, remedy: 'Make it readable for this user.' });
  }
}
