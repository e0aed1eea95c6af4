import { isUtf8 } from 'node:buffer';
import { SealiftError } from '../errors.js';
import type { EncodedPath } from '../run/types.js';

/** What may not stand as it is in an encoded path, of text that is valid UTF-8: controls, DEL, `%` and `\`. */
const ESCAPED = /[\u0000-\u001f\u007f%\\]/g;
const PLAIN_ASCII = /^[ -$&-[\]-~]*$/;

const PERCENT = 0x25;

/**
 * The text form of a raw path or name. Valid UTF-8 stays; `%`, bytes below 0x20, 0x7F, `\` and every byte that belongs to
 * no well-formed UTF-8 sequence (Unicode 15, table 3-7) become `%XX`. `/` is passed through: the caller says what separates.
 * Injective, and {@link decodePath} is its inverse.
 */
export function encodePath(raw: Buffer): EncodedPath {
  const encoded = isUtf8(raw) ? escapeText(raw.toString('utf8')) : escapeBytes(raw);
  return encoded as EncodedPath;
}

/** {@link encodePath} for a name that is held as latin1 text, one code unit per byte: the cheap way for plain names. */
export function encodeName(latin1: string): EncodedPath {
  return PLAIN_ASCII.test(latin1) ? (latin1 as EncodedPath) : encodePath(Buffer.from(latin1, 'latin1'));
}

/**
 * The raw bytes of an encoded path.
 *
 * @throws SealiftError `name-invalid` for text that {@link encodePath} cannot have written: a `%` without two upper-case
 * digits, a byte that needed no escape, one that needed it, a lone surrogate. Two texts never decode to the same bytes.
 */
export function decodePath(path: EncodedPath): Buffer {
  const raw = decodeCanonical(path);
  if (raw === undefined) {
    throw new SealiftError('name-invalid', `not a canonical encoded path: ${path}`, { object: path });
  }
  return raw;
}

/** As {@link decodePath}, for text of any origin: `undefined` where that would throw. */
export function decodeCanonical(text: string): Buffer | undefined {
  if (PLAIN_ASCII.test(text)) {
    return Buffer.from(text, 'latin1');
  }
  const raw = unescape(Buffer.from(text, 'utf8'));
  return raw !== undefined && encodePath(raw) === text ? raw : undefined;
}

/** Checks that text from outside (a manifest, a command line) is an encoded path. @throws as {@link decodePath} */
export function parsePath(text: string): EncodedPath {
  decodePath(text as EncodedPath);
  return text as EncodedPath;
}

function escapeText(text: string): string {
  return text.replace(ESCAPED, (character) => hex(character.charCodeAt(0)));
}

function escapeBytes(raw: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at < raw.length; ) {
    const width = wellFormedBytes(raw, at);
    parts.push(width === 0 ? hex(raw[at] ?? 0) : escapeText(raw.toString('utf8', at, at + width)));
    at += Math.max(width, 1);
  }
  return parts.join('');
}

/** Bytes of the well-formed UTF-8 sequence that starts at `at`; 0 when none does. */
function wellFormedBytes(raw: Buffer, at: number): number {
  const lead = raw[at] ?? 0;
  const width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const sequence = raw.subarray(at, at + width);
  return sequence.length === width && isUtf8(sequence) ? width : 0;
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function unescape(text: Buffer): Buffer | undefined {
  const raw = Buffer.alloc(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0;
    const digits = byte === PERCENT ? text.toString('latin1', at + 1, at + 3) : undefined;
    if (digits !== undefined && !/^[0-9A-F]{2}$/.test(digits)) {
      return undefined;
    }
    raw[length] = digits === undefined ? byte : Number.parseInt(digits, 16);
    length += 1;
    at += digits === undefined ? 0 : 2;
  }
  return raw.subarray(0, length);
}
