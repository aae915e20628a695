import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeValue, isDeeperThan, toFieldErrors } from './validation.ts';

/** Schemas without our own rules. */
const schema = z.strictObject({
  text: z.string().min(2).max(3).optional(),
  list: z.array(z.int()).max(1).optional(),
  count: z.number().min(1).max(2).optional(),
  flag: z.boolean().optional(),
  names: z.record(z.string().min(1), z.number()).optional(),
  group: z.strictObject({ inner: z.strictObject({}) }).optional(),
  choice: z.enum(['a', 'b']).optional(),
  either: z.union([z.string(), z.number()]).optional(),
  when: z.iso.datetime().optional(),
});

test.each([
  [null, '', 'must be an object; received null'],
  [{ text: 1 }, 'text', 'must be a string; received 1'],
  [{ text: 'x' }, 'text', 'must have at least 2 characters; received "x"'],
  [{ text: 'xxxx' }, 'text', 'must have at most 3 characters; received "xxxx"'],
  [{ list: {} }, 'list', 'must be a list; received {}'],
  [{ list: [1.5] }, 'list.0', 'must be a whole number; received 1.5'],
  [{ list: [1, 2] }, 'list', 'must have at most 1 items; received [1,2]'],
  [{ count: Number.NaN }, 'count', 'must be a number; received NaN'],
  [{ count: 0 }, 'count', 'must be at least 1; received 0'],
  [{ count: 3 }, 'count', 'must be at most 2; received 3'],
  [{ flag: 'yes' }, 'flag', 'must be true or false; received "yes"'],
  [{ names: [] }, 'names', 'must be an object; received []'],
  [{ names: { '': 1 } }, 'names.', 'must have at least 1 characters'],
  [{ group: null }, 'group', 'must be an object; received null'],
  [{ group: {} }, 'group.inner', 'is required (must be an object)'],
  [{ group: { inner: { x: 1 } } }, 'group.inner.x', 'is not a known field'],
  [{ choice: 'c' }, 'choice', 'must be one of "a", "b"; received "c"'],
  [{ either: null }, 'either', 'is not allowed; received null'],
  [{ when: 'now' }, 'when', 'is not allowed; received "now"'],
])('%j is rejected in our words, with the value received once', (input, path, message) => {
  expect(toFieldErrors(schema.safeParse(input).error!, input)).toEqual([{ path, message }]);
});

test('describes and measures a value of any depth', () => {
  const depth = 200_000;
  const deep: unknown = JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  expect(describeValue(deep)).toBe('an array of 1');
  expect(isDeeperThan(deep, depth - 1)).toBe(true);
  expect(isDeeperThan(deep, depth)).toBe(false);
  expect(isDeeperThan([{}, 'text', null, { a: [] }], 2)).toBe(true);
  expect(isDeeperThan([{}, 'text', null, { a: [] }], 3)).toBe(false);
  expect(isDeeperThan('text', 0)).toBe(false);
});
