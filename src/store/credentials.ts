import { isSealiftError, SealiftError } from '../errors.js';
import type { Credentials, CredentialsProvider } from '../run/options.js';

export type { CredentialsProvider } from '../run/options.js';

/** Credentials that stay as they are. Throws code `credentials-missing` when they cannot sign anything. */
export function fixedCredentials(credentials: Credentials): CredentialsProvider {
  checkCredentials(credentials);
  const answer = Promise.resolve(credentials);
  return () => answer;
}

/** A fixed set or a provider, as a provider that rejects with SealiftErrors only. */
export function providerOf(credentials: Credentials | CredentialsProvider): CredentialsProvider {
  if (typeof credentials !== 'function') {
    return fixedCredentials(credentials);
  }
  return async (refused) => {
    try {
      return await credentials(refused);
    } catch (error) {
      throw isSealiftError(error) ? error : notGiven(error);
    }
  };
}

/** Whether both sign the same way. */
export function sameCredentials(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.accessKeySecret === b.accessKeySecret && (a.securityToken ?? '') === (b.securityToken ?? '');
}

/** The message is the caller's own, and between threads it is all that stays of the cause. */
function notGiven(cause: unknown): SealiftError {
  const reason = cause instanceof Error ? cause.message : 'a value that is no Error was thrown';
  return new SealiftError('credentials-missing', `the function that gives the credentials failed: ${reason}`, {
    object: 'credentials', remedy: 'Find out why their source does not answer, then try again.', cause,
  });
}

/** Refuses sets that would only fail later, without repeating any of their characters. */
export function checkCredentials(credentials: Credentials): void {
  for (const [name, value] of Object.entries(credentials)) {
    if (typeof value === 'string' && value !== '' && !/^[\x21-\x7e]+$/.test(value)) {
      const remedy = 'Look for spaces, line ends or quotes that were copied along.';
      throw new SealiftError('credentials-missing', `the ${name} contains characters that no credential has`, { object: name, remedy });
    }
  }
  if (credentials.accessKeyId === '' || credentials.accessKeySecret === '') {
    const remedy = 'Set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET.';
    throw new SealiftError('credentials-missing', 'there is no access key id or no access key secret', { object: 'credentials', remedy });
  }
}
