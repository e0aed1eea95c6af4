/** Events in, words or JSON out; one reporter per command. */
import type { EventListener, FileEvent, RunEvent, StartEvent } from '../run/events.js';
import type { RunResult } from '../run/options.js';
import { closingLines, type Aftermath, type Closing } from './closing.js';
import { createLineDisplay, createSilentDisplay, type Display, type Output } from './display.js';
import { effectiveLines } from './effective.js';
import { escapeForTerminal } from './escape.js';
import { formatBytes, formatThreads } from './format.js';
import { createJsonWriter, emptySummary, type StoppedBy } from './json.js';
import { createProgressMeter } from './progress.js';

export interface ReporterOptions {
  /** Name of the command. */
  readonly label: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: boolean;
  readonly dryRun: boolean;
  /** Draws on a terminal; made only where there is one. */
  readonly bars?: (label: string) => Display;
}

export interface Reporter {
  readonly onEvent: EventListener;
  /** Prints the closing summary. */
  finish(result: RunResult, aftermath: Aftermath): void;
  /** Ends the display; makes sure that a program sees a last `summary` event. People are told by the caller. */
  fail(failure: StoppedBy): void;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { stdout, stderr, now, json } = options;
  const meter = createProgressMeter(now);
  const display = displayFor(options);
  const text = json ? stderr : stdout;
  const writeJson = json ? createJsonWriter(stdout, () => new Date(now())) : () => undefined;
  let ended = false;
  const onEvent = (event: RunEvent): void => {
    writeJson(event);
    ended ||= event.event === 'summary';
    meter.observe(event);
    if (event.event === 'progress') {
      display.update(meter.current());
    }
    const line = options.quiet ? quietLine(event) : lineOf(event, options);
    if (line !== undefined) {
      display.line(line);
    }
    planLines(event, options).forEach((planned) => text.write(`${planned}\n`));
  };
  return {
    onEvent,
    finish: (result, aftermath) => {
      display.stop();
      const closing: Closing = { label: options.label, elapsedMs: meter.current().elapsedMs, dryRun: options.dryRun, ...aftermath };
      if (!options.quiet || result.exitCode !== 0) {
        const output = options.quiet ? stderr : text;
        output.write(`${closingLines(result, closing).join('\n')}\n`);
      }
    },
    fail: (failure) => {
      display.stop();
      if (!ended) {
        ended = true;
        writeJson(emptySummary(failure));
      }
    },
  };
}

function displayFor({ label, stderr, now, quiet, progress, bars }: ReporterOptions): Display {
  if (quiet || !progress) {
    return createSilentDisplay(stderr);
  }
  return stderr.isTTY === true && bars !== undefined ? bars(label) : createLineDisplay(stderr, label, now);
}

/** What a person is told at once, on stderr. */
function lineOf(event: RunEvent, options: ReporterOptions): string | undefined {
  switch (event.event) {
    case 'notice':
      return `${event.level === 'warning' ? 'warning: ' : ''}${escapeForTerminal(event.message)}`;
    case 'start':
      return options.dryRun || !options.progress ? undefined : startLine(event, options.label);
    default:
      return undefined;
  }
}

function quietLine(event: RunEvent): string | undefined {
  return event.event === 'notice' && event.level === 'warning' ? `warning: ${escapeForTerminal(event.message)}` : undefined;
}

function startLine({ run, effective }: StartEvent, label: string): string {
  const { bucket, prefix, concurrency } = effective;
  const place = `oss://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
  return `${label} ${escapeForTerminal(place)}, run ${escapeForTerminal(run)}, ${formatThreads(effective)} with ${concurrency} requests each`;
}

/** Of a dry run: the numbers and every file, on the channel that holds the result. */
function planLines(event: RunEvent, { dryRun, quiet }: ReporterOptions): string[] {
  if (!dryRun || quiet) {
    return [];
  }
  if (event.event === 'start') {
    return effectiveLines(event.effective);
  }
  return event.event === 'file' ? [planLine(event)] : [];
}

function planLine({ state, path, bytes, code, message }: FileEvent): string {
  const size = bytes === undefined ? '' : `  ${formatBytes(bytes)}`;
  const why = message ?? code;
  return `  ${state.padEnd(7)}  ${escapeForTerminal(path)}${size}${why === undefined ? '' : `  ${escapeForTerminal(why)}`}`;
}
