import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from './files.js';

/** What a lock must know of the machine it is taken on; an argument, so that tests can be other machines. */
export interface Machine {
  readonly host: string;
  /** Changes with every boot; empty where the system tells none. */
  readonly bootId: string;
  readonly pid: number;
  /** Whether sockets can be named without a file, so that the kernel frees the name when the process dies. */
  readonly abstractSockets: boolean;
  /** Undefined when there is no such process; empty where the system does not tell. */
  readonly startTimeOf: (pid: number) => string | undefined;
}

/** Fields of /proc/PID/stat, counted from the third, which is the first behind the command. */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

export const thisMachine: Machine = machineOf(process.platform);

export function machineOf(platform: NodeJS.Platform): Machine {
  const linux = platform === 'linux';
  return {
    host: hostname(),
    bootId: linux ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : '',
    pid: process.pid,
    abstractSockets: linux,
    startTimeOf: linux ? linuxStartTime : portableStartTime,
  };
}

/** In clock ticks since boot: tells a process from a later one under the same id. A zombie holds nothing any more. */
function linuxStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command stands in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[STATE_FIELD] === 'Z' ? undefined : fields[START_TIME_FIELD];
  } catch {
    return undefined;
  }
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
