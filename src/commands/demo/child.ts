/** Sealift as a child process: what a user would type, events read back. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SealiftError } from '../../errors.js';

const CLI = fileURLToPath(new URL('../../cli.js', import.meta.url));

export interface ChildEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface ChildOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Killed with SIGKILL when it aborts. */
  readonly killed?: AbortSignal;
  /** The same, and that it did is thrown: nobody waits for the child any more. */
  readonly signal: AbortSignal;
}

export interface ChildResult {
  /** Null after a kill. */
  readonly exitCode: number | null;
  readonly events: readonly ChildEvent[];
  readonly stderr: string;
}

/** Runs `sealift …args --json` to its end, or to its death. */
export async function runChild(args: readonly string[], { env, cwd, killed, signal }: ChildOptions): Promise<ChildResult> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [CLI, ...args, '--json'], { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  const death = AbortSignal.any(killed === undefined ? [signal] : [signal, killed]);
  death.addEventListener('abort', kill);
  const events: ChildEvent[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => events.push(...parsed(line)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  death.removeEventListener('abort', kill);
  signal.throwIfAborted();
  return { exitCode, events, stderr };
}

/** The same, for a step that has to succeed. */
export async function runChildWell(args: readonly string[], options: ChildOptions): Promise<ChildEvent> {
  const { exitCode, events, stderr } = await runChild(args, options);
  const summary = events.at(-1);
  if (exitCode !== 0 || summary?.event !== 'summary') {
    throw new SealiftError('internal', `sealift ${args[0] ?? ''} ended with exit code ${exitCode ?? 'none'}: ${stderr.trim()}`);
  }
  return summary;
}

/** A line that a kill cut off is no event. */
function parsed(line: string): ChildEvent[] {
  try {
    return [JSON.parse(line) as ChildEvent];
  } catch {
    return [];
  }
}
