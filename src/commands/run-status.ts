import { loadConfig } from '../config.js';
import { exitCodeOf, isErrorCode } from '../errors.js';
import { keyBelow } from '../files/key-below.js';
import { findManifest } from '../manifest/locate.js';
import { summarize, type RunSummary } from '../manifest/summary.js';
import { createJsonWriter } from '../report/json.js';
import { statusLines } from '../report/status.js';
import { COMMAND_SETTINGS } from '../settings.js';
import type { Context } from './context.js';
import { namedManifest, noManifest } from './which-manifest.js';

/** An unfinished run has the exit code of files that are not done. */
const UNFINISHED = exitCodeOf('vanished');

/** Prints what a manifest says. Takes no lock, so it may be asked while the run is at work. */
export async function runStatus(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const { settings, manifestDirectories } = await loadConfig({ flags, env: context.env, cwd: context.cwd, names: COMMAND_SETTINGS.status });
  const typed = flags['manifest'];
  const file = typed === undefined ? await findManifest(manifestDirectories, () => true) : namedManifest(typed, context.cwd, manifestDirectories);
  if (file === undefined) {
    throw noManifest('run', manifestDirectories);
  }
  const summary = await summarize(file);
  const exitCode = summary.complete ? 0 : UNFINISHED;
  if (settings.json === true) {
    writeEvents(context, summary, exitCode);
  } else {
    context.stdout.write(`${statusLines(statusOf(summary)).join('\n')}\n`);
  }
  context.summarized();
  context.exitWith(exitCode);
}

function writeEvents(context: Context, summary: RunSummary, exitCode: number): void {
  const write = createJsonWriter(context.stdout, () => new Date(context.now()));
  const { run, kind, manifest, complete, done, failed, skipped, skipReasons, left, bytes, failures } = statusOf(summary);
  const { prefix } = summary.head.target;
  write({ event: 'status', run, kind, manifest, complete, done, failed, skipped, left, bytes });
  failures.forEach(({ path, code, message }) => write({ event: 'file', path, key: keyBelow(prefix, path), state: 'failed', message, ...(isErrorCode(code) ? { code } : {}) }));
  write({ event: 'summary', scanned: done + skipped + failed, done, skipped, failed, bytes, exitCode, ...(skipped === 0 ? {} : { skipReasons }) });
}

function statusOf(summary: RunSummary): Parameters<typeof statusLines>[0] {
  const { head, file, counts, skipReasons, left, bytes, failures, unfinished, lastClose, complete } = summary;
  const { bucket, prefix } = head.target;
  return {
    run: head.run,
    kind: head.kind,
    manifest: file,
    place: `oss://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    directory: head.root.path,
    startedAt: head.createdAt,
    endedAt: lastClose?.time,
    complete,
    done: counts.done,
    failed: counts.failed,
    skipped: counts.skipped + counts.directory,
    skipReasons,
    left,
    bytes,
    failures,
    unfinished,
  };
}
