/** One object's envelope in words. */
import type { Metadata } from '../../store/store.js';
import { escapeForTerminal } from '../../report/escape.js';

const MEANINGS: readonly (readonly [header: string, meaning: string])[] = [
  ['x-oss-meta-oss-crypto-key', 'the data key, wrapped with the RSA key'],
  ['x-oss-meta-oss-crypto-start', 'the start block, wrapped likewise'],
  ['x-oss-meta-oss-cek-alg', 'how the body is encrypted'],
  ['x-oss-meta-oss-wrap-alg', 'how the data key is wrapped'],
  ['x-oss-meta-unencrypted-content-length', 'plaintext bytes'],
  ['x-oss-meta-sealift-name', 'the authenticated name'],
  ['x-oss-meta-sealift-attributes', 'mode and time, authenticated'],
  ['x-oss-meta-sealift-tag', 'GCM tag: the body is unchanged'],
  ['x-oss-meta-sealift-mac', 'a second tag, under a key of its own'],
  ['x-oss-meta-sealift-commitment', 'binds key, name, length and tags'],
];
const SHOWN_CHARACTERS = 34;

/** A line per header: its name without `x-oss-meta-`, the beginning of its value, what it is for. */
export function envelopeLines(metadata: Metadata): string[] {
  return MEANINGS.flatMap(([header, meaning]) => {
    const value = metadata[header];
    const name = header.replace('x-oss-meta-', '').padEnd(26);
    return value === undefined ? [] : [`${name} ${shorten(escapeForTerminal(value)).padEnd(SHOWN_CHARACTERS + 1)} ${meaning}`];
  });
}

function shorten(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
