import { PassThrough } from 'node:stream';
import type { Context } from '../../src/commands/context.js';

export interface Spoken {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** What the command asked for; 0 when it asked for nothing. */
  readonly exitCode: number;
}

export interface Speaking {
  readonly env: Readonly<Record<string, string>>;
  /** Of the process that the command believes to run in. */
  readonly cwd: string;
  readonly signal?: AbortSignal;
  /** @default the clock */
  readonly now?: () => number;
  /** Takes what is written to standard output, also by a command that fails. */
  readonly heard?: Buffer[];
  /** @default every run starts its own threads */
  readonly lendThreads?: Context['lendThreads'];
}

/** Runs a command within this process and catches what it says. Rejects with what it throws. */
export async function listen({ env, cwd, heard: overheard, signal = new AbortController().signal, now = Date.now, lendThreads }: Speaking, command: (context: Context) => Promise<void>): Promise<Spoken> {
  const said = { stdout: new PassThrough({ highWaterMark: 1024 }), stderr: new PassThrough() };
  const heard = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  said.stdout.on('data', (chunk: Buffer) => {
    heard.stdout.push(chunk);
    overheard?.push(chunk);
  });
  said.stderr.on('data', (chunk: Buffer) => heard.stderr.push(chunk));
  let exitCode = 0;
  await command({
    env, cwd, now, lendThreads, signal: () => signal, exitWith: (code) => void (exitCode = code), summarized: () => undefined,
    stdout: said.stdout as unknown as NodeJS.WriteStream, stderr: said.stderr as unknown as NodeJS.WriteStream,
  });
  await Promise.all(Object.values(said).map((stream) => new Promise<void>((resolve) => void stream.end(resolve))));
  return { stdout: Buffer.concat(heard.stdout), stderr: Buffer.concat(heard.stderr).toString(), exitCode };
}
