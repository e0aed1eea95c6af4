/** The way that push, pull, verify and rewrap have in common: settings → session → run → summary → exit code. */
import { loadConfig, type Config } from '../config.js';
import { SealiftError, toFailure, exitCodeOf } from '../errors.js';
import { addsUp, shellWord } from '../report/closing.js';
import { createReporter, type Reporter } from '../report/reporter.js';
import type { RunResult, TransferOptions } from '../run/options.js';
import type { ThreadPool } from '../run/threads/thread-pool.js';
import { isRecorded, isSettingName, type SettingName, type Settings } from '../settings.js';
import { parseMoment, parseOssUrl } from '../values.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { openSession, type Purpose, type Session } from './session.js';

export interface Transfer {
  /** Name of the command, as summaries show it. */
  readonly label: string;
  /** What yargs found. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Options of the run that is resumed. */
  readonly recorded?: Readonly<Record<string, unknown>> | undefined;
  readonly names: readonly SettingName[];
  readonly purpose: Purpose;
  /** The oss:// address as typed. */
  readonly place: unknown;
  /** Positional arguments worth recording, by name; absent where nothing is recorded that `resume` could repeat. */
  readonly record?: Readonly<Record<string, string>>;
  /** Of a run that is resumed. */
  readonly manifest?: string | undefined;
}

export interface Prepared {
  readonly settings: Settings;
  readonly session: Session;
  /** The part of the options that every kind of run takes. */
  readonly common: TransferOptions;
}

/** Runs to the end, prints the summary and sets the exit code. Rethrows what stopped the run before its own summary. */
export async function runTransfer(context: Context, transfer: Transfer, start: (prepared: Prepared) => Promise<RunResult>): Promise<void> {
  const location = parseOssUrl('the address', transfer.place);
  const { flags, recorded } = transfer;
  const config = await loadConfig({ flags, names: namesOf(transfer), env: context.env, cwd: context.cwd, ...(recorded === undefined ? {} : { recorded }) });
  const settings = withMoments(await withLists(config.settings), context.now());
  const reporter = await openReporter(context, transfer.label, settings);
  try {
    const result = await withThreads(context, settings, async (pool) => {
      const session = await openSession(context, config, location, transfer.purpose);
      const common = commonOptions(context, { transfer, config, settings, session, reporter, pool });
      return await start({ settings, session, common }).finally(() => session.close());
    });
    reporter.finish(result, { report: settings.report, resumeOptions: transfer.record && resumeOptions(settings) });
    context.summarized();
    context.exitWith(result.exitCode);
    refuseWrongSum(result);
  } catch (error) {
    const failure = toFailure(error);
    reporter.fail({ ...failure, exitCode: exitCodeOf(failure.code) });
    context.summarized();
    throw error;
  }
}

/** A run that is resumed has recorded the globs themselves: its lists may read otherwise by now, or be gone. */
function namesOf({ names, recorded }: Transfer): readonly SettingName[] {
  return recorded === undefined ? names : names.filter((name) => name !== 'include-from' && name !== 'exclude-from');
}

/** What matches globs is loaded only when there are lists to check. */
async function withLists(settings: Settings): Promise<Settings> {
  if (settings['include-from'] === undefined && settings['exclude-from'] === undefined) {
    return settings;
  }
  const { withListedGlobs } = await import('./read-globs.js');
  return await withListedGlobs(settings);
}

/** Ages become the moments that they mean now: a run that is resumed goes by those. */
function withMoments(settings: Settings, nowMs: number): Settings {
  const ages = (['modified-since', 'modified-before'] as const).filter((name) => settings[name] !== undefined);
  return { ...settings, ...Object.fromEntries(ages.map((name) => [name, parseMoment(`--${name}`, settings[name], nowMs).toISOString()])) };
}

/** Threads start while keys are read and the rest of the run is loaded, if there are descriptors for all that at once. A plan needs none. */
async function withThreads<T>({ lendThreads }: Context, settings: Settings, work: (threads: ThreadPool | undefined) => Promise<T>): Promise<T> {
  if (settings['dry-run'] === true) {
    return await work(undefined);
  }
  const asked = defined({ threads: settings.threads, concurrency: settings.concurrency });
  if (lendThreads !== undefined) {
    return await work(lendThreads(asked));
  }
  const { ThreadPool } = await import('../run/threads/thread-pool.js');
  const pool = new ThreadPool(asked);
  if (!pool.fewDescriptors) {
    pool.start();
  }
  try {
    return await work(pool);
  } finally {
    await pool.destroy();
  }
}

async function openReporter(context: Context, label: string, settings: Settings): Promise<Reporter> {
  const { stdout, stderr, now } = context;
  const progress = settings['no-progress'] !== true;
  const isDrawn = progress && settings.quiet !== true && stderr.isTTY;
  // The bars' library is loaded only where there is something to draw on.
  const bars = isDrawn ? (await import('../report/bars.js')).createBarDisplay : undefined;
  return createReporter({
    label, stdout, stderr, now, progress,
    json: settings.json === true,
    quiet: settings.quiet === true,
    dryRun: settings['dry-run'] === true,
    ...(bars === undefined ? {} : { bars: (name: string) => bars(stderr, name) }),
  });
}

interface Parts {
  readonly transfer: Transfer;
  readonly config: Config;
  readonly settings: Settings;
  readonly session: Session;
  readonly reporter: Reporter;
  readonly pool: ThreadPool | undefined;
}

function commonOptions(context: Context, { transfer, config: { manifestDirectories }, settings, session, reporter, pool }: Parts): TransferOptions {
  const manifest = transfer.manifest ?? settings.manifest;
  return {
    target: session.target,
    credentials: session.credentials,
    keys: session.keys,
    manifestDirectories,
    tuning: defined({
      threads: settings.threads, concurrency: settings.concurrency, partBytes: settings['part-size'], memoryBytes: settings.memory,
      bandwidthBytesPerSecond: settings.bandwidth,
    }),
    recordedOptions: recordedOptions(settings, transfer),
    signal: context.signal(),
    onEvent: reporter.onEvent,
    ...defined({
      pool,
      manifest,
      newRun: settings['new-run'],
      breakLock: settings['break-lock'],
      include: settings.include,
      exclude: settings.exclude,
      minBytes: settings['min-size'],
      maxBytes: settings['max-size'],
      dryRun: settings['dry-run'],
    }),
  };
}

/** What `resume` repeats: what was asked for, not what followed from defaults, and no way to a key. */
function recordedOptions(settings: Settings, { record }: Transfer): Record<string, string | number | boolean | readonly string[]> {
  const asked = Object.entries(settings).filter(([name]) => isSettingName(name) && isRecorded(name));
  return { ...Object.fromEntries(asked), ...record };
}

/** What a manifest does not record because it leads to secrets. */
function resumeOptions(settings: Settings): string {
  const named = (['key', 'passphrase-file', 'passphrase-env', 'kms-passphrase-file', 'resume-secret', 'profile'] as const)
    .flatMap((name) => [settings[name] ?? []].flat().map((value) => `--${name} ${shellWord(value)}`));
  return [...named, ...(settings['passphrase-prompt'] === true ? ['--passphrase-prompt'] : [])].join(' ');
}

function refuseWrongSum(result: RunResult): void {
  if (!addsUp(result)) {
    throw new SealiftError('internal', 'the counts do not add up: some files are unaccounted for', {
      remedy: 'Run "sealift verify" with --against, and report this with the summary above.',
    });
  }
}
