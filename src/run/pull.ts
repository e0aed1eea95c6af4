import { resolve } from 'node:path';
import { toFailure } from '../errors.js';
import { openManifest } from './open-manifest.js';
import type { PullOptions, RunResult } from './options.js';
import { dryRunPull } from './pull/dry-run-pull.js';
import { isPushManifest, preparePull, type PreparedPull } from './pull/prepare-pull.js';
import { PullRun } from './pull/pull-run.js';
import { findPushedBefore, type PushedBefore } from './pushed-before.js';
import { recordedRun } from './recorded-run.js';
import type { Session } from './session.js';
import { Tally } from './tally.js';
import type { EncodedPath } from './types.js';

/**
 * Brings every sealed object below a prefix back as a file, verified before it gets its name. The same call again
 * continues an unfinished run. A directory that was empty when it was pushed is restored where the push's manifest is at
 * hand: named as `manifest` or `pushManifest`, or found in `manifestDirectories`.
 *
 * That manifest also knows objects that a stale listing leaves out: they are pulled too. One that is not in the bucket fails
 * with code `missing` where the manifest was named; of one that was found, a notice tells how many are not there.
 *
 * Bad objects are counted, not thrown.
 *
 * @throws SealiftError `usage`, `config-invalid`, `destination-invalid`, `credentials-missing`, `master-key-missing`,
 * `write-failed`, `locked`, `manifest-corrupt`, `manifest-write-failed`.
 */
export async function pull(options: PullOptions): Promise<RunResult> {
  const prepared = await preparePull(options);
  const tally = new Tally(options.onEvent);
  const isOfPush = options.manifest !== undefined && (await isPushManifest(options.manifest));
  const named = isOfPush ? options.manifest : options.pushManifest;
  const pushed = await findPushedBefore(prepared.identity, { named, directories: options.manifestDirectories });
  try {
    const own = recordingPush(isOfPush ? withoutManifest(options) : options, named);
    return options.dryRun === true ? await dryRunPull(own, prepared, pushed, tally) : await runPull(own, prepared, pushed, tally);
  } finally {
    await pushed.release();
  }
}

async function runPull(options: PullOptions, prepared: PreparedPull, pushed: PushedBefore, tally: Tally): Promise<RunResult> {
  const manifest = await openManifest(prepared.identity, options, prepared.bounds);
  return await recordedRun({ manifest, tally, prepared, signal: options.signal }, async (session) => {
    await new PullRun(session, manifest, pushed, prepared).run();
    if (session.stopped === undefined) {
      await restoreEmptyDirectories(session, prepared, pushed);
    }
  });
}

async function restoreEmptyDirectories(session: Session, { selection }: PreparedPull, pushed: PushedBefore): Promise<void> {
  for (const path of pushed.emptyDirectories()) {
    if (session.stopped !== undefined) {
      return;
    }
    if (selection.takes(path)) {
      await restoreDirectory(session, path);
    }
  }
}

/** No manifest is told of a failure: the path may be that of a file, which a push has sent before a directory took its name. */
async function restoreDirectory(session: Session, path: EncodedPath): Promise<void> {
  const { tally } = session;
  const directory = { path, key: '' };
  tally.scanned(0);
  try {
    await session.ports.tree().makeDirectory(path);
    tally.skipped(directory, 'empty-directory');
  } catch (error) {
    const failure = toFailure(error);
    tally.failed(directory, failure);
    session.failed(failure);
  }
}

/** So that `resume`, which names the manifest of the pull, knows that of the push. */
function recordingPush(options: PullOptions, named: string | undefined): PullOptions {
  return named === undefined ? options : { ...options, recordedOptions: { ...options.recordedOptions, 'push-manifest': resolve(named) } };
}

function withoutManifest(options: PullOptions): PullOptions {
  const rest: { -readonly [Name in keyof PullOptions]: PullOptions[Name] } = { ...options };
  delete rest.manifest;
  return rest;
}
