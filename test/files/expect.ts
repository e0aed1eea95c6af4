import assert from 'node:assert/strict';
import { isSealiftError, type ErrorCode, type SealiftError } from '../../src/errors.js';

/** Asserts that a call fails with this code, and returns the error for a closer look. */
export function throwsCode(action: () => unknown, code: ErrorCode): SealiftError {
  try {
    action();
  } catch (error) {
    return withCode(error, code);
  }
  assert.fail(`nothing was thrown, expected ${code}`);
}

export async function rejectsCode(promise: Promise<unknown>, code: ErrorCode): Promise<SealiftError> {
  const outcome = await promise.then(() => ({ failed: false, error: undefined }), (error: unknown) => ({ failed: true, error }));
  assert.ok(outcome.failed, `nothing was thrown, expected ${code}`);
  return withCode(outcome.error, code);
}

export function withCode(error: unknown, code: ErrorCode): SealiftError {
  if (!isSealiftError(error)) {
    throw error;
  }
  assert.equal(error.code, code, error.message);
  return error;
}
