import { expect, test } from 'vitest';
import { describeContent } from './tool-result-text.ts';

test('a long result is cut before a key that would be cut in two', () => {
  const key = `lh_${'k'.repeat(43)}`;
  const before = `${'word '.repeat(1_580)}key: `;
  for (const room of [1, 20, 45]) {
    const start = ' '.repeat(8_000 - room - before.length) + before;
    expect(describeContent(`${start}${key} and more`)).toEqual({ content: start, isTruncated: true });
  }
  const whole = ' '.repeat(8_000 - key.length - before.length) + before + key;
  expect(describeContent(`${whole} and more`)).toEqual({ content: whole, isTruncated: true });
});
