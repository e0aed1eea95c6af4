import { openResumeSecret } from '../keys/resume-secret.js';
import { openManifest } from './open-manifest.js';
import type { PushOptions, RunResult } from './options.js';
import { dryRunPush } from './push/dry-run.js';
import { preparePush, walkOf } from './push/prepare-push.js';
import { PushRun } from './push/push-run.js';
import { recordedRun } from './recorded-run.js';
import { Tally } from './tally.js';

/**
 * Seals every file below a directory and puts it into a bucket. The same call again continues an unfinished run, and
 * after a finished one sends what changed.
 *
 * Bad files are counted, not thrown; the result and the `file` events tell about each.
 *
 * @throws SealiftError `usage`, `config-invalid`, `source-missing`, `destination-invalid`, `credentials-missing`,
 * `master-key-missing`, `locked`, `manifest-corrupt`, `manifest-write-failed`; each before anything is sent.
 */
export async function push(options: PushOptions): Promise<RunResult> {
  const prepared = await preparePush(options);
  const tally = new Tally(options.onEvent);
  if (options.dryRun === true) {
    return await dryRunPush(prepared, tally);
  }
  const resumeSecret = options.resumeSecret === undefined ? undefined : await openResumeSecret(options.resumeSecret);
  const manifest = await openManifest(prepared.identity, options, prepared.bounds);
  return await recordedRun({ manifest, tally, prepared, signal: options.signal }, async (session) => {
    await new PushRun(session, manifest, { ...prepared, resumeSecret }).run(walkOf(prepared, [manifest.file, `${manifest.file}.lock`], session.signal));
  });
}
