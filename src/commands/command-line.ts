/** Arguments → command → exit code. Commands load what is heavy themselves, so that help and mistakes are answered at once. */
import yargs, { type Arguments, type Argv, type CommandModule } from 'yargs';
import { SealiftError, exitCodeOf, isSealiftError, toFailure } from '../errors.js';
import { escapeForTerminal } from '../report/escape.js';
import { createJsonWriter, emptySummary } from '../report/json.js';
import { SEALIFT_VERSION } from '../run/version.js';
import type { Context } from './context.js';
import { COMMANDS } from './table.js';

/** Commands whose JSON output ends with a `summary` event, whatever happens. */
const WITH_EVENTS: ReadonlySet<string> = new Set(['push', 'pull', 'resume', 'verify', 'rewrap', 'status']);
/** Commands with a help of their own that a mistake points to. */
const WITH_HELP: ReadonlySet<string> = new Set([...WITH_EVENTS, 'ls', 'cat', 'inspect']);
const ASKS_FOR_JSON = /^--json(?:=(?:1|true|yes|on))?$/i;
const MAX_HELP_COLUMNS = 110;

const EPILOGUE = [
  'Environment: OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_REGION, OSS_ENDPOINT (or a --profile, ~/.ossutilconfig, or what the Alibaba Cloud tools use), HTTPS_PROXY, ALL_PROXY, NO_PROXY, and SEALIFT_<OPTION> for every option, such as SEALIFT_PART_SIZE=16MiB. A flag beats the environment, the environment beats the config file.',
  'Exit codes: 0 done, 1 a bug of ours, 2 usage, 3 some files not done (resume), 4 integrity, 5 permission or key, 6 local disk, 7 manifest damaged, 8 locked by another run, 9 OSS out of reach, 130 SIGINT, 143 SIGTERM.',
].join('\n\n');

const REPORT_IT = 'This is a bug in Sealift. Please report it, with the output of the same command under SEALIFT_DEBUG=1.';

/** The process around a command line. */
export type Host = Omit<Context, 'exitWith' | 'summarized'>;

export interface CommandLine {
  /** Runs the command that the words name; what goes wrong is explained, and never thrown. @returns the exit code */
  readonly run: () => Promise<number>;
  /** Says what happened in a line or three, and to a program with a last event. @returns the exit code */
  readonly explain: (error: unknown) => number;
}

/** @param words what was typed after the name of the program */
export function commandLine(words: readonly string[], host: Host): CommandLine {
  const state = { exitCode: 0, isSummarized: false };
  const context: Context = { ...host, exitWith: (exitCode) => void (state.exitCode = exitCode), summarized: () => void (state.isSummarized = true) };
  const explain = (error: unknown): number => (state.exitCode = tell(error, words, { ...host, isSummarized: state.isSummarized }));
  const run = async (): Promise<number> => {
    try {
      const spelled = words.some(hasValue) ? (await import('./switches.js')).spellSwitches(words) : words;
      await runChosen(await parserOf(spelled, context), spelled, host);
    } catch (error) {
      explain(error);
    }
    return state.exitCode;
  };
  return { run, explain };
}

function hasValue(word: string): boolean {
  return word.startsWith('--') && word.includes('=');
}

/** What yargs has found is run when yargs is done: it lays out the help of every command that it runs, which takes longer than loading itself. */
class Chosen extends Error {
  readonly start: () => void | Promise<void>;

  constructor(start: () => void | Promise<void>) {
    super('a command was chosen');
    this.start = start;
  }
}

async function runChosen(parser: Argv, words: readonly string[], { stdout }: Host): Promise<void> {
  try {
    await parser.parseAsync([...words], {}, (_error, _found, output) => {
      if (output !== '') {
        stdout.write(`${output}\n`);
      }
    });
  } catch (error) {
    if (!(error instanceof Chosen)) {
      throw error;
    }
    await error.start();
  }
}

/** yargs takes middlewares with a command; its types do not say so. */
type Choosable = CommandModule & { readonly middlewares: readonly ((found: Arguments) => never)[] };

function choosable({ handler, ...command }: CommandModule): Choosable {
  const choose = (found: Arguments): never => {
    throw new Chosen(() => handler(found));
  };
  return { ...command, handler: () => undefined, middlewares: [choose] };
}

/** All of them for the help; what the words do not name is not loaded. */
async function commandsFor(words: readonly string[], context: Context): Promise<Choosable[]> {
  return await Promise.all(Object.entries(COMMANDS).map(async ([name, { command, describe, load }]) => {
    const body = words.includes(name) ? (await load())(context) : { handler: () => undefined };
    return choosable({ command, describe, ...body });
  }));
}

async function parserOf(words: readonly string[], context: Context): Promise<Argv> {
  return yargs()
    .scriptName('sealift')
    .usage('$0 <command>\n\nMove directories into encrypted Alibaba Cloud OSS, and back.')
    .command(await commandsFor(words, context))
    .example('$0 push ./photos oss://backup/photos --local', 'the first try needs no account')
    .epilogue(EPILOGUE)
    .demandCommand(1, 'no command was given')
    .strict()
    .recommendCommands()
    .completion('completion', 'Print a script that completes commands and options in bash or zsh')
    .version(SEALIFT_VERSION)
    .locale('en')
    .wrap(Math.min(MAX_HELP_COLUMNS, context.stdout.columns || MAX_HELP_COLUMNS))
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

/** @returns the exit code */
function tell(error: unknown, words: readonly string[], { env, stdout, stderr, isSummarized }: Host & { readonly isSummarized: boolean }): number {
  const failure = isYargsError(error) ? toFailure(usageError(error.message, words)) : toFailure(error);
  const exitCode = exitCodeOf(failure.code);
  const remedy = failure.code === 'internal' ? (failure.remedy ?? REPORT_IT) : failure.remedy;
  const lines = [`sealift: ${escapeForTerminal(failure.message)}`, ...(remedy === undefined ? [] : [`  ${escapeForTerminal(remedy)}`])];
  stderr.write(`${lines.join('\n')}\n`);
  if (env['SEALIFT_DEBUG'] !== undefined && error instanceof Error) {
    stderr.write(`${error.stack ?? ''}\n`);
  }
  if (wantsJson(words, env) && !isSummarized) {
    createJsonWriter(stdout, () => new Date())(emptySummary({ ...failure, exitCode }));
  }
  return exitCode;
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

function wantsJson(words: readonly string[], env: Host['env']): boolean {
  const asked = words.some((word) => ASKS_FOR_JSON.test(word)) || ['1', 'true', 'yes', 'on'].includes(env['SEALIFT_JSON'] ?? '');
  return asked && words.some((word) => WITH_EVENTS.has(word));
}
