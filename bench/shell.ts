/** Programs of any kind, and what they and their children cost. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { MiB } from '../src/limits.js';

export interface ShellCost {
  /** Of every process that the script has started and waited for. */
  readonly cpuSeconds: number;
}

export interface ShellPlace {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const TIME = /(\d+)m(\d+(?:\.\d+)?)s (\d+)m(\d+(?:\.\d+)?)s/;

/** Runs a POSIX shell script with positional parameters; its output is thrown away. @throws Error unless it ends with 0 */
export async function measureShell(script: string, args: readonly string[], { env, cwd }: ShellPlace): Promise<ShellCost> {
  const { stdout } = await promisify(execFile)('sh', ['-ec', `{ ${script}\n} >&2\ntimes`, 'sh', ...args], { env: environment(env, cwd), cwd, maxBuffer: 64 * MiB });
  const [, userMinutes, user, systemMinutes, system] = (TIME.exec(stdout.trim().split('\n').at(-1) ?? '') ?? []).map(Number);
  if (userMinutes === undefined || user === undefined || systemMinutes === undefined || system === undefined) {
    throw new Error(`the shell told no times: ${stdout}`);
  }
  return { cpuSeconds: (userMinutes + systemMinutes) * 60 + user + system };
}

/** What a program prints. @throws Error unless it ends with 0 */
export function output(program: string, args: readonly string[], { env, cwd }: ShellPlace): Buffer {
  return execFileSync(program, args, { env: environment(env, cwd), cwd, maxBuffer: 4096 * MiB, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** First line of what it says about itself; undefined where it is not installed. */
export function versionOf(program: string, flag: string): string | undefined {
  try {
    return execFileSync(program, [flag], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0];
  } catch {
    return undefined;
  }
}

/** Nothing of the user's: neither configuration nor caches. */
function environment(env: Readonly<Record<string, string>>, cwd: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', HOME: cwd, TMPDIR: cwd, ...env };
}
