/** The command line, in a world of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callCli, runCli, startCli, type Finished, type Started } from '../support/cli.js';

export interface World {
  /** Working directory of the commands. */
  readonly cwd: string;
  path(...segments: string[]): string;
  /** In a process of its own. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
  /** Within this process, at a tenth of the cost. */
  call(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Started;
  remove(): void;
}

/** An empty working directory and an environment in which nothing of the developer's own shows. */
export function createWorld(): World {
  const root = mkdtempSync(join(tmpdir(), 'sealift-cli-'));
  const cwd = join(root, 'work');
  mkdirSync(cwd);
  const base = { HOME: join(root, 'home'), XDG_STATE_HOME: join(root, 'state'), XDG_CONFIG_HOME: join(root, 'config') };
  const place = (env: Readonly<Record<string, string>> = {}) => ({ cwd, env: { ...base, ...env } });
  return {
    cwd,
    path: (...segments) => join(cwd, ...segments),
    run: (args, env) => runCli(args, place(env)),
    call: (args, env) => callCli(args, place(env)),
    start: (args, env) => startCli(args, place(env)),
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
