/** The last words of a run: counts that add up, the first failures with what to do about them, how to go on. */
import { exitCodeOf, type Cause } from '../errors.js';
import type { Counters } from '../run/events.js';
import type { RunResult } from '../run/options.js';
import { escapeForTerminal } from './escape.js';
import { formatBytes, formatCount, formatDuration } from './format.js';
import { skipLines } from './skips.js';

/** Failures that the summary spells out; the manifest, or the report of a verification, has all. */
export const SHOWN_FAILURES = 10;

export interface Closing {
  /** Name of the command. */
  readonly label: string;
  readonly elapsedMs: number;
  /** What to add to `sealift resume MANIFEST`, such as `--key FILE`; undefined where there is nothing to resume. */
  readonly resumeOptions: string | undefined;
  /** File with the outcome of every object, where a run writes one. */
  readonly report: string | undefined;
  readonly dryRun: boolean;
}

/** What the command knows of a run and its result does not say. */
export type Aftermath = Pick<Closing, 'resumeOptions' | 'report'>;

/** Lines without newline at the end; every name in them is safe to print. */
export function closingLines(result: RunResult, closing: Closing): string[] {
  return [
    `${closing.label} ${verdict(result, closing)}: ${sum(result)}`,
    `  ${volume(result, closing)}`,
    ...skipLines(result.skipReasons).map((line) => `  ${line}`),
    ...restartLines(result),
    ...stopLines(result),
    ...failureLines(result, closing),
    ...manifestLines(result, closing),
  ];
}

/** Whether scanned = done + skipped + failed; anything else is a bug of ours and must not look like success. */
export function addsUp({ scanned, done, skipped, failed }: Counters): boolean {
  return scanned === done + skipped + failed;
}

/** `214 scanned = 212 done + 2 skipped + 0 failed`. */
export function sum(counters: Counters): string {
  const { scanned, done, skipped, failed } = counters;
  const relation = addsUp(counters) ? '=' : '≠';
  return `${formatCount(scanned)} scanned ${relation} ${formatCount(done)} done + ${formatCount(skipped)} skipped + ${formatCount(failed)} failed`;
}

function verdict(result: RunResult, { dryRun }: Closing): string {
  if (dryRun) {
    return result.exitCode === 0 ? 'planned' : `planned (exit code ${result.exitCode})`;
  }
  if (result.exitCode === 0) {
    return 'complete';
  }
  return `${isInterruption(result.exitCode) ? 'interrupted' : 'NOT complete'} (exit code ${result.exitCode})`;
}

function isInterruption(exitCode: number): boolean {
  return exitCode === exitCodeOf('interrupted') || exitCode === exitCodeOf('terminated');
}

function volume(result: RunResult, { dryRun, elapsedMs }: Closing): string {
  if (dryRun) {
    return 'nothing was sent or written';
  }
  if (result.run === 'rewrap') {
    return `${formatBytes(result.bytes)} under the new key, none of it moved, in ${formatDuration(elapsedMs)}`;
  }
  const perSecond = elapsedMs > 0 ? Math.round(result.bytes / (elapsedMs / 1000)) : 0;
  return `${formatBytes(result.bytes)} in ${formatDuration(elapsedMs)}, ${formatBytes(perSecond)}/s`;
}

function restartLines({ restarted = 0 }: RunResult): string[] {
  return restarted === 0 ? [] : [`  ${formatCount(restarted)} ${restarted === 1 ? 'file' : 'files'} sent again from the beginning`];
}

/** Unless a signal was the cause, which the verdict says, or a file among the failures, which tells the same. */
function stopLines({ error, exitCode, failures }: RunResult): string[] {
  if (error === undefined || isInterruption(exitCode) || failures.slice(0, SHOWN_FAILURES).some(({ message }) => message === error.message)) {
    return [];
  }
  return causeLines('stopped', error);
}

function failureLines(result: RunResult, closing: Closing): string[] {
  const shown = result.failures.slice(0, SHOWN_FAILURES).flatMap(({ path, ...cause }) => causeLines(`failed  ${escapeForTerminal(path)}`, cause));
  const more = result.failed - Math.min(result.failures.length, SHOWN_FAILURES);
  if (more <= 0) {
    return shown;
  }
  const where = placeOfAll(result, closing);
  return [...shown, `  … and ${formatCount(more)} more${where === undefined ? '' : `; all of them: ${where}`}`];
}

/** What has nothing to resume has recorded nothing: the manifest that it names is that of another run. */
function placeOfAll({ run, manifest }: RunResult, { dryRun, resumeOptions, report }: Closing): string | undefined {
  if (dryRun) {
    return undefined;
  }
  if (resumeOptions === undefined) {
    return report === undefined ? `pass ${run === 'rewrap' ? '--json' : '--report FILE'}` : shellWord(report);
  }
  return manifest === undefined ? undefined : `sealift status ${shellWord(manifest)}`;
}

function causeLines(what: string, { code, message, remedy }: Cause): string[] {
  return [
    `  ${what}: ${escapeForTerminal(message)} (${escapeForTerminal(code)})`,
    ...(remedy === undefined ? [] : [`          ${escapeForTerminal(remedy)}`]),
  ];
}

function manifestLines(result: RunResult, { dryRun, resumeOptions }: Closing): string[] {
  if (result.run === 'rewrap' && isInterruption(result.exitCode)) {
    // The objects themselves say what is done.
    return ['  continue with: the same command'];
  }
  if (result.manifest === undefined || dryRun) {
    return [];
  }
  if (result.complete || resumeOptions === undefined) {
    return [`  manifest ${shellWord(result.manifest)}`];
  }
  return [`  continue with: sealift resume ${[shellWord(result.manifest), resumeOptions].join(' ').trim()}`];
}

/** A word that can be pasted into a POSIX shell; odd characters are escaped for the terminal first. */
export function shellWord(text: string): string {
  const safe = escapeForTerminal(text);
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", String.raw`'\''`)}'`;
}
