/**
 * Loaded into every thread of a process with `--import`: counts calls into node:fs and bytes that are copied between
 * buffers, and prints the sums as a line of JSON on stderr when the process ends. Only the main thread speaks: the
 * counters lie in memory that all threads share.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

export interface Calls {
  /** Synchronous ones, by callback and by promise alike; what a file handle is asked is not among them. */
  readonly fsCalls: number;
  readonly opens: number;
  /** What readSync and readvSync delivered, in bytes. */
  readonly bytesRead: number;
  /** Between buffers of JavaScript, into WebAssembly among them, in bytes; not what Node copies within. */
  readonly bytesCopied: number;
}

const NAMES = ['fsCalls', 'opens', 'bytesRead', 'bytesCopied'] as const satisfies readonly (keyof Calls)[];
const ENVIRONMENT = 'sealift:bench:calls';

const known = getEnvironmentData(ENVIRONMENT);
const shared = known instanceof SharedArrayBuffer ? known : new SharedArrayBuffer(NAMES.length * BigInt64Array.BYTES_PER_ELEMENT);
const sums = new BigInt64Array(shared);

watchFileSystem();
watchCopies();
if (isMainThread) {
  setEnvironmentData(ENVIRONMENT, shared);
  process.on('exit', () => {
    const calls = Object.fromEntries(NAMES.map((name, index) => [name, Number(sums[index])]));
    process.stderr.write(`\n${JSON.stringify({ calls })}\n`);
  });
}

function add(name: keyof Calls, amount: number): void {
  Atomics.add(sums, NAMES.indexOf(name), BigInt(amount));
}

function watchFileSystem(): void {
  for (const [module, name] of [fs, fs.promises].flatMap((module) => Object.keys(module).map((name) => [module, name] as const))) {
    if (/^[a-z]/.test(name) && name !== 'promises' && name !== 'constants') {
      replace(module, name, (_args, result) => {
        add('fsCalls', 1);
        add('opens', name.startsWith('open') ? 1 : 0);
        add('bytesRead', name === 'readSync' || name === 'readvSync' ? Number(result) : 0);
      });
    }
  }
  syncBuiltinESMExports();
}

function watchCopies(): void {
  const typedArray: unknown = Object.getPrototypeOf(Uint8Array.prototype);
  const ofResult = (_args: readonly unknown[], result: unknown): void => add('bytesCopied', bytesOf(result));
  replace(Buffer.prototype, 'copy', (_args, result) => add('bytesCopied', Number(result)));
  replace(typedArray, 'set', ([source]) => add('bytesCopied', bytesOf(source)));
  replace(Buffer.prototype, 'fill', ([source, start = 0, end], result) => add('bytesCopied', ArrayBuffer.isView(source) ? Number(end ?? bytesOf(result)) - Number(start) : 0));
  replace(typedArray, 'slice', ofResult);
  replace(Buffer, 'concat', ofResult);
  replace(Buffer, 'from', ([source]) => add('bytesCopied', bytesOf(source)));
}

function bytesOf(value: unknown): number {
  return ArrayBuffer.isView(value) ? value.byteLength : 0;
}

/** Calls of one such function by another count as one. */
let depth = 0;

/** A proxy keeps whatever else hangs on the function. */
function replace(owner: unknown, name: string, tell: (args: readonly unknown[], result: unknown) => void): void {
  const holder = owner as Record<string, (...args: unknown[]) => unknown>;
  const original = holder[name];
  if (original !== undefined) {
    holder[name] = new Proxy(original, {
      apply: (target, self, args: unknown[]) => {
        depth += 1;
        try {
          const result: unknown = Reflect.apply(target, self, args);
          if (depth === 1) {
            tell(args, result);
          }
          return result;
        } finally {
          depth -= 1;
        }
      },
    });
  }
}
