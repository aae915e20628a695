import { expect, test } from 'vitest';
import { toTokenCount } from './usage.ts';

test.each([
  [0, 0],
  [1_234, 1_234],
  [12.5, 13],
  [0.4, 0],
  [-1, 0],
  [-0, 0],
  [1e10, 1e10],
  [1e10 + 1, 1e10],
  [1e300, 1e10],
  [Infinity, 1e10],
  [-Infinity, 0],
  [Number.NaN, 0],
  ['100', 0],
  [null, 0],
  [undefined, 0],
  [{}, 0],
])('a reported count of %s tokens is taken as %i', (value, count) => {
  expect(toTokenCount(value)).toBe(count);
});
