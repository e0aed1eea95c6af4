import { EnvelopeError } from '../errors.js';
import { MAX_MODE, MAX_MTIME_SECONDS } from '../limits.js';
import type { Attributes } from './types.js';

const MODE = '0|[1-7][0-7]{0,3}';
const MTIME = '(?:0|-?[1-9][0-9]{0,11})\\.[0-9]{9}';
const GRAMMAR = new RegExp(`^(?:mode=(${MODE})(?:,mtime=(${MTIME}))?|mtime=(${MTIME}))$`);
const NANOSECONDS = 1_000_000_000n;

/**
 * The header value, or an empty string when there is nothing to say: then there is no header.
 * @throws RangeError for a mode that is more than permission bits
 * @throws EnvelopeError `metadata-too-large` for a time that needs more than 12 digits of seconds
 */
export function encodeAttributes({ mode, mtimeNs }: Attributes): string {
  const parts = [
    ...(mode === undefined ? [] : [`mode=${encodeMode(mode)}`]),
    ...(mtimeNs === undefined ? [] : [`mtime=${encodeTime(mtimeNs)}`]),
  ];
  return parts.join(',');
}

/**
 * The inverse, an empty string included.
 * @throws EnvelopeError `envelope-invalid` for anything that {@link encodeAttributes} would not have written
 */
export function parseAttributes(text: string): Attributes {
  assertAttributes(text);
  const match = GRAMMAR.exec(text);
  const mode = match?.[1];
  const time = match?.[2] ?? match?.[3];
  return {
    ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }),
    ...(time !== undefined && { mtimeNs: parseTime(time) }),
  };
}

/** @throws EnvelopeError `envelope-invalid` for what {@link parseAttributes} refuses */
export function assertAttributes(text: string): void {
  if (text !== '' && !GRAMMAR.test(text)) {
    throw new EnvelopeError('envelope-invalid', 'the attributes do not match their grammar');
  }
}

function encodeMode(mode: number): string {
  if (!Number.isInteger(mode) || mode < 0 || mode > MAX_MODE) {
    throw new RangeError(`a mode is 0 to 0o${MAX_MODE.toString(8)}, not ${mode}`);
  }
  return mode.toString(8);
}

/** Whole seconds rounded down, then the positive nanoseconds: half a second before 1970 is `-1.500000000`. */
function encodeTime(ns: bigint): string {
  const fraction = ((ns % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  const seconds = (ns - fraction) / NANOSECONDS;
  if (seconds > MAX_MTIME_SECONDS || seconds < -MAX_MTIME_SECONDS) {
    throw new EnvelopeError('metadata-too-large', `a modification time of ${seconds.toString()} seconds does not fit the format`, {
      remedy: 'Set a modification time within 31,000 years of 1970, for example with `touch`.',
    });
  }
  return `${seconds.toString()}.${fraction.toString().padStart(9, '0')}`;
}

function parseTime(text: string): bigint {
  const point = text.indexOf('.');
  return BigInt(text.slice(0, point)) * NANOSECONDS + BigInt(text.slice(point + 1));
}
