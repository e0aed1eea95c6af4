import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SealiftError } from '../errors.js';

/**
 * A new directory of this process alone, where the system keeps what is thrown away.
 *
 * @throws SealiftError `write-failed` when none can be made.
 */
export function makeScratch(prefix: string): string {
  try {
    return mkdtempSync(join(tmpdir(), prefix));
  } catch (cause) {
    throw new SealiftError('write-failed', `no temporary directory can be made in ${tmpdir()}`, {
      object: tmpdir(), remedy: 'set TMPDIR to a directory that can be written to', cause,
    });
  }
}
