import { SealiftError } from '../errors.js';
import { CREDENTIALS_MARGIN_MS, CREDENTIALS_RECHECK_MS, CREDENTIALS_RETRY_MS } from '../limits.js';
import type { Credentials, CredentialsProvider } from '../run/options.js';
import { checkCredentials, sameCredentials } from './credentials.js';

/**
 * Credentials that are renewed before they expire: one request for new ones however many callers wait, and none of them
 * gets a set that is expired or was refused.
 */
export class RenewedCredentials {
  readonly #load: CredentialsProvider;
  readonly #now: () => number;
  #current: Credentials | undefined;
  /** Milliseconds since the epoch from which on `current` is asked for again. */
  #renewAtMs = 0;
  #refused: Credentials | undefined;
  #loading: Promise<Credentials> | undefined;

  /** `now` in milliseconds since the epoch. */
  constructor(load: CredentialsProvider, now: () => number = Date.now) {
    this.#load = load;
    this.#now = now;
  }

  /**
   * The set to sign the next request with. Of a set that was `refused` and has no successor, that very set comes back.
   *
   * Rejects with what the loader throws, unless the known set still holds; with `credentials-expired` when there is
   * nothing but a set that is known to be old.
   */
  async get(refused?: Credentials): Promise<Credentials> {
    if (refused !== undefined) {
      this.distrust(refused);
    }
    if (this.#current !== undefined && this.#now() < this.#renewAtMs) {
      return this.#current;
    }
    this.#loading ??= this.#renew().finally(() => (this.#loading = undefined));
    const loaded = await this.#loading;
    if (!this.#isRefused(loaded)) {
      return loaded;
    }
    if (refused !== undefined && sameCredentials(refused, loaded)) {
      return refused;
    }
    throw expired();
  }

  /** Never hands this set out again. */
  distrust(credentials: Credentials): void {
    const isNews = this.#current === undefined ? this.#refused === undefined : sameCredentials(credentials, this.#current);
    if (isNews) {
      this.#refused = credentials;
      this.#current = undefined;
    }
  }

  async #renew(): Promise<Credentials> {
    const known = this.#current;
    try {
      const loaded = await this.#load(known === undefined ? this.#refused : undefined);
      checkCredentials(loaded);
      return this.#adopt(loaded);
    } catch (error) {
      if (known === undefined || this.#current !== known || this.#isExpired(known)) {
        throw error;
      }
      this.#renewAtMs = this.#now() + CREDENTIALS_RETRY_MS;
      return known;
    }
  }

  /** A set that did not change stays the same object: clients are kept by it. */
  #adopt(loaded: Credentials): Credentials {
    if (this.#isRefused(loaded)) {
      return loaded;
    }
    if (this.#isExpired(loaded)) {
      throw expired();
    }
    const isSame = this.#current !== undefined && sameCredentials(this.#current, loaded) && this.#current.expiresAtMs === loaded.expiresAtMs;
    const current = isSame ? (this.#current ?? loaded) : loaded;
    this.#current = current;
    this.#renewAtMs = this.#renewalOf(current);
    return current;
  }

  #renewalOf({ expiresAtMs, securityToken }: Credentials): number {
    const now = this.#now();
    if (expiresAtMs !== undefined) {
      return expiresAtMs - Math.min(CREDENTIALS_MARGIN_MS, (expiresAtMs - now) / 4);
    }
    return securityToken === undefined || securityToken === '' ? Infinity : now + CREDENTIALS_RECHECK_MS;
  }

  #isExpired({ expiresAtMs }: Credentials): boolean {
    return expiresAtMs !== undefined && this.#now() >= expiresAtMs;
  }

  #isRefused(credentials: Credentials): boolean {
    return this.#refused !== undefined && sameCredentials(credentials, this.#refused);
  }
}

function expired(): SealiftError {
  return new SealiftError('credentials-expired', 'the temporary credentials have expired, and their source has no new ones', {
    object: 'credentials',
    remedy: 'Get new temporary credentials, then run the same command again.',
  });
}
