import { resolve } from 'node:path';
import { SealiftError, combineExitCodes, exitCodeOf, toFailure, type Failure } from '../errors.js';
import { writeFailure } from '../files/errno.js';
import { removeTemporary, type Owner } from '../files/temporary.js';
import { temporaryFilesBelow, type Found } from '../files/temporary-below.js';
import { escapeForTerminal } from '../report/escape.js';
import { formatBytes, formatCount, plural } from '../report/format.js';
import { jsonLine } from '../report/json.js';
import { parseText } from '../values.js';
import type { Context } from './context.js';
import { writeTo } from './output.js';

type State = Owner | 'removed' | 'failed';

/** What became of one find. */
interface Finding {
  /** Percent-encoded. */
  readonly path: string;
  readonly state: State;
  readonly bytes?: number;
  readonly failure?: Failure;
}

interface Treatment {
  readonly remove: boolean;
  readonly force: boolean;
}

/** One line per temporary file, its owner's fate first. A file of a process that runs is never touched. */
export async function runDoctor(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const treatment = { remove: flags['remove'] === true, force: flags['force'] === true };
  if (treatment.force && !treatment.remove) {
    throw new SealiftError('usage', '--force says what --remove takes away, and does nothing without it', { object: '--force', remedy: 'Add --remove, or leave --force out.' });
  }
  const isJson = flags['json'] === true;
  const counts: Record<State, number> = { gone: 0, alive: 0, elsewhere: 0, removed: 0, failed: 0 };
  const exitCodes = new Set<number>();
  for (const found of temporaryFilesBelow(resolve(context.cwd, parseText('the directory', flags['dir'])))) {
    const finding = treat(found, treatment);
    counts[finding.state] += 1;
    if (finding.failure !== undefined) {
      exitCodes.add(exitCodeOf(finding.failure.code));
    }
    await writeTo(context.stdout, isJson ? jsonLine(eventOf(finding), new Date(context.now())) : textOf(finding));
  }
  await close(context, counts, isJson);
  context.exitWith(combineExitCodes(exitCodes));
}

function treat(found: Found, { remove, force }: Treatment): Finding {
  const { path } = found;
  if (found.kind === 'failed') {
    return { path, state: 'failed', failure: toFailure(found.error) };
  }
  const { owner, sizeBytes: bytes } = found;
  const goes = remove && (owner === 'gone' || (force && owner === 'elsewhere'));
  try {
    return { path, bytes, state: goes && removeTemporary(found.raw) ? 'removed' : owner };
  } catch (error) {
    return { path, bytes, state: 'failed', failure: toFailure(writeFailure(error, path)) };
  }
}

function eventOf({ failure, ...finding }: Finding): Parameters<typeof jsonLine>[0] {
  return { event: 'temporary', ...finding, ...(failure === undefined ? {} : { code: failure.code, message: failure.message }) };
}

function textOf({ path, state, bytes, failure }: Finding): string {
  const size = bytes === undefined ? [] : [formatBytes(bytes)];
  const why = failure === undefined ? [] : [escapeForTerminal(failure.message)];
  return `${[state.padEnd('elsewhere'.length), ...size, escapeForTerminal(path), ...why].join('  ')}\n`;
}

const STATES = ['removed', 'gone', 'alive', 'elsewhere', 'failed'] as const satisfies readonly State[];

async function close(context: Context, counts: Readonly<Record<State, number>>, isJson: boolean): Promise<void> {
  if (isJson) {
    await writeTo(context.stdout, jsonLine({ event: 'temporaries', ...counts }, new Date(context.now())));
    return;
  }
  const found = STATES.reduce((sum, state) => sum + counts[state], 0);
  const parts = STATES.filter((state) => counts[state] > 0).map((state) => `${formatCount(counts[state])} ${state}`);
  await writeTo(context.stderr, `${[[plural(found, 'temporary file'), ...parts].join(', '), ...advice(counts)].join('\n')}\n`);
}

function advice({ gone, elsewhere }: Readonly<Record<State, number>>): string[] {
  return [
    ...(gone === 0 ? [] : ['  gone: their process does not run any more; --remove takes them away']),
    ...(elsewhere === 0 ? [] : ['  elsewhere: of another host or container; if no sealift works there any more, --remove --force takes them away']),
  ];
}
