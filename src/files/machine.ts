import { readFileSync, readlinkSync, type Stats } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from './errno.js';

/** What tells one process from every other, also after it is gone; an argument, so that tests can be other machines. */
export interface Machine {
  readonly host: string;
  /** Changes with every boot; empty where the system tells none. */
  readonly bootId: string;
  /** Of process ids: what a number means in one, it does not mean in another, and containers may share a host name. Empty where the system tells none. */
  readonly namespace: string;
  readonly pid: number;
  /** Whether sockets can be named without a file, so that the kernel frees the name when the process dies. */
  readonly abstractSockets: boolean;
  /** In clock ticks since boot. Undefined when there is no such process; empty where the system does not tell. */
  readonly startTimeOf: (pid: number) => string | undefined;
}

/** One process of one machine, also after it is gone. */
export interface ProcessFacts extends Pick<Machine, 'host' | 'bootId' | 'pid'> {
  /** Earlier versions named none. */
  readonly namespace?: string | undefined;
  /** In clock ticks since boot; empty where the system does not tell. */
  readonly startTime: string;
}

/** Fields of /proc/PID/stat, counted from the third, which is the first behind the command. */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

export const thisMachine: Machine = machineOf(process.platform);

export function machineOf(platform: NodeJS.Platform): Machine {
  const linux = platform === 'linux';
  return {
    host: hostname(),
    bootId: (linux ? attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) : undefined) ?? '',
    namespace: (linux ? attempt(() => readlinkSync('/proc/self/ns/pid')) : undefined) ?? '',
    pid: process.pid,
    abstractSockets: linux,
    startTimeOf: linux ? linuxStartTime : portableStartTime,
  };
}

/** Whether a file is this user's, and under one name only: by another one, others could read what is written to it. */
export function isOursAlone({ nlink, uid }: Pick<Stats, 'nlink' | 'uid'>): boolean {
  const own = process.getuid?.();
  return nlink === 1 && (own === undefined || uid === own);
}

/** Tells a process from a later one under the same id. A zombie, or a process about to be gone, holds nothing any more. */
function linuxStartTime(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === undefined) {
    return portableStartTime(pid);
  }
  // The command stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /[ZX]/.test(fields[STATE_FIELD] ?? '') ? undefined : fields[START_TIME_FIELD];
}

/** Signal 0 asks without harm. EPERM means that the process exists and is somebody else's. */
function portableStartTime(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return errnoOf(error) === 'ESRCH' ? undefined : '';
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
