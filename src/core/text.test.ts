import { describe, expect, it } from 'vitest';
import { countCharacters, findUnstorable, head, tail, splitText, toStorable } from './text.ts';

describe('text', () => {
  it('is cut without cutting a character in two', () => {
    expect(head('ab🎉cd', 4)).toBe('ab…');
    expect(head('ab🎉cd', 5)).toBe('ab🎉…');
    expect(tail('ab🎉cd', 3)).toBe('cd');
    expect(tail('ab🎉cd', 4)).toBe('🎉cd');
    expect(head('short', 5)).toBe('short');
    expect(tail('short', 5)).toBe('short');
  });

  it('is split into pieces that make the whole again', () => {
    expect(splitText('ab🎉cd', 3)).toEqual(['ab', '🎉c', 'd']);
    expect(splitText('', 3)).toEqual(['']);
    expect(splitText('abc', 3)).toEqual(['abc']);
  });

  it('counts an emoji as one character', () => {
    expect(countCharacters('a🎉é')).toBe(3);
  });

  it('names unstorable characters, and replaces them in text that may not be rejected', () => {
    expect(findUnstorable('fine 🎉')).toBeNull();
    expect(findUnstorable('a\0')).toBe('NUL character');
    expect(findUnstorable('\ud83c')).toBe('lone surrogate');
    expect(toStorable('a\0\ud83cb🎉')).toBe('a\uFFFD\uFFFDb🎉');
  });
});
