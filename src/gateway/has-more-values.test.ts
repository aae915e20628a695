import { expect, test } from 'vitest';
import { hasMoreValues } from './has-more-values.ts';

const has = (json: string, most: number) => hasMoreValues(Buffer.from(json), most);

test('values are counted at any depth, and not within texts', () => {
  expect(has('{"a":[1,2,3]}', 4)).toBe(false);
  expect(has('{"a":[1,2,3]}', 3)).toBe(true);
  expect(has('[[[[[]]]]]', 4)).toBe(true);
  expect(has(JSON.stringify({ text: ',[{,[{\\",[{"\\\\' }), 1)).toBe(false);
  expect(has('{"text":"not closed ,,,,', 1)).toBe(false);
});
