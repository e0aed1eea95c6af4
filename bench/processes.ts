/** Children of a bench: servers that announce themselves in a JSON line, and commands whose cost is measured. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Server {
  /** Its first line of output. */
  readonly announced: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Starts a script of dist/ in a process of its own and waits for its first line. */
export async function startServer(script: string, args: readonly string[] = []): Promise<Server> {
  const child = spawn(process.execPath, [here(script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done === true) {
    throw new Error(`${script} ended without a word`);
  }
  return {
    announced: JSON.parse(first.value) as Readonly<Record<string, unknown>>,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export interface Cost {
  readonly seconds: number;
  /** Of all threads of the process. */
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}

export interface Measured {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Further modules of dist/ to load into the process. */
  readonly imports?: readonly string[];
}

/** Runs the command line in a process of its own. @throws Error unless it ends with 0 */
export async function measureCli(args: readonly string[], { env, cwd, imports = [] }: Measured): Promise<Cost> {
  const loads = ['./peak.js', ...imports].flatMap((name) => ['--import', here(name)]);
  const begun = performance.now();
  const child = spawn(process.execPath, [...loads, here('../src/cli.js'), ...args], {
    cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) {
    throw new Error(`sealift ${args.join(' ')} ended with ${String(code)}:\n${said}`);
  }
  const cost = JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as Omit<Cost, 'seconds'>;
  return { seconds: (performance.now() - begun) / 1000, ...cost };
}

function here(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
