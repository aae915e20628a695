/**
 * What cannot be seen and yet changes what is read: control characters, among them those that begin a terminal's colours,
 * and characters that turn the direction of a text or take no room.
 */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** A text that a model or a tool wrote, with what is hidden in it shown by its number. */
export function toVisible(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(HIDDEN, toName);
}

function toName(character: string): string {
  const code = character.codePointAt(0)!;
  // Pictures of the first 32, such as ␛.
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}
