#!/usr/bin/env node
/** The process around a command line: its streams, its signals, and how it ends. */
import { setImmediate } from 'node:timers/promises';
import { commandLine } from './commands/command-line.js';
import { abortOnSignals } from './commands/signals.js';
import { exitCodeOf } from './errors.js';

survivePipes();
let signal: AbortSignal | undefined;
const { run, explain } = commandLine(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  signal: () => (signal ??= abortOnSignals({ on: (name, listener) => process.on(name, listener), exit: (code) => process.exit(code), say: (text) => process.stderr.write(text) })),
});
process.on('uncaughtException', (error) => void leave(explain(error)));
await leave(await run());

async function leave(exitCode: number): Promise<void> {
  await flushed(process.stdout);
  await flushed(process.stderr);
  // That the last words could not be written is told in a turn of its own.
  await setImmediate();
  process.exit(exitCode);
}

/** A reader that goes away (`| head`) does not stop a transfer: what nobody reads is dropped. */
function survivePipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      process.stderr.write(`sealift: standard output cannot be written: ${error.code ?? error.message}\n`);
      process.exit(exitCodeOf('write-failed'));
    }
  });
  process.stderr.on('error', () => undefined);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) {
      resolve();
      return;
    }
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
