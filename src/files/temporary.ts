import { hash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { errnoOf } from './errno.js';
import { thisMachine, type ProcessFacts } from './machine.js';

/** What tells one process from every other, also after it is gone. */
export interface ProcessTag {
  /** 8 hex digits: host and process-id namespace. */
  readonly host: string;
  /** 8 hex digits: one boot of the host; zeros where there is no telling. */
  readonly boot: string;
  readonly pid: number;
  /** When the process started, in ticks since boot; 0 where there is no telling. A process id alone is used again. */
  readonly start: number;
}

const PREFIX = '.sealift-';
const NAME = /^\.sealift-([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-(\d{1,15})-[0-9a-f]{16}$/;
const RANDOM_BYTES = 8;
const TAG_DIGITS = 8;

/**
 * A name for a temporary file that says whose it is, so that what a killed process leaves behind can be told from what a
 * living one is writing. 64 random bits keep the files of one process apart.
 */
export function temporaryName(tag: ProcessTag = currentProcess()): string {
  return `${beginningOf(tag)}${randomBytes(RANDOM_BYTES).toString('hex')}`;
}

function beginningOf({ host, boot, pid, start }: ProcessTag): string {
  return `${PREFIX}${host}-${boot}-${pid}-${start}-`;
}

/** Whether a file name is that of a temporary file, of whatever process: not anybody's data. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(PREFIX) && NAME.test(name);
}

/** What can be told of the process whose temporary file it is; of those of other hosts and containers, nothing. */
export type Owner = 'gone' | 'alive' | 'elsewhere';

/**
 * Whose temporary file has this name; undefined for other names. A process is gone for certain that was one of this host, and
 * of an earlier boot, or does not run any more.
 */
export function ownerOf(name: string, here: ProcessTag = currentProcess(), startOf: (pid: number) => number | undefined = processStart): Owner | undefined {
  const [, host, boot, pid, start] = NAME.exec(name) ?? [];
  if (host !== here.host) {
    return host === undefined ? undefined : 'elsewhere';
  }
  return boot !== here.boot || startOf(Number(pid)) !== Number(start) ? 'gone' : 'alive';
}

export interface LeftoverRules {
  /** Names that stay: of files that a resumed run goes on with. One with a second name has got its final one, and was about to lose this; it goes. */
  readonly keep?: ReadonlySet<string>;
  /** A process that is known to be gone, wherever it was. */
  readonly gone?: ProcessTag | undefined;
}

export interface Leftovers {
  /** How many. */
  readonly removed: number;
  /** Names of those of other hosts and containers, which are not this process's to judge, but for what stays anyway. */
  readonly elsewhere: readonly string[];
}

/** Removes the temporary files that dead processes left in one directory, not below it. */
export function removeLeftovers(directory: Buffer, { keep = new Set(), gone }: LeftoverRules = {}): Leftovers {
  const names = readdirSync(directory, { encoding: 'latin1' }).filter((name) => isTemporaryName(name));
  const isGone = (name: string): boolean => ownerOf(name) === 'gone' || (gone !== undefined && name.startsWith(beginningOf(gone)));
  return {
    removed: names.filter((name) => isGone(name) && removeTemporary(Buffer.concat([directory, Buffer.from(`/${name}`, 'latin1')]), keep.has(name))).length,
    elsewhere: names.filter((name) => ownerOf(name) === 'elsewhere' && !isGone(name) && !keep.has(name)),
  };
}

/** False for what is no file, or is gone by now. @param isKept - unless it has a second name. */
export function removeTemporary(file: Buffer, isKept = false): boolean {
  try {
    const stats = lstatSync(file);
    if (!stats.isFile() || (isKept && stats.nlink === 1)) {
      return false;
    }
    unlinkSync(file);
    return true;
  } catch (error) {
    // Another process may be cleaning up at the same time.
    if (errnoOf(error) === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

let current: ProcessTag | undefined;

function currentProcess(): ProcessTag {
  return (current ??= readTag());
}

function readTag(): ProcessTag {
  return tagOf({ ...thisMachine, startTime: thisMachine.startTimeOf(thisMachine.pid) ?? '' });
}

/** What the temporary files of a process are called by. */
export function tagOf({ host, namespace = '', bootId, pid, startTime }: ProcessFacts): ProcessTag {
  return {
    host: digest(`${host} ${namespace === '' ? process.platform : namespace}`),
    boot: bootId === '' ? '0'.repeat(TAG_DIGITS) : digest(bootId),
    pid,
    start: Number(startTime),
  };
}

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, TAG_DIGITS);
}

/** Undefined when no such process runs; 0 when it does but its start is not known. */
function processStart(pid: number): number | undefined {
  const start = thisMachine.startTimeOf(pid);
  return start === undefined ? undefined : Number(start);
}
