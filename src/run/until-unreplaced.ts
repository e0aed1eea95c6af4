import { isSealiftError, toFailure, type SealiftError } from '../errors.js';
import { MAX_ATTEMPTS_PER_FILE } from '../limits.js';
import type { FailedOutcome } from './jobs.js';

/** Work on one object, begun again from its head when somebody replaces it meanwhile. Whatever else goes wrong is an answer too. */
export async function untilUnreplaced<T>(id: number, attempt: () => Promise<T>): Promise<T | FailedOutcome> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isReplaced(error) || attempts >= MAX_ATTEMPTS_PER_FILE) {
        return { state: 'failed', id, failure: toFailure(error) };
      }
    }
  }
}

/** The object is no longer the one that was looked at. */
export function isReplaced(error: unknown): error is SealiftError {
  return isSealiftError(error) && error.code === 'replaced';
}
