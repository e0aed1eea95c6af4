import { fromFailure } from '../errors.js';
import type { Result } from './jobs.js';

/** The value of a worker's answer; a failure is thrown as the error it was. */
export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) {
    throw fromFailure(result.failure);
  }
  return result.value;
}
