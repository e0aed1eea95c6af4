/** Text that a person typed → numbers and names that can be trusted, or one clear error (exit code 2). */
import { SealiftError } from './errors.js';
import { GiB, KiB, MAX_OBJECT_KEY_BYTES, MiB } from './limits.js';

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|K|M|G|KiB|MiB|GiB)?$/i;
const UNITS: Readonly<Record<string, number>> = { b: 1, k: KiB, kib: KiB, m: MiB, mib: MiB, g: GiB, gib: GiB };
const DURATION = /^(\d{1,6})([smhd])$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;
/** The first moment that four digits of a year can name, and the first one after these. */
const EARLIEST_MS = Date.parse('0000-01-01T00:00:00Z');
const END_MS = Date.parse('+010000-01-01T00:00:00Z');
const MILLISECONDS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
// Controls, and what a decoder leaves of broken UTF-8: the key would not be the one that was meant.
const UNUSABLE_IN_KEY = /[\p{Cc}\u{FFFD}]/u;
const NOT_EMPTY = 'a value that is not empty';
const SHOWN_CHARACTERS = 60;

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A place in a bucket. `prefix` has neither leading nor trailing slash; empty means the whole bucket. */
export interface OssLocation {
  readonly bucket: string;
  readonly prefix: string;
}

/**
 * Bytes from `8388608`, `64MiB`, `1.5G`, `100 KiB`; K, M and G are binary. KB and MB are refused, since half the world reads
 * them as powers of ten. `label` names the option in the error.
 */
export function parseSize(label: string, value: unknown, range: Range): number {
  const accepted = `a size from ${formatSize(range.min)} to ${formatSize(range.max)}, such as 64MiB, 512K or 8388608`;
  const match = SIZE.exec(digitsOf(label, value, accepted));
  if (match === null) {
    throw invalid(label, value, accepted);
  }
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? 'B').toLowerCase()] ?? 1);
  if (!Number.isSafeInteger(bytes)) {
    throw invalid(label, value, `${accepted}; it must come to whole bytes`);
  }
  return inRange(label, { value, number: bytes, range, accepted });
}

/** A whole number in plain decimal digits. */
export function parseCount(label: string, value: unknown, range: Range): number {
  const accepted = `a whole number from ${range.min} to ${range.max}`;
  const text = digitsOf(label, value, accepted);
  if (!/^\d{1,15}$/.test(text)) {
    throw invalid(label, value, accepted);
  }
  return inRange(label, { value, number: Number(text), range, accepted });
}

/** Milliseconds from `90s`, `30m`, `12h` or `7d`. */
export function parseDuration(label: string, value: unknown): number {
  const accepted = 'a whole number and s, m, h or d, such as 12h or 7d';
  const match = DURATION.exec(textOf(label, value, accepted).trim());
  if (match === null) {
    throw invalid(label, value, accepted);
  }
  return Number(match[1]) * (MILLISECONDS[match[2] ?? ''] ?? 0);
}

/**
 * A moment: so long before `nowMs` (milliseconds since 1970), as {@link parseDuration} reads it, or a date or time of ISO 8601,
 * which is in UTC where it names no offset.
 */
export function parseMoment(label: string, value: unknown, nowMs: number): Date {
  const accepted = 'a whole number and s, m, h or d, such as 12h or 7d, or a date or time of ISO 8601, such as 2026-11-23 or 2026-11-23T18:30:00+08:00';
  const text = textOf(label, value, accepted).trim();
  if (DURATION.test(text)) {
    return new Date(Math.max(EARLIEST_MS, nowMs - parseDuration(label, text)));
  }
  const [, day = '', clock = '00:00', zone = 'Z'] = MOMENT.exec(text) ?? [];
  const moment = new Date(`${day}T${clock}${zone}`);
  if (!(moment.getTime() >= EARLIEST_MS && moment.getTime() < END_MS) || !isInCalendar(day, clock)) {
    throw invalid(label, value, accepted);
  }
  return moment;
}

/** A 30 February would be taken for a day in March. */
function isInCalendar(day: string, clock: string): boolean {
  return new Date(`${day}T${clock}Z`).toISOString().startsWith(`${day}T${clock}`);
}

export function parseChoice<const Choice extends string>(label: string, value: unknown, choices: readonly Choice[]): Choice {
  const chosen = choices.find((choice) => choice === value);
  if (chosen === undefined) {
    throw invalid(label, value, `one of ${choices.join(', ')}`);
  }
  return chosen;
}

/** Flags on the command line arrive as booleans; in the environment as text. */
export function parseFlag(label: string, value: unknown): boolean {
  if (typeof value === 'boolean') {
    return value;
  }
  const text = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (['1', 'true', 'yes', 'on'].includes(text)) {
    return true;
  }
  if (['0', 'false', 'no', 'off'].includes(text)) {
    return false;
  }
  throw invalid(label, value, 'true or false');
}

export function parseText(label: string, value: unknown): string {
  const text = textOf(label, value, NOT_EMPTY);
  if (text === '') {
    throw invalid(label, value, NOT_EMPTY);
  }
  return text;
}

/** `oss://bucket[/prefix]`; slashes at the end of the prefix are ignored. */
export function parseOssUrl(label: string, value: unknown): OssLocation {
  const accepted = 'an address such as oss://bucket or oss://bucket/prefix';
  const text = textOf(label, value, accepted);
  if (!text.startsWith('oss://')) {
    throw invalid(label, value, accepted);
  }
  const rest = text.slice('oss://'.length);
  const slash = rest.indexOf('/');
  const bucket = slash === -1 ? rest : rest.slice(0, slash);
  const prefix = slash === -1 ? '' : rest.slice(slash + 1).replace(/\/+$/, '');
  if (!BUCKET.test(bucket)) {
    // An address with a user name may carry a secret, so it is not repeated.
    const shown = bucket.includes('@') ? 'an address with credentials' : value;
    throw invalid(label, shown, 'a bucket name of 3 to 63 lower-case letters, digits and inner hyphens after oss://');
  }
  checkPrefix(label, value, prefix);
  return { bucket, prefix };
}

function checkPrefix(label: string, value: unknown, prefix: string): void {
  if (prefix.startsWith('/') || prefix.startsWith('\\')) {
    throw invalid(label, value, 'a prefix that starts with neither / nor \\');
  }
  if (UNUSABLE_IN_KEY.test(prefix)) {
    throw invalid(label, value, 'a prefix in valid UTF-8 without control characters');
  }
  if (prefix.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw invalid(label, value, 'a prefix without . and .. as segments');
  }
  if (Buffer.byteLength(prefix) > MAX_OBJECT_KEY_BYTES) {
    throw invalid(label, value, `a prefix of at most ${MAX_OBJECT_KEY_BYTES} bytes`);
  }
}

function inRange(label: string, checked: { value: unknown; number: number; range: Range; accepted: string }): number {
  const { value, number, range, accepted } = checked;
  if (number < range.min || number > range.max) {
    throw invalid(label, value, accepted);
  }
  return number;
}

/** Config files carry numbers, everything else text. */
function digitsOf(label: string, value: unknown, accepted: string): string {
  return typeof value === 'number' ? String(value) : textOf(label, value, accepted).trim();
}

function textOf(label: string, value: unknown, accepted: string): string {
  if (typeof value === 'string') {
    return value;
  }
  if (Array.isArray(value)) {
    throw new SealiftError('usage', `${label} was given ${value.length} times, and takes one value`, { object: label });
  }
  throw invalid(label, value, accepted);
}

function invalid(label: string, value: unknown, accepted: string): SealiftError {
  return new SealiftError('usage', `${label}: ${show(value)} is not accepted`, { object: label, remedy: `Give ${accepted}.` });
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

function formatSize(bytes: number): string {
  const unit = [GiB, MiB, KiB].find((size) => bytes >= size && bytes % size === 0);
  const names = new Map([[GiB, 'GiB'], [MiB, 'MiB'], [KiB, 'KiB']]);
  return unit === undefined ? `${bytes} bytes` : `${bytes / unit} ${names.get(unit) ?? ''}`;
}
