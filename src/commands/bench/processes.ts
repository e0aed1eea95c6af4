/** The processes of a bench: servers that cost CPU time of their own, and the measured one, which is nothing but the work. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fromFailure, SealiftError } from '../../errors.js';
import type { Job, Measure, Refusal } from './job.js';

export interface Server {
  /** Its first line of output. */
  readonly announced: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

export interface SinkOptions {
  /** @default 0 */
  readonly latencyMs?: number;
  /** Swallow bodies instead of keeping them; look-ups then find nothing. @default false */
  readonly discard?: boolean;
  /** ETags are MD5 sums, as S3 clients check them. @default false */
  readonly etagMd5?: boolean;
  /** PEM files, for https. */
  readonly tls?: { readonly key: string; readonly certificate: string };
}

/** Announces `port`. */
export async function startSink({ latencyMs = 0, discard = false, etagMd5 = false, tls }: SinkOptions = {}): Promise<Server> {
  return await startServer([
    here('./sink.js'), '--latency', String(latencyMs), ...(discard ? ['--discard'] : []), ...(etagMd5 ? ['--etag-md5'] : []),
    ...(tls === undefined ? [] : ['--tls-key', tls.key, '--tls-certificate', tls.certificate]),
  ]);
}

/** The embedded cloud. Announces `oss`, `accessKeyId` and `accessKeySecret`. */
export async function startCloud(dataDirectory: string): Promise<Server> {
  return await startServer([here('./cloud.js'), dataDirectory]);
}

/** Runs a job in a process of its own. @throws SealiftError that of the job, unless all of it was done */
export async function measure(job: Job, signal: AbortSignal, nodeOptions: readonly string[] = []): Promise<Measure> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [...nodeOptions, '--import', here('./latency.js'), here('./measured.js')], { stdio: ['pipe', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', kill);
  child.stdin.end(JSON.stringify(job));
  const [said, complaint, code] = await Promise.all([collected(child.stdout), collected(child.stderr), exitOf(child)]);
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();
  if (code !== 0) {
    const end = code === null ? `was killed by ${child.signalCode ?? 'a signal'}` : `ended with exit code ${code}`;
    throw new SealiftError('internal', `the measured ${job.operation} (${job.program}) ${end}: ${complaint.trim()}`);
  }
  const answer = JSON.parse(said) as Measure | Refusal;
  if ('failure' in answer) {
    throw fromFailure(answer.failure);
  }
  return answer;
}

async function startServer(args: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = exitOf(child);
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (first.done === true) {
    throw new SealiftError('internal', `a server of the bench ended with exit code ${(await ended) ?? 'none'}`);
  }
  return {
    announced: JSON.parse(first.value) as Readonly<Record<string, unknown>>,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

async function collected(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  stream.setEncoding('utf8');
  for await (const text of stream) {
    all += String(text);
  }
  return all;
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

function here(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
