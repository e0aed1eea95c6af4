import { hash } from 'node:crypto';
import { lineShape, recordShape, type ManifestLine, type ManifestRecord } from './record.js';

/** What the first line is chained to. */
export const FIRST_CHAIN = '0'.repeat(16);

const CHAIN_MEMBER = ',"chain":"';
const CHAIN_HEX = 16;
const TAIL_CHARACTERS = CHAIN_MEMBER.length + CHAIN_HEX + '"}'.length;

/** The end of a manifest's last good line: where the next one goes and what it is chained to. */
export interface Position {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Number of the last line; 0 for an empty file. */
  readonly seq: number;
  readonly chain: string;
}

export const START: Position = { offset: 0, seq: 0, chain: FIRST_CHAIN };

/** A line taken apart: its text without the chain member, and the chain that it claims. */
export interface SplitLine {
  readonly body: string;
  readonly chain: string;
}

/**
 * Truncated to 64 bits: it finds accidents and joins the lines in order. It is no protection against someone who may
 * write the file, and is not meant to be.
 */
export function chainOf(previous: string, body: string): string {
  return hash('sha256', `${previous}\n${body}`, 'hex').slice(0, CHAIN_HEX);
}

/** The text of the record's line without its newline, and the chain for the next one. */
export function encodeLine(record: ManifestRecord, previous: Position): { text: string; chain: string } {
  const body = `{"seq":${String(previous.seq + 1)},${JSON.stringify(record).slice(1)}`;
  const chain = chainOf(previous.chain, body);
  return { text: `${body.slice(0, -1)}${CHAIN_MEMBER}${chain}"}`, chain };
}

/** A record that no reader would accept must not reach the file. @throws TypeError */
export function refuseMalformed(record: ManifestRecord): void {
  const { type } = record;
  if (!recordShape.accepts(record)) {
    throw new TypeError(`malformed ${type} record`);
  }
}

/** Undefined when the text does not end in a chain member. */
export function splitLine(text: string): SplitLine | undefined {
  if (text.slice(-TAIL_CHARACTERS, -CHAIN_HEX - 2) !== CHAIN_MEMBER || !text.endsWith('"}')) {
    return undefined;
  }
  return { body: `${text.slice(0, -TAIL_CHARACTERS)}}`, chain: text.slice(-CHAIN_HEX - 2, -2) };
}

/** The record in a line whose chain was checked; undefined when its shape is not one of this version. */
export function parseLine(text: string | undefined): ManifestLine | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return lineShape.accepts(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
