/** Flags → what to measure, checked. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SealiftError } from '../../errors.js';
import type { EnvelopeFamily } from '../../keys/wrapper.js';
import { DEFAULT_RSA_KEY_BITS, GiB, MAX_CONCURRENCY, MAX_PART_BYTES, MAX_THREADS, MIN_MEMORY_BYTES, MIN_PART_BYTES, RSA_KEY_BITS } from '../../limits.js';
import { parseChoice, parseCount, parseOssUrl, parseSize, parseText, type OssLocation } from '../../values.js';
import { PROFILES, type Group } from './work.js';

export type Flags = Readonly<Record<string, unknown>>;

export type TargetChoice = { readonly kind: 'sink' | 'local' } | { readonly kind: 'oss'; readonly location: OssLocation };

type KeyBits = (typeof RSA_KEY_BITS)[number];

export interface BenchRequest {
  /** Undefined for a directory of the user's, which then stands in `directory`. */
  readonly groups: readonly Group[] | undefined;
  readonly profile: string | undefined;
  readonly directory: string | undefined;
  /** Undefined where they were not given. */
  readonly threads: readonly number[] | undefined;
  readonly concurrency: readonly number[] | undefined;
  readonly partBytes: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly latencyMs: readonly number[];
  readonly envelope: EnvelopeFamily;
  readonly keyBits: KeyBits;
  readonly target: TargetChoice;
  /** How often each is measured, as long as there is time. */
  readonly runs: number;
  readonly suggest: boolean;
  readonly isWarm: boolean;
  /** Files to write, absolute. */
  readonly out: string | undefined;
  readonly report: string | undefined;
}

const DEFAULT_PROFILE = 'mixed';
const DEFAULT_FILES = 1000;
const DEFAULT_KEY_BITS = '2048';
const MAX_FILES = 10_000_000;
const MAX_LATENCY_MS = 10_000;
const DEFAULT_RUNS = 3;
const MAX_RUNS = 99;

/** @throws SealiftError `usage` naming the option and what is accepted */
export function parseRequest(flags: Flags, cwd: string): BenchRequest {
  const target = targetOf(flags['target'] ?? 'sink');
  if (target.kind !== 'sink' && flags['latency'] !== undefined) {
    throw new SealiftError('usage', '--latency needs --target sink: no other server waits on demand', { object: '--latency', remedy: 'Leave out --latency or --target.' });
  }
  const latencyMs = counts('--latency', flags['latency'], { min: 0, max: MAX_LATENCY_MS }) ?? [0];
  if (flags['suggest'] === true && latencyMs.length > 1) {
    throw new SealiftError('usage', '--suggest finds flags for one --latency', { object: '--latency', remedy: 'Give one value, that of your bucket.' });
  }
  return {
    ...workOf(flags, cwd),
    threads: counts('--threads', flags['threads'], { min: 1, max: MAX_THREADS }),
    concurrency: counts('--concurrency', flags['concurrency'], { min: 1, max: MAX_CONCURRENCY }),
    partBytes: optional(flags['part-size'], (value) => parseSize('--part-size', value, { min: MIN_PART_BYTES, max: MAX_PART_BYTES })),
    memoryBytes: optional(flags['memory'], (value) => parseSize('--memory', value, { min: MIN_MEMORY_BYTES, max: 1024 * GiB })),
    latencyMs,
    envelope: parseChoice('--envelope', flags['envelope'] ?? 'oss-crypto', ['oss-crypto', 'client-side-encryption']),
    keyBits: keyBitsOf(flags['key-bits'] ?? DEFAULT_KEY_BITS),
    target,
    runs: optional(flags['runs'], (value) => parseCount('--runs', value, { min: 1, max: MAX_RUNS })) ?? DEFAULT_RUNS,
    suggest: flags['suggest'] === true,
    isWarm: flags['warm'] === true,
    out: optional(flags['out'], (value) => outputFile('--out', value, cwd)),
    report: optional(flags['report'], (value) => outputFile('--report', value, cwd)),
  };
}

function keyBitsOf(value: unknown): KeyBits {
  const chosen = parseChoice('--key-bits', value, ['2048', '3072', '4096']);
  return RSA_KEY_BITS.find((bits) => String(bits) === chosen) ?? DEFAULT_RSA_KEY_BITS;
}

function workOf(flags: Flags, cwd: string): Pick<BenchRequest, 'groups' | 'profile' | 'directory'> {
  const { files, size, profile } = flags;
  if (files !== undefined || size !== undefined) {
    if (profile !== undefined) {
      throw new SealiftError('usage', '--profile excludes --files and --size', { object: '--profile', remedy: 'Give the one or the other.' });
    }
    const group = { files: parseCount('--files', files ?? String(DEFAULT_FILES), { min: 1, max: MAX_FILES }), bytes: parseSize('--size', size ?? '4KiB', { min: 0, max: 64 * GiB - 32 }) };
    return { groups: [group], profile: undefined, directory: undefined };
  }
  const name = parseText('--profile', profile ?? DEFAULT_PROFILE);
  const groups = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
  return { groups, profile: name, directory: groups === undefined ? directoryNamed(resolve(cwd, name)) : undefined };
}

function directoryNamed(directory: string): string {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new SealiftError('usage', `--profile: ${directory} is no directory`, { object: '--profile', remedy: `Name one, or one of ${Object.keys(PROFILES).join(', ')}.` });
  }
  return directory;
}

function targetOf(value: unknown): TargetChoice {
  const text = parseText('--target', value);
  if (text === 'sink' || text === 'local') {
    return { kind: text };
  }
  if (!text.startsWith('oss://')) {
    throw new SealiftError('usage', `--target: ${JSON.stringify(text)} is not accepted`, { object: '--target', remedy: 'Give sink, local, or an address such as oss://bucket/prefix.' });
  }
  return { kind: 'oss', location: parseOssUrl('--target', text) };
}

/** Found out before anything is measured for nothing. */
function outputFile(label: string, value: unknown, cwd: string): string {
  const path = resolve(cwd, parseText(label, value));
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
      return path;
    }
  } catch (cause) {
    throw new SealiftError('usage', `${label}: ${path} cannot be written`, { object: label, remedy: 'Name a file in a directory that is there and writable.', cause });
  }
  throw new SealiftError('usage', `${label}: ${path} is a directory`, { object: label, remedy: 'Name a file in it.' });
}

function counts(label: string, value: unknown, range: { readonly min: number; readonly max: number }): readonly number[] | undefined {
  return optional(value, (text) => parseText(label, text).split(',').map((item) => parseCount(label, item, range)));
}

function optional<T>(value: unknown, parse: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}
