#!/usr/bin/env node
/** Arguments → command → exit code. Commands load what is heavy themselves, so that help and mistakes are answered at once. */
import { readFileSync } from 'node:fs';
import yargs, { type Argv } from 'yargs';
import { catCommand } from './commands/cat.js';
import { benchCommand } from './commands/bench.js';
import type { Context } from './commands/context.js';
import { demoCommand } from './commands/demo.js';
import { inspectCommand } from './commands/inspect.js';
import { gcUploadsCommand } from './commands/gc-uploads.js';
import { keysCommand } from './commands/keys.js';
import { localCommand } from './commands/local.js';
import { lsCommand } from './commands/ls.js';
import { manifestCommand } from './commands/manifest.js';
import { pullCommand } from './commands/pull.js';
import { pushCommand } from './commands/push.js';
import { resumeCommand } from './commands/resume.js';
import { abortOnSignals } from './commands/signals.js';
import { statusCommand } from './commands/status.js';
import { verifyCommand } from './commands/verify.js';
import { SealiftError, exitCodeOf, isSealiftError, toFailure } from './errors.js';
import { escapeForTerminal } from './report/escape.js';
import { createJsonWriter, emptySummary } from './report/json.js';

/** Commands whose JSON output ends with a `summary` event, whatever happens. */
const WITH_EVENTS: ReadonlySet<string> = new Set(['push', 'pull', 'resume', 'verify', 'status']);
/** Commands with a help of their own that a mistake points to. */
const WITH_HELP: ReadonlySet<string> = new Set([...WITH_EVENTS, 'ls', 'cat', 'inspect']);
const MAX_HELP_COLUMNS = 110;

const EPILOGUE = [
  'Environment: OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_REGION, OSS_ENDPOINT (or a --profile, ~/.ossutilconfig, or what the Alibaba Cloud tools use), and SEALIFT_<OPTION> for every option, such as SEALIFT_PART_SIZE=16MiB. A flag beats the environment, the environment beats the config file.',
  'Exit codes: 0 done, 1 a bug of ours, 2 usage, 3 some files not done (resume), 4 integrity, 5 permission or key, 6 local disk, 7 manifest damaged, 8 locked by another run, 9 OSS out of reach, 130 SIGINT, 143 SIGTERM.',
].join('\n\n');

const REPORT_IT = 'This is a bug in Sealift. Please report it, with the output of the same command under SEALIFT_DEBUG=1.';

const state = { exitCode: 0, isSummarized: false };

const context: Context = {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  signal: once(() => abortOnSignals({ on: (name, listener) => process.on(name, listener), exit: (code) => process.exit(code), say: (text) => process.stderr.write(text) })),
  exitWith: (exitCode) => void (state.exitCode = exitCode),
  summarized: () => void (state.isSummarized = true),
};

const args = process.argv.slice(2);
survivePipes();
process.on('uncaughtException', (error) => {
  explain(error, args);
  void leave();
});
await run(args);
await leave();

async function leave(): Promise<void> {
  await flushed(process.stdout);
  await flushed(process.stderr);
  process.exit(state.exitCode);
}

async function run(words: readonly string[]): Promise<void> {
  try {
    await commandLine(words).parseAsync();
  } catch (error) {
    explain(error, words);
  }
}

function commandLine(words: readonly string[]): Argv {
  return yargs([...words])
    .scriptName('sealift')
    .usage('$0 <command>\n\nMove directories into encrypted Alibaba Cloud OSS, and back.')
    .command(pushCommand(context))
    .command(pullCommand(context))
    .command(resumeCommand(context))
    .command(statusCommand(context))
    .command(verifyCommand(context))
    .command(lsCommand(context))
    .command(catCommand(context))
    .command(inspectCommand(context))
    .command(gcUploadsCommand(context))
    .command(keysCommand(context))
    .command(manifestCommand(context))
    .command(localCommand(context))
    .command(benchCommand(context))
    .command(demoCommand(context))
    .example('$0 push ./photos oss://backup/photos --local', 'the first try needs no account')
    .epilogue(EPILOGUE)
    .demandCommand(1, 'no command was given')
    .strict()
    .recommendCommands()
    .version(version())
    .locale('en')
    .wrap(Math.min(MAX_HELP_COLUMNS, process.stdout.columns || MAX_HELP_COLUMNS))
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error: Error | undefined) => {
      throw error === undefined || isYargsError(error) ? usageError(message, words) : error;
    });
}

/** Says what happened in a line or three, and to a program with a last event; sets the exit code. */
function explain(error: unknown, words: readonly string[]): void {
  const failure = isYargsError(error) ? toFailure(usageError(error.message, words)) : toFailure(error);
  state.exitCode = exitCodeOf(failure.code);
  const remedy = failure.code === 'internal' ? (failure.remedy ?? REPORT_IT) : failure.remedy;
  const lines = [`sealift: ${escapeForTerminal(failure.message)}`, ...(remedy === undefined ? [] : [`  ${escapeForTerminal(remedy)}`])];
  process.stderr.write(`${lines.join('\n')}\n`);
  if (process.env['SEALIFT_DEBUG'] !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`);
  }
  if (wantsJson(words) && !state.isSummarized) {
    createJsonWriter(process.stdout, () => new Date())(emptySummary({ ...failure, exitCode: state.exitCode }));
  }
}

function usageError(message: string, words: readonly string[]): SealiftError {
  const command = words.find((word) => !word.startsWith('-'));
  const help = command !== undefined && WITH_HELP.has(command) ? `sealift ${command} --help` : 'sealift --help';
  // What yargs recommends takes the place of what was wrong.
  const text = message.replace(/^Did you mean/, `there is no command ${command ?? ''}; did you mean`);
  return new SealiftError('usage', text.replace(/\s*\n\s*/g, ' ').trim(), { remedy: `See: ${help}` });
}

/** yargs has no exported class for what its parser finds wrong. */
function isYargsError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'YError' && !isSealiftError(error);
}

function wantsJson(words: readonly string[]): boolean {
  const asked = words.includes('--json') || words.includes('--json=true') || ['1', 'true', 'yes', 'on'].includes(process.env['SEALIFT_JSON'] ?? '');
  return asked && words.some((word) => WITH_EVENTS.has(word));
}

/** A reader that goes away (`| head`) does not stop a transfer: what nobody reads is dropped. */
function survivePipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      process.stderr.write(`sealift: standard output cannot be written: ${error.code ?? error.message}\n`);
      process.exit(exitCodeOf('write-failed'));
    }
  });
  process.stderr.on('error', () => undefined);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) {
      resolve();
      return;
    }
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const content: unknown = JSON.parse(text);
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
