import { hash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { errnoOf } from './errno.js';
import { thisMachine } from './machine.js';

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
  return `${PREFIX}${tag.host}-${tag.boot}-${tag.pid}-${tag.start}-${randomBytes(RANDOM_BYTES).toString('hex')}`;
}

/** Whether a file name is that of a temporary file, of whatever process: not anybody's data. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(PREFIX) && NAME.test(name);
}

/**
 * Whether a file name is that of a temporary file whose process is gone for certain: of this host, and of an earlier boot
 * or of a process that does not run any more. Files of other hosts (on a shared disk) are nobody's to judge.
 */
export function isLeftover(name: string, here: ProcessTag = currentProcess(), startOf: (pid: number) => number | undefined = processStart): boolean {
  const [, host, boot, pid, start] = NAME.exec(name) ?? [];
  if (host !== here.host) {
    return false;
  }
  return boot !== here.boot || startOf(Number(pid)) !== Number(start);
}

/**
 * Removes the temporary files that dead processes left in one directory, not below it.
 *
 * @param keep - names that stay: of files that a resumed run goes on with. One with a second name has got its final one, and
 * was about to lose this; it goes.
 * @returns how many were removed.
 */
export function removeLeftovers(directory: Buffer, keep: ReadonlySet<string> = new Set()): number {
  const names = readdirSync(directory, { encoding: 'latin1' }).filter((name) => name.startsWith(PREFIX) && isLeftover(name));
  return names.filter((name) => removeFile(Buffer.concat([directory, Buffer.from(`/${name}`, 'latin1')]), keep.has(name))).length;
}

function removeFile(file: Buffer, isKept: boolean): boolean {
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
  const { host, namespace, bootId, pid } = thisMachine;
  return {
    host: digest(`${host} ${namespace === '' ? process.platform : namespace}`),
    boot: bootId === '' ? '0'.repeat(TAG_DIGITS) : digest(bootId),
    pid,
    start: processStart(pid) ?? 0,
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
