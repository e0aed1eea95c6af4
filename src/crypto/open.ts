import { createDecipheriv, type DecipherGCM } from 'node:crypto';
import { AuthenticationError } from '../errors.js';
import { TAG_BYTES } from '../limits.js';
import { updateChunked, updateInPlace } from './cipher-chunks.js';
import { deriveMacKey, equalBytes, type Authenticators } from './commitment.js';
import type { DataKey } from './data-key.js';
import { Gmac } from './gmac.js';
import type { StartBlock } from './start-block.js';

/** The one error for everything that cannot be told apart: wrong key, failed unwrap, failed commitment, mac or tag. */
export function authenticationFailed(object?: string): AuthenticationError {
  const reason = 'failed to authenticate: corrupt, tampered with, or sealed under another master key';
  if (object === undefined) {
    return new AuthenticationError('authentication-failed', reason);
  }
  const remedy = 'Check that the right key was given; if it was, restore the object from a copy you trust.';
  return new AuthenticationError('authentication-failed', `${object}: ${reason}`, { object, remedy });
}

/** What a body has to fit, and how to name it when it does not. */
export interface Expected extends Authenticators {
  /** The object key, for the error. */
  readonly object?: string;
}

/**
 * Turns ciphertext into plaintext within the same buffer, after {@link verifyCommitment} accepted `aad`, tag and mac.
 * @throws AuthenticationError `authentication-failed`, and the buffer is zeroed: unverified plaintext never escapes
 */
export function openInPlace(
  key: DataKey,
  start: StartBlock,
  aad: Buffer,
  sealed: Expected & { readonly data: Buffer },
): void {
  const opener = new StreamOpener(key, start, aad, sealed);
  try {
    updateInPlace(opener, sealed.data);
    opener.final();
  } catch (error) {
    sealed.data.fill(0);
    throw error;
  }
}

/** Opens a body that comes in pieces of any size. Nothing it returns may be shown before `final` has returned. */
export class StreamOpener {
  readonly #decipher: DecipherGCM;
  readonly #gmac: Gmac;
  readonly #expected: Expected;
  #poisoned = false;

  constructor(key: DataKey, start: StartBlock, aad: Buffer, expected: Expected) {
    this.#decipher = createDecipheriv('aes-256-gcm', key.cipherKey, start.nonce, { authTagLength: TAG_BYTES });
    this.#decipher.setAAD(aad).setAuthTag(expected.tag);
    this.#gmac = new Gmac(deriveMacKey(key, start), start.nonce);
    this.#expected = expected;
  }

  /** Unverified plaintext of the same length. */
  update(ciphertext: Buffer): Buffer {
    // Node's GCM throws on the byte after its limit, but its final() then succeeds: only a whole update unpoisons.
    const wasPoisoned = this.#poisoned;
    this.#poisoned = true;
    this.#gmac.update(ciphertext);
    const plaintext = updateChunked(this.#decipher, ciphertext);
    this.#poisoned = wasPoisoned;
    return plaintext;
  }

  /** @throws AuthenticationError unless tag and mac fit every byte and no update has failed; may be called once */
  final(): void {
    const isAuthentic = !this.#poisoned && this.#isTagValid() && equalBytes(this.#gmac.digest(), this.#expected.mac);
    this.#poisoned = true;
    if (!isAuthentic) {
      throw authenticationFailed(this.#expected.object);
    }
  }

  #isTagValid(): boolean {
    try {
      this.#decipher.final();
      return true;
    } catch {
      return false;
    }
  }
}
