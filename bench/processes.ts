/** Commands whose cost is measured, in processes of their own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Calls } from './calls.js';

export interface Cost {
  readonly seconds: number;
  /** Of all threads of the process. */
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
  /** Of a process that has loaded calls.js. */
  readonly calls?: Calls;
}

export interface Measured {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Further modules of dist/ to load into the process. */
  readonly imports?: readonly string[];
}

/** Runs the command line in a process of its own. @throws Error unless it ends with 0 */
export async function measureCli(args: readonly string[], { env, cwd, imports = [] }: Measured): Promise<Cost> {
  const begun = performance.now();
  const said = await ran('../src/cli.js', args, { env: { HOME: cwd, ...env }, cwd, imports: ['./peak.js', ...imports] });
  const seconds = (performance.now() - begun) / 1000;
  const lines = said.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Partial<Cost>);
  return Object.assign({ seconds }, ...lines) as Cost;
}

/** @returns its standard error */
async function ran(script: string, args: readonly string[], { env, cwd, imports = [] }: Measured): Promise<string> {
  const child = spawn(process.execPath, [...imports.flatMap((name) => ['--import', here(name)]), here(script), ...args], {
    cwd, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) {
    throw new Error(`${script} ${args.join(' ')} ended with ${String(code)}:\n${said}`);
  }
  return said;
}

function here(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
