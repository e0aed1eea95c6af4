import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RsaKey } from '../../src/keys/rsa.js';
import type { Tuning } from '../../src/run/options.js';
import { PACKAGE_ROOT, SMALL, type World } from './world.js';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

const CLI = join(PACKAGE_ROOT, 'dist/src/cli.js');

/** Starts the built command line in a process of its own, with nothing of our environment that could steer it. */
export function startCli(args: readonly string[], { cwd, env = {} }: { cwd: string; env?: Readonly<Record<string, string>> }): Started {
  const clean = { PATH: process.env['PATH'] ?? '', HOME: cwd, XDG_STATE_HOME: join(cwd, 'state'), XDG_CONFIG_HOME: join(cwd, 'config') };
  const child = spawn(process.execPath, [CLI, ...args], { cwd, env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out.stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { out.stderr += text; });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...out }));
  });
  return { child, finished };
}

export async function runCli(args: readonly string[], options: { cwd: string; env?: Readonly<Record<string, string>> }): Promise<Finished> {
  return await startCli(args, options).finished;
}

/** What a command needs to reach a world's cloud from another process. */
export function reach(world: World, tuning: Required<Tuning> = SMALL): { env: Record<string, string>; options: string[] } {
  const { cloud } = world;
  const { threads, concurrency, memoryBytes, partBytes } = tuning;
  return {
    env: {
      OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret, OSS_REGION: cloud.oss.region, OSS_ENDPOINT: cloud.oss.endpoint,
    },
    options: ['--key', keyFile(world, world.key), '--threads', `${threads}`, '--concurrency', `${concurrency}`, '--memory', `${memoryBytes}`, '--part-size', `${partBytes}`],
  };
}

/** A private key file (0600) made for this test. */
export function keyFile(world: World, key: RsaKey, name = 'key'): string {
  const file = world.path(name);
  writeFileSync(file, key.privateKey?.export({ type: 'pkcs8', format: 'pem' }) ?? '', { mode: 0o600 });
  return file;
}
