/**
 * Names come from file systems and buckets, that is, from strangers. Printed as they are, they could move the cursor, hide
 * other lines or reverse the text, so every character that a terminal acts on is shown as an escape instead.
 */
const ACTING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * The text with C0 and C1 controls, DEL, ESC, bidirectional and other format characters, line and paragraph separators and
 * lone surrogates written as `\xHH` or `\u{H…}`. Always one line; idempotent.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(ACTING, (character) => escapeOf(character.codePointAt(0) ?? 0));
}

function escapeOf(codePoint: number): string {
  const hex = codePoint.toString(16);
  return codePoint <= 0xff ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
}
