import { resolve } from 'node:path';
import { SealiftError } from '../errors.js';
import { findManifests, readHead } from '../manifest/locate.js';
import type { Identity } from './open-manifest.js';
import type { RunResult, VerifyOptions } from './options.js';
import { localRoot, prepareReading, type PreparedReading } from './pull/prepare-pull.js';
import { findPushedBefore, PushedBefore } from './pushed-before.js';
import { resultOf } from './run-result.js';
import { Session } from './session.js';
import { Tally } from './tally.js';
import { localSide, noManifestFor, noObjectFor, type Against } from './verify/against.js';
import { VerifyReport } from './verify/verify-report.js';
import { VerifyRun } from './verify/verify-run.js';

/**
 * Authenticates every object below a prefix without writing plaintext. With a push manifest it also finds objects that
 * are missing, replaced or rolled back to an older state; with `against` it compares every byte with local files, or that of one
 * object with one file.
 *
 * Bad objects are counted, not thrown: exit code 4 for what is missing, replaced, rolled back or different.
 *
 * @throws SealiftError `usage`, `config-invalid`, `source-missing`, `destination-invalid`, `credentials-missing`,
 * `master-key-missing`, `manifest-missing`, `manifest-corrupt`; `write-failed` or `disk-full` for the report.
 */
export async function verify(options: VerifyOptions): Promise<RunResult> {
  const tally = new Tally(options.onEvent);
  const prepared = await prepareVerify(options);
  const against = await comparedWith(options, prepared);
  const { pushed, pushedTo } = await manifestOf(options, prepared);
  try {
    return await verifyPushed(options, { tally, prepared, against, pushed, pushedTo });
  } finally {
    await pushed.release();
  }
}

interface Verification {
  readonly tally: Tally;
  readonly prepared: PreparedReading;
  readonly against: Against | undefined;
  readonly pushed: PushedBefore;
  /** The bucket, where a manifest was named. */
  readonly pushedTo: string | undefined;
}

async function verifyPushed(options: VerifyOptions, { tally, prepared, against, pushed, pushedTo }: Verification): Promise<RunResult> {
  const report = options.report === undefined ? undefined : VerifyReport.begin(options.report, prepared, pushed.file);
  try {
    const started = { event: 'start', run: 'verify', effective: prepared.effective } as const;
    tally.emit(pushed.file === undefined ? started : { ...started, manifest: pushed.file });
    if (options.headersOnly === true) {
      tally.notice('info', 'no body is read: what the server says of the bodies that it holds is believed');
    }
    if (pushedTo !== undefined && pushedTo !== prepared.identity.target.bucket) {
      tally.notice('warning', `the manifest is of a push to the bucket ${pushedTo}: objects that ${prepared.identity.target.bucket} has not got from it are missing`);
    }
    const stopped = await Session.with(options.signal, { ...prepared, tally }, async (session) => {
      await new VerifyRun(session, { prepared, pushed, report, against }).run();
      return session.stopped;
    });
    const complete = stopped === undefined && tally.counters.failed === 0;
    const result = resultOf(tally, { run: 'verify', complete, ...(pushed.file === undefined ? {} : { manifest: pushed.file }) });
    // Before the summary, which would speak of a report that is not there.
    await report?.finish(result);
    tally.close();
    return result;
  } finally {
    report?.abandon();
  }
}

async function prepareVerify(options: VerifyOptions): Promise<PreparedReading> {
  const pull = {
    sink: options.against === undefined ? 'discard' : 'compare',
    allowRenamed: options.allowRenamed ?? false,
    allowUnauthenticated: options.allowUnauthenticated ?? false,
    preserveSpecialBits: false,
    headersOnly: options.headersOnly ?? false,
  } as const;
  return await prepareReading(options, async () => await localRoot(localSide(options.against ?? '.').root), { pull });
}

/** Of a directory, what should have an object: what a push of it would send. */
async function comparedWith(options: VerifyOptions, { identity: { target } }: PreparedReading): Promise<Against | undefined> {
  const { against, include = [], exclude = [], minBytes, maxBytes, manifest } = options;
  if (against === undefined) {
    return undefined;
  }
  const { file } = localSide(against);
  if (file === undefined) {
    return { kind: 'directory', walked: { root: against, include, exclude, wanted: { minBytes, maxBytes }, symlinks: 'record', ownPaths: await ownPathsOf(options) } };
  }
  const noObject = noObjectFor(against, placeOf(target));
  if (target.prefix === '') {
    throw noObject;
  }
  if (manifest !== undefined) {
    throw noManifestFor(against);
  }
  return { kind: 'file', path: file, noObject };
}

/** No push sends its own manifest; those of other runs may be younger than the push. */
async function ownPathsOf({ ownPaths = [], manifest, manifestDirectories = [], report }: VerifyOptions): Promise<readonly string[]> {
  const manifests = [...(manifest === undefined ? [] : [manifest]), ...(await findManifests(manifestDirectories))];
  return [...ownPaths, ...manifests.flatMap((file) => [resolve(file), resolve(`${file}.lock`)]), ...(report === undefined ? [] : [resolve(report)])];
}

/** Only a named manifest is held against the bucket: one that was merely found might be out of date. */
async function manifestOf({ manifest }: VerifyOptions, { identity }: PreparedReading): Promise<Pick<Verification, 'pushed' | 'pushedTo'>> {
  if (manifest === undefined) {
    return { pushed: new PushedBefore(undefined), pushedTo: undefined };
  }
  const head = await readHead(manifest);
  refuseOtherPrefix(manifest, head, identity);
  return { pushed: await findPushedBefore(identity, { named: manifest, directories: [] }), pushedTo: head.target.bucket };
}

/** Its paths would be looked for in the wrong place. The bucket may be another: a copy that OSS keeps of the one pushed to. */
function refuseOtherPrefix(manifest: string, head: Pick<Identity, 'kind' | 'target'>, { target }: Pick<Identity, 'target'>): void {
  if (head.kind !== 'push') {
    throw new SealiftError('usage', `${manifest} is no manifest of a push`, { object: manifest, remedy: 'name the manifest that the push has written' });
  }
  if (head.target.prefix !== target.prefix) {
    const [pushed, named] = [placeOf(head.target), placeOf(target)];
    throw new SealiftError('usage', `${manifest} is the manifest of a push to ${pushed}, not to ${named}`, {
      object: manifest, remedy: `verify ${pushed}, a part of it with --include, or name the manifest of a push to ${named}`,
    });
  }
}

function placeOf({ bucket, prefix }: Identity['target']): string {
  return `oss://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
}
