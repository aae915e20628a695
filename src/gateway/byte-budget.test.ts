import { expect, test } from 'vitest';
import { createByteBudget } from './byte-budget.ts';

test('a claim grows up to the rest of the budget, and released bytes can be claimed again', () => {
  const budget = createByteBudget(10);
  const [first, second] = [budget.claim(), budget.claim()];
  expect(first.raiseTo(6)).toBe(true);
  expect(first.raiseTo(4)).toBe(true);
  expect(second.raiseTo(5)).toBe(false);
  expect(second.raiseTo(4)).toBe(true);
  expect(first.raiseTo(7)).toBe(false);
  first.release();
  expect(second.raiseTo(10)).toBe(true);
});

test('a part of a budget has its own limit, and all parts together have the limit of the whole', () => {
  const whole = createByteBudget(10);
  const [first, second] = [createByteBudget(6, whole).claim(), createByteBudget(6, whole).claim()];
  expect(first.raiseTo(7)).toBe(false);
  expect(first.raiseTo(6)).toBe(true);
  expect(second.raiseTo(5)).toBe(false);
  expect(second.raiseTo(4)).toBe(true);
  first.release();
  expect(second.raiseTo(6)).toBe(true);
});
