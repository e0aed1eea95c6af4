import { SealiftError } from '../errors.js';
import type { Credentials } from '../run/options.js';

/**
 * Gives one consistent set of credentials per request. `refused` is the set that the server has just called expired: a
 * provider that can renew answers with another set, and the request is repeated once; one that cannot returns the same.
 */
export type CredentialsProvider = (refused?: Credentials) => Promise<Credentials>;

/** Credentials that stay as they are. Throws code `credentials-missing` when they cannot sign anything. */
export function fixedCredentials(credentials: Credentials): CredentialsProvider {
  checkCredentials(credentials);
  const answer = Promise.resolve(credentials);
  return () => answer;
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
