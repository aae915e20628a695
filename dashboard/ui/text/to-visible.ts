/**
 * Matches invisible characters that change how a text reads: control characters, including the escape character of
 * terminal colours, and characters that change the direction of a text or have no width.
 */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- it searches for them
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** Replaces invisible characters in a text of a model or a tool by their code points. */
export function toVisible(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(HIDDEN, toName);
}

function toName(character: string): string {
  const code = character.codePointAt(0)!;
  // The first 32 have pictures, such as ␛.
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}
