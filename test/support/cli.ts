import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '../../src/commands/command-line.js';
import type { RsaKey } from '../../src/keys/rsa.js';
import type { Tuning } from '../../src/run/options.js';
import { listen } from '../commands/support.js';
import { PACKAGE_ROOT, SMALL, threadsFor, type World } from './world.js';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** So far. */
  readonly said: Readonly<Record<'stdout' | 'stderr', string>>;
  readonly finished: Promise<Finished>;
}

/** The built command line. */
export const CLI = join(PACKAGE_ROOT, 'dist/src/cli.js');

export interface Place {
  readonly cwd: string;
  /** Beside what every process needs; nothing of ours that could steer a command is in it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the command line in a process of its own. */
export function startCli(args: readonly string[], { cwd, env = {} }: Place): Started {
  const child = spawn(process.execPath, [CLI, ...args], { cwd, env: environment(cwd, env), stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said.stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said.stderr += text; });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...said }));
  });
  return { child, said, finished };
}

export async function runCli(args: readonly string[], place: Place): Promise<Finished> {
  return await startCli(args, place).finished;
}

/** The same within this process and in warm threads, at a tenth of the cost: for everything but how a process starts, is signalled and ends. */
export async function callCli(args: readonly string[], { cwd, env = {} }: Place): Promise<Finished> {
  const { stdout, stderr, exitCode } = await listen({ cwd, env: environment(cwd, env), lendThreads: threadsFor }, async (context) => context.exitWith(await commandLine(args, context).run()));
  return { code: exitCode, signal: null, stdout: stdout.toString(), stderr };
}

function environment(cwd: string, env: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: cwd, XDG_STATE_HOME: join(cwd, 'state'), XDG_CONFIG_HOME: join(cwd, 'config'), ...env };
}

/** What a command needs to reach a world's cloud from another process. */
export function reach(world: World, tuning: Required<Omit<Tuning, 'firstTouch' | 'bandwidthBytesPerSecond'>> = SMALL): { env: Record<string, string>; options: string[] } {
  const { cloud } = world;
  const { threads, concurrency, memoryBytes, partBytes } = tuning;
  return {
    env: {
      OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret, OSS_REGION: cloud.oss.region, OSS_ENDPOINT: cloud.oss.endpoint,
    },
    options: ['--key', keyFile(world, world.key), '--threads', `${threads}`, '--concurrency', `${concurrency}`, '--memory', `${memoryBytes}`, '--part-size', `${partBytes}`],
  };
}

/** A private key file (0600) made for this test; under a passphrase as OpenSSL makes it by default, which opens 300 times as fast as ours. */
export function keyFile(world: Pick<World, 'path'>, key: RsaKey, name = 'key', passphrase?: string): string {
  const file = world.path(name);
  const protection = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  writeFileSync(file, key.privateKey?.export({ type: 'pkcs8', format: 'pem', ...protection }) ?? '', { mode: 0o600 });
  return file;
}
