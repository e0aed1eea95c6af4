import type { RewrapOptions, RunResult } from './options.js';
import { localRoot, prepareReading, type PreparedReading } from './pull/prepare-pull.js';
import { RewrapRun } from './rewrap/rewrap-run.js';
import { resultOf } from './run-result.js';
import { Session } from './session.js';
import { Tally } from './tally.js';
import { sealingFingerprint } from './threads/master-keys.js';

/**
 * Puts every sealed object below a prefix under the first master key: data key and start block are unwrapped with whichever key
 * opens them, wrapped anew, and replaced in the object's metadata. No body moves, and an object under the first key already
 * is left as it is, so that an interrupted rewrap is begun again with the same call.
 *
 * An object is changed only after its commitment was verified and, where the first key can open, what takes the place of its
 * metadata was opened too. Objects of the `client-side-encryption` envelope fail with `not-rewrappable`: OSS keeps their headers.
 *
 * @throws SealiftError `usage`, `config-invalid`, `credentials-missing`, `master-key-missing`.
 */
export async function rewrap(options: RewrapOptions): Promise<RunResult> {
  const tally = new Tally(options.onEvent);
  const dryRun = options.dryRun ?? false;
  const prepared = await prepareRewrap(options, dryRun);
  const run = dryRun ? 'dry-run' : 'rewrap';
  tally.emit({ event: 'start', run, effective: prepared.effective });
  const stopped = await Session.with(options.signal, { ...prepared, tally }, async (session) => {
    await new RewrapRun(session, { ...prepared, dryRun }).run();
    return session.stopped;
  });
  tally.close();
  return resultOf(tally, { run, complete: stopped === undefined && tally.counters.failed === 0 });
}

async function prepareRewrap(options: RewrapOptions, dryRun: boolean): Promise<PreparedReading> {
  const { keys, allowRenamed = false } = options;
  const prepared = await prepareReading(options, async () => await localRoot('.'), { rewrap: { allowRenamed, dryRun } });
  sealingFingerprint(keys, prepared.context.family, prepared.provider);
  return prepared;
}
