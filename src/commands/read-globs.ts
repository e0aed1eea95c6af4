import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { SealiftError, isSealiftError } from '../errors.js';
import { describeErrno } from '../files/errno.js';
import { compileSelection } from '../files/selection.js';
import { MAX_GLOB_BYTES } from '../limits.js';
import type { Settings } from '../settings.js';
import { defined } from './defined.js';
import { splitAt } from './split-at.js';

type Option = '--include-from' | '--exclude-from';

const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
/** White space around a glob. A backslash before it keeps it, as in an ignore file of Git. */
const AROUND = /^[ \t]+|(?<!\\)[ \t\r]+$/g;

/**
 * The globs of `--include-from` and `--exclude-from` put where those of `--include` and `--exclude` are: whatever sees the
 * settings afterwards, the manifest among them, cannot tell them apart.
 *
 * @throws SealiftError `usage` for a list that cannot be read, that holds what is no glob, by its line, or that is too long for a
 * manifest; for lists of what is wanted that hold nothing.
 */
export async function withListedGlobs(settings: Settings): Promise<Settings> {
  const { 'include-from': includeFrom = [], 'exclude-from': excludeFrom = [], include = [], exclude = [], ...others } = settings;
  const wanted = [...include, ...(await globsIn('--include-from', includeFrom))];
  const unwanted = [...exclude, ...(await globsIn('--exclude-from', excludeFrom))];
  if (wanted.length === 0 && includeFrom.length > 0) {
    throw new SealiftError('usage', `no glob is in ${includeFrom.join(', ')}, and without one everything would be taken`, {
      ...defined({ object: includeFrom[0] }), remedy: 'write a glob into it, or leave --include-from out to take everything',
    });
  }
  refuseTooMany([...includeFrom, ...excludeFrom], [...wanted, ...unwanted]);
  return { ...others, ...defined({ include: unlessEmpty(wanted), exclude: unlessEmpty(unwanted) }) };
}

async function globsIn(option: Option, files: readonly string[]): Promise<readonly string[]> {
  const globs: string[] = [];
  for (const file of files) {
    let number = 0;
    for (const line of linesOf(await read(option, file))) {
      number += 1;
      const glob = globOn(line, `${file}, line ${number}`);
      if (glob !== undefined) {
        checkGlob(option, glob, `${file}, line ${number}`);
        globs.push(glob);
      }
    }
  }
  return globs;
}

async function read(option: Option, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new SealiftError('usage', `cannot read the list of globs ${file}: ${describeErrno(error)}`, { object: file, remedy: `check ${option}`, cause: error });
  }
}

function linesOf(list: Buffer): Generator<Buffer> {
  const isMarked = list.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return splitAt(list, NEWLINE, isMarked ? BYTE_ORDER_MARK.length : 0);
}

/** Undefined for a line that says nothing. */
function globOn(line: Buffer, place: string): string | undefined {
  if (line.includes(0)) {
    throw badLine(place, 'it holds a NUL', 'write the list as plain text in UTF-8, one glob per line');
  }
  const glob = textOf(line, place).replace(AROUND, '');
  if (glob.includes('\r')) {
    throw badLine(place, 'it holds a carriage return', 'end each line with a newline; a name that holds one is matched by ?');
  }
  return glob === '' || glob.startsWith('#') ? undefined : glob;
}

function textOf(line: Buffer, place: string): string {
  if (!isUtf8(line)) {
    throw badLine(place, 'it is not UTF-8', 'write the list in UTF-8; bytes of a name that are not are matched by ? or *');
  }
  return line.toString('utf8');
}

function checkGlob(option: Option, glob: string, place: string): void {
  try {
    compileSelection(option === '--include-from' ? [glob] : [], option === '--exclude-from' ? [glob] : []);
  } catch (error) {
    throw isSealiftError(error) ? badLine(place, error.message, error.remedy) : error;
  }
}

/** A manifest keeps all globs in one line. */
function refuseTooMany(files: readonly string[], globs: readonly string[]): void {
  const bytes = Buffer.byteLength(JSON.stringify(globs));
  if (files.length > 0 && bytes > MAX_GLOB_BYTES) {
    throw new SealiftError('usage', `with ${files.join(', ')} there are ${bytes} bytes of globs, and ${MAX_GLOB_BYTES} may be`, {
      ...defined({ object: files[0] }), remedy: 'say it with fewer globs; for single files there is push --files-from',
    });
  }
}

function badLine(place: string, why: string, remedy: string | undefined): SealiftError {
  return new SealiftError('usage', `${place}: ${why}`, { object: place, ...defined({ remedy }) });
}

function unlessEmpty(globs: readonly string[]): readonly string[] | undefined {
  return globs.length === 0 ? undefined : globs;
}
