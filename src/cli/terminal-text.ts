/**
 * Every character that can make a terminal do something other than show a character: the C0 controls except line feed
 * and tab, DEL, the C1 controls, and the characters that change the direction of writing, which can disguise a text. A
 * carriage return before a line feed is part of the line break.
 */
// oxlint-disable-next-line no-control-regex
const COMMANDING = /\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Makes text from outside safe for a terminal: control characters are escaped, for example as `\x1b`. */
export function toTerminalText(text: string): string {
  return text.replace(COMMANDING, spell).replaceAll('\r\n', '\n');
}

/** Does the same, on one line: line breaks and other white space become single spaces. */
export function toTerminalLine(text: string): string {
  return toTerminalText(text.replace(/\s+/g, ' ').trim());
}

/** Formats a value as one line of JSON that a program reads unchanged and that has no effect on a terminal. */
export function toTerminalJson(value: unknown): string {
  // JSON itself escapes the C0 controls.
  return JSON.stringify(value).replace(COMMANDING, (character) => `\\u${toHex(character, 4)}`);
}

function spell(character: string): string {
  if (character === '\r') return '\\r';
  return character < '\u0100' ? `\\x${toHex(character, 2)}` : `\\u${toHex(character, 4)}`;
}

function toHex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
