import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { escapeForTerminal } from '../../src/report/escape.js';

describe('escapeForTerminal', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['plain names stay', 'Übung/日本語 (1).txt', 'Übung/日本語 (1).txt'],
    ['C0', 'a\nb\tc\u0000', String.raw`a\x0ab\x09c\x00`],
    ['ESC, which moves the cursor', '\u001b[2Jgone', String.raw`\x1b[2Jgone`],
    ['C1, which some terminals take for ESC [', '\u009b31mred', String.raw`\x9b31mred`],
    ['DEL', '\u007f', String.raw`\x7f`],
    ['bidi overrides, which reverse the text', 'gpj.\u202eexe', String.raw`gpj.\u{202e}exe`],
    ['bidi isolates', '\u2066a\u2069', String.raw`\u{2066}a\u{2069}`],
    ['marks without width', 'a\u200bb\u200f\ufeff', String.raw`a\u{200b}b\u{200f}\u{feff}`],
    ['line separators', 'a\u2028b\u2029', String.raw`a\u{2028}b\u{2029}`],
    ['tags beyond the first plane', '\u{e0041}', String.raw`\u{e0041}`],
    ['lone surrogates', '\ud800', String.raw`\u{d800}`],
    ['emoji stay', '🛟', '🛟'],
  ];
  for (const [name, text, expected] of cases) {
    it(name, () => assert.equal(escapeForTerminal(text), expected));
  }

  it('leaves no character that a terminal acts on, is one line and idempotent', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      const safe = escapeForTerminal(text);
      return !/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/.test(safe) && escapeForTerminal(safe) === safe;
    }));
  });
});
