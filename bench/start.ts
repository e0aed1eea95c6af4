/**
 * How soon does it begin? `node dist/bench/start.js [--runs 11]`
 *
 * `sealift --help` beside a program that has yargs and one command, and the time from the start of a push of one file to the
 * first byte that it sends, beside the start and end of a Node process that does nothing. All in turn; medians.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSink } from '../src/commands/bench/processes.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { judge, machine, median } from './machine.js';

const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '11' } } });
const runs = Number(options.runs);
const work = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
const key = join(work, 'key.pem');
const source = join(work, 'source');
const sealift = here('../src/cli.js');
/** When each connection of the push under way brought its first byte. */
const firstBytes: number[] = [];

const sink = await startSink({ discard: true });
const watch = createServer((socket) => {
  const upstream = connect(Number(sink.announced['port']), '127.0.0.1');
  socket.once('data', () => firstBytes.push(performance.now()));
  socket.pipe(upstream).pipe(socket);
  [socket, upstream].forEach((end) => end.on('error', () => [socket, upstream].forEach((other) => other.destroy())));
}).listen(0, '127.0.0.1');

try {
  console.log(machine());
  mkdirSync(source);
  writeFileSync(join(source, 'file'), Buffer.alloc(4096, 'sealift '));
  await createRsaKey(key, { bits: 2048 });
  const times = { help: [] as number[], yargs: [] as number[], push: [] as number[], node: [] as number[] };
  for (let run = 0; run < runs; run += 1) {
    times.help.push(timeOf([sealift, '--help']));
    times.yargs.push(timeOf([here('./bare-yargs.js'), '--help']));
    times.push.push(await firstByteOf(run));
    times.node.push(timeOf(['-e', '0']));
  }
  compare('sealift --help', times.help, { label: 'a bare program with yargs', base: times.yargs, bound: 1.3 });
  compare('first byte of a push', times.push, { label: 'a bare Node process', base: times.node, bound: 6 });
} finally {
  watch.close();
  await sink.stop();
  rmSync(work, { recursive: true, force: true });
}

/** Milliseconds from start to end. */
function timeOf(args: readonly string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`node ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
  }
  return performance.now() - begun;
}

async function firstByteOf(run: number): Promise<number> {
  const { port } = watch.address() as AddressInfo;
  const env = {
    PATH: process.env['PATH'], HOME: work, OSS_ACCESS_KEY_ID: 'bench', OSS_ACCESS_KEY_SECRET: 'bench', OSS_REGION: 'cn-hangzhou',
    OSS_ENDPOINT: `http://127.0.0.1:${port}`,
  };
  firstBytes.length = 0;
  const begun = performance.now();
  const child = spawn(process.execPath, [sealift, 'push', source, `oss://bench/${run}`, '--key', key, '--quiet'], { env, cwd: work, stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const { puts } = (await (await fetch(`http://127.0.0.1:${String(sink.announced['port'])}/?stats`)).json()) as { puts: number };
  const [firstByteAt] = firstBytes;
  if (code !== 0 || firstByteAt === undefined || puts !== run + 1) {
    throw new Error(`the push ended with ${String(code)}, and ${puts} of ${run + 1} files arrived`);
  }
  return firstByteAt - begun;
}

function compare(label: string, times: readonly number[], { label: other, base, bound }: { label: string; base: readonly number[]; bound: number }): void {
  const ratio = median(times.map((time, run) => time / (base[run] ?? NaN)));
  judge(`${label}: ${median(times).toFixed(0)} ms; ${other}: ${median(base).toFixed(0)} ms; ${ratio.toFixed(2)} times, median of ${times.length} (bound: ${bound})`, ratio <= bound);
}

function here(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
