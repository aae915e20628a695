import { describe, expect, it } from 'vitest';
import { toTerminalJson, toTerminalLine, toTerminalText } from './terminal-text.ts';

/** Every character that must not reach a terminal unchanged. */
const COMMANDING = [
  ...range(0x00, 0x08),
  ...range(0x0b, 0x1f),
  ...range(0x7f, 0x9f),
  ...range(0x202a, 0x202e),
  ...range(0x2066, 0x2069),
];

describe('text on a terminal', () => {
  it('escapes every character that could control the terminal', () => {
    for (const character of COMMANDING) {
      const shown = toTerminalText(`a${character}b`);
      expect(shown).toMatch(/^a\\(r|x[0-9a-f]{2}|u[0-9a-f]{4})b$/);
    }
  });

  it('shows an escape sequence instead of executing it', () => {
    expect(toTerminalText('\x1b[2J\x1b]0;owned\x07')).toBe('\\x1b[2J\\x1b]0;owned\\x07');
    expect(toTerminalText('user\u202egpj.exe')).toBe('user\\u202egpj.exe');
  });

  it('keeps ordinary text: line breaks, tabs, accents, emoji, other scripts', () => {
    const text = 'Grüße\tan\nalle 🚛👨‍👩‍👧 שלום 你好';
    expect(toTerminalText(text)).toBe(text);
  });

  it('treats CR LF as a line break and shows a lone CR', () => {
    expect(toTerminalText('a\r\nb\rc')).toBe('a\nb\\rc');
  });

  it('puts a text on one line', () => {
    expect(toTerminalLine('  two\r\n\tlines\u2028and \x1b more ')).toBe('two lines and \\x1b more');
  });

  it('writes JSON that a program reads unchanged and a terminal does not execute', () => {
    const value = { text: COMMANDING.join('') };
    const json = toTerminalJson(value);
    expect(JSON.parse(json)).toEqual(value);
    for (const character of COMMANDING) expect(json).not.toContain(character);
  });
});

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
}
