import { SealiftError } from '../errors.js';
import type { Credentials, CredentialsProvider } from '../run/options.js';

export type { CredentialsProvider } from '../run/options.js';

/** Credentials that stay as they are. Throws code `credentials-missing` when they cannot sign anything. */
export function fixedCredentials(credentials: Credentials): CredentialsProvider {
  checkCredentials(credentials);
  const answer = Promise.resolve(credentials);
  return () => answer;
}

/** A fixed set or a provider, as a provider. */
export function providerOf(credentials: Credentials | CredentialsProvider): CredentialsProvider {
  return typeof credentials === 'function' ? credentials : fixedCredentials(credentials);
}

/** Whether both sign the same way. */
export function sameCredentials(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.accessKeySecret === b.accessKeySecret && (a.securityToken ?? '') === (b.securityToken ?? '');
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
