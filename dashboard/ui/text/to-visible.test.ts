import { describe, expect, it } from 'vitest';
import { cpuTimeOf } from '../../cpu-time.fixture.ts';
import { toVisible } from './to-visible.ts';

describe('texts of models and tools', () => {
  it('show characters that change the direction, color the text or are invisible', () => {
    expect(toVisible('a\u202Egpj.exe')).toBe('a⟨U+202E⟩gpj.exe');
    expect(toVisible('\u001B[31mred\u001B[0m')).toBe('␛[31mred␛[0m');
    expect(toVisible('a\u200Bb\u{E0041}c\u0000')).toBe('a⟨U+200B⟩b⟨U+E0041⟩c␀');
  });

  it('leaves lines, tabs and every script as they are', () => {
    const text = 'שלום\tمرحبا\n日本語 👩‍👩‍👧 é';
    expect(toVisible(text)).toBe(text);
    expect(toVisible('a\r\nb')).toBe('a\nb');
  });

  it('takes time that grows with the text and no more', () => {
    const text = '\u001B'.repeat(500_000);
    expect(cpuTimeOf(() => expect(toVisible(text)).toHaveLength(500_000))).toBeLessThan(1_500);
  });
});
