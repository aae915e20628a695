/**
 * Everything that can make a terminal do something other than show a character: the C0 controls but line feed
 * and tab, DEL, the C1 controls, and what turns the direction of writing around, so that text seems to say
 * what it doesn't. A carriage return before a line feed is part of the line break.
 */
// oxlint-disable-next-line no-control-regex
const COMMANDING = /\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside as it may be written to a terminal: control characters are spelled out, `\x1b` for an escape. */
export function toTerminalText(text: string): string {
  return text.replace(COMMANDING, spell).replaceAll('\r\n', '\n');
}

/** The same on one line: line breaks and other white space become single spaces. */
export function toTerminalLine(text: string): string {
  return toTerminalText(text.replace(/\s+/g, ' ').trim());
}

/** A value as one line of JSON that says the same to a program and does nothing to a terminal. */
export function toTerminalJson(value: unknown): string {
  // JSON escapes the C0 controls by itself.
  return JSON.stringify(value).replace(COMMANDING, (character) => `\\u${toHex(character, 4)}`);
}

function spell(character: string): string {
  if (character === '\r') return '\\r';
  return character < '\u0100' ? `\\x${toHex(character, 2)}` : `\\u${toHex(character, 4)}`;
}

function toHex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
