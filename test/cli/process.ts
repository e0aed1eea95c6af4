/** The real command line in a child process, in a world of its own. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface World {
  /** Working directory of the commands. */
  readonly cwd: string;
  path(...segments: string[]): string;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  remove(): void;
}

/** An empty working directory and an environment in which nothing of the developer's own shows. */
export function createWorld(): World {
  const root = mkdtempSync(join(tmpdir(), 'sealift-cli-'));
  const cwd = join(root, 'work');
  mkdirSync(cwd);
  const base = { PATH: process.env['PATH'] ?? '', HOME: join(root, 'home'), XDG_STATE_HOME: join(root, 'state'), XDG_CONFIG_HOME: join(root, 'config') };
  return {
    cwd,
    path: (...segments) => join(cwd, ...segments),
    run: (args, env = {}) =>
      new Promise((resolve) => {
        execFile(process.execPath, [CLI, ...args], { cwd, env: { ...base, ...env }, maxBuffer: 64 * 1024 ** 2 }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
        });
      }),
    start: (args, env = {}) => spawn(process.execPath, [CLI, ...args], { cwd, env: { ...base, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export interface CliEvent {
  readonly v: number;
  readonly event: string;
  readonly time: string;
  readonly [field: string]: unknown;
}

/** Every line of a `--json` output; throws where one is no JSON. */
export function eventsOf(stdout: string): CliEvent[] {
  return stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as CliEvent);
}
