import type * as Library from '@alicloud/credentials';
import { SealiftError } from '../errors.js';
import type { CredentialsProvider } from '../run/options.js';
import { fixedCredentials } from './credentials.js';
import type { OssutilProfile } from './ossutil-file.js';

/** What all providers of the library have in common. */
interface LibraryProvider {
  getCredentials(): Promise<{ readonly accessKeyId: string; readonly accessKeySecret: string; readonly securityToken?: string | undefined }>;
}

/** What every tool of Alibaba Cloud looks at: environment, OIDC, CLI profile, profile file, ECS role, credentials URI. */
export function chainCredentials(): CredentialsProvider {
  const remedy =
    'Set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, choose a --profile, or try --local, which needs none. Looked at too, without success: ' +
    '~/.ossutilconfig, ALIBABA_CLOUD_* variables, OIDC, ~/.aliyun/config.json, ~/.alibabacloud/credentials, the ECS role, ALIBABA_CLOUD_CREDENTIALS_URI.';
  return fromLibrary(({ DefaultCredentialsProvider }) => DefaultCredentialsProvider.builder().build(), 'no credentials were found', remedy);
}

/** `path` is named in errors. */
export function cliProfileCredentials(name: string, path: string): CredentialsProvider {
  return fromLibrary(
    ({ CLIProfileCredentialsProvider }) => CLIProfileCredentialsProvider.builder().withProfileName(name).build(),
    `profile ${name} of ${path} gives no credentials`, 'Try "aliyun sts GetCallerIdentity --profile" with it, and repair it with "aliyun configure".',
  );
}

/** `path` is named in errors. */
export function sharedProfileCredentials(name: string, path: string): CredentialsProvider {
  return fromLibrary(
    ({ ProfileCredentialsProvider }) => ProfileCredentialsProvider.builder().withProfileName(name).build(),
    `profile ${name} of ${path} gives no credentials`, 'Its type must be access_key, ecs_ram_role or ram_role_arn, with what belongs to it.',
  );
}

/**
 * What a profile of ossutil leads to; `place` is named in errors. Throws `config-invalid` for a mode that is not known and
 * `credentials-missing` for an incomplete pair.
 */
export function ossutilCredentials(profile: OssutilProfile, place: string): CredentialsProvider {
  const { accessKeyId, accessKeySecret, securityToken, roleArn, roleSessionName, ecsRoleName } = profile;
  const unusable = `${place} gives no credentials`;
  switch (profile.mode.toLowerCase()) {
    case 'ak':
      return fixedCredentials({ accessKeyId, accessKeySecret });
    case 'ststoken':
      return fixedCredentials({ accessKeyId, accessKeySecret, securityToken });
    case 'ramrolearn':
      return fromLibrary(({ RAMRoleARNCredentialsProvider, StaticAKCredentialsProvider }) => {
        const own = StaticAKCredentialsProvider.builder().withAccessKeyId(accessKeyId).withAccessKeySecret(accessKeySecret).build();
        const role = RAMRoleARNCredentialsProvider.builder().withCredentialsProvider(own).withRoleArn(roleArn);
        return (roleSessionName === '' ? role : role.withRoleSessionName(roleSessionName)).build();
      }, unusable, 'Check the access key, its permission sts:AssumeRole and the role ARN.');
    case 'ecsramrole':
      return fromLibrary(({ ECSRAMRoleCredentialsProvider }) => {
        const role = ECSRAMRoleCredentialsProvider.builder();
        return (ecsRoleName === '' ? role : role.withRoleName(ecsRoleName)).build();
      }, unusable, 'This works on an ECS instance with that role only.');
    default:
      throw new SealiftError('config-invalid', `${place} has a mode that is not known here`, {
        object: place,
        remedy: 'Use AK, StsToken, RamRoleArn or EcsRamRole there, or configure the aliyun CLI and choose its profile with --profile.',
      });
  }
}

/**
 * Nothing of the library's own messages is shown: they quote files and answers, secrets included. It keeps what it has
 * fetched, so a refused set means that it starts anew.
 */
function fromLibrary(open: (library: typeof Library) => LibraryProvider, message: string, remedy: string): CredentialsProvider {
  let provider: LibraryProvider | undefined;
  return async (refused) => {
    // Loaded on first use: it takes longer than a whole small command.
    const library = await import('@alicloud/credentials');
    try {
      provider = refused === undefined ? (provider ?? open(library)) : open(library);
      const { accessKeyId, accessKeySecret, securityToken = '' } = await provider.getCredentials();
      return { accessKeyId, accessKeySecret, ...(securityToken === '' ? {} : { securityToken }) };
    } catch {
      provider = undefined;
      throw new SealiftError('credentials-missing', message, { object: 'credentials', remedy: `${remedy} What is asked for them goes through no proxy.` });
    }
  };
}
