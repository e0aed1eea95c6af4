/** The whole promise in one sitting: push, kill, resume, pull, compare, look at what the bucket holds. Everything is real. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SealiftError } from '../../errors.js';
import { createRsaKey } from '../../keys/key-files.js';
import { DEFAULT_RSA_KEY_BITS, MiB } from '../../limits.js';
import { startLocalCloud } from '../../local/cloud.js';
import { formatBytes, formatDuration, plural } from '../../report/format.js';
import { skipLines } from '../../report/skips.js';
import type { SkipReasons } from '../../run/events.js';
import { createOssStore } from '../../store/oss.js';
import type { Context } from '../context.js';
import { makeScratch } from '../scratch.js';
import { runChild, runChildWell, type ChildEvent, type ChildOptions } from './child.js';
import { compareTrees } from './compare.js';
import { envelopeLines } from './envelope.js';
import { PartCounter } from './part-counter.js';
import { LARGE_BYTES, makeTree } from './tree.js';

const BUCKET = 'demo';
const PLACE = `oss://${BUCKET}/backup`;
const SHOWN_OBJECT = 'backup/documents/letters/file-07.dat';
const PART_BYTES = 2 * MiB;
/** Small enough that the large file travels in parts. */
const MEMORY_BYTES = 16 * MiB;

interface Stage {
  readonly root: string;
  readonly say: (line: string) => void;
  readonly child: Omit<ChildOptions, 'killed'>;
  readonly parts: PartCounter;
}

export async function runDemo(context: Context): Promise<void> {
  const startedMs = context.now();
  const root = makeScratch('sealift-demo-');
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  const parts = new PartCounter();
  const signal = context.signal();
  let cloud: Awaited<ReturnType<typeof startLocalCloud>> | undefined;
  try {
    say(`Sealift demo in ${root}, removed at the end`);
    cloud = await startLocalCloud({ dataDirectory: join(root, 'cloud'), bucket: BUCKET, log: parts.observe });
    const child = { cwd: root, env: { ...environment(context), ...reach(cloud), HOME: root, XDG_STATE_HOME: join(root, 'state') }, signal };
    await play({ root, say, child, parts });
    signal.throwIfAborted();
    await showEnvelope(cloud, say);
    say(`All of it in ${formatDuration(context.now() - startedMs)}; nothing is left behind.`);
  } catch (error) {
    // Ctrl-C reaches the children as well, and what they make of it is not the cause.
    signal.throwIfAborted();
    throw error;
  } finally {
    await cloud?.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function play(stage: Stage): Promise<void> {
  const { root, say } = stage;
  mkdirSync(join(root, 'tree'));
  const tree = makeTree(join(root, 'tree'));
  say(`1  a tree: ${plural(tree.files, 'file')}, ${formatBytes(tree.bytes)}; empty ones, hostile names, one of ${formatBytes(LARGE_BYTES)}`);
  const key = await createRsaKey(join(root, 'key.pem'), { bits: DEFAULT_RSA_KEY_BITS });
  say(`2  an RSA-${key.bits} key, and an embedded OSS at ${stage.child.env['OSS_ENDPOINT'] ?? ''}`);
  await pushAndKill(stage);
  await resume(stage);
  await pullAndCompare(stage);
}

async function pushAndKill({ say, child, parts }: Stage): Promise<void> {
  say(`3  sealift push tree ${PLACE} --key key.pem`);
  const total = Math.ceil(LARGE_BYTES / PART_BYTES);
  const half = parts.reached(total / 2);
  const push = await runChild(['push', 'tree', PLACE, '--key', 'key.pem', '--part-size', String(PART_BYTES), '--memory', String(MEMORY_BYTES)], { ...child, killed: half });
  if (!half.aborted || push.exitCode !== null) {
    throw new SealiftError('internal', `the push was to be killed half-way and ended with exit code ${push.exitCode ?? 'none'}: ${push.stderr}`);
  }
  say(`   killed with SIGKILL when ${parts.count} of the large file's ${total} parts had arrived`);
}

async function resume({ say, child, parts }: Stage): Promise<void> {
  const before = parts.count;
  parts.nextSession();
  const status = await runChild(['status'], child);
  say(`4  sealift status: exit code ${status.exitCode ?? 'none'}, unfinished`);
  const summary = await runChildWell(['resume', '--key', 'key.pem'], child);
  say(`5  sealift resume --key key.pem: ${counts(summary)}`);
  saySkips(summary, say);
  say(`   ${plural(parts.count, 'part')} sent; of the ${before} that were there already, ${parts.repeated} were sent again`);
}

async function pullAndCompare({ root, say, child }: Stage): Promise<void> {
  const pulled = await runChildWell(['pull', PLACE, 'restored', '--key', 'key.pem'], child);
  say(`6  sealift pull ${PLACE} restored --key key.pem: ${counts(pulled)}`);
  saySkips(pulled, say);
  const { files, directories, bytes, differences } = compareTrees(join(root, 'tree'), join(root, 'restored'));
  if (differences.length > 0) {
    throw new SealiftError('internal', `the trees differ in ${differences.length} names, first ${JSON.stringify(differences[0])}`);
  }
  say(`   compared byte for byte: ${plural(files, 'file')} in ${plural(directories, 'directory').replace('ys', 'ies')}, ${formatBytes(bytes)}: identical`);
  const verified = await runChildWell(['verify', PLACE, '--key', 'key.pem'], child);
  say(`7  sealift verify ${PLACE} --key key.pem: ${counts(verified)}`);
}

async function showEnvelope(cloud: Awaited<ReturnType<typeof startLocalCloud>>, say: (line: string) => void): Promise<void> {
  const { accessKeyId, accessKeySecret, oss } = cloud;
  const store = await createOssStore({ bucket: BUCKET, region: oss.region, endpoint: oss.endpoint, credentials: { accessKeyId, accessKeySecret }, connections: 1 });
  try {
    const { metadata, sizeBytes } = await store.head(SHOWN_OBJECT);
    say(`8  what oss://${BUCKET}/${SHOWN_OBJECT} carries besides ${sizeBytes} sealed bytes:`);
    envelopeLines(metadata).forEach((line) => say(`   ${line}`));
  } finally {
    await store.close();
  }
}

function counts(summary: ChildEvent): string {
  const number = (name: string): string => String(summary[name]);
  return `${number('scanned')} = ${number('done')} done + ${number('skipped')} skipped + ${number('failed')} failed`;
}

function saySkips({ skipReasons }: ChildEvent, say: Stage['say']): void {
  skipLines(skipReasons as SkipReasons | undefined).forEach((line) => say(`   ${line}`));
}

function reach({ oss, accessKeyId, accessKeySecret }: Awaited<ReturnType<typeof startLocalCloud>>): Record<string, string> {
  return { OSS_ENDPOINT: oss.endpoint, OSS_REGION: oss.region, OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret };
}

/** The parent's environment without anything that would steer Sealift. */
function environment({ env }: Context): Record<string, string> {
  const kept = Object.entries(env).filter(([name, value]) => value !== undefined && !/^(?:SEALIFT|OSS|XDG|ALIBABA)_/.test(name));
  return Object.fromEntries(kept) as Record<string, string>;
}
