import { expect, test } from 'vitest';
import { NO_USAGE } from '../core/usage.ts';
import type { AnswerUsage } from './answer-usage.ts';
import { addAnswer, NOTHING_METERED, priceAnswer, type Metered } from './metered.ts';

const add = (...answers: Partial<AnswerUsage>[]): Metered =>
  answers
    .flatMap((answer) => {
      const usage = { ...NO_USAGE, model: 'claude-sonnet-4-5', isEstimated: false, ...answer };
      return priceAnswer(usage, { asked: [usage.model], overrides: {} });
    })
    .reduce(addAnswer, NOTHING_METERED);

test('thinking is added up as far as the provider reports it', () => {
  expect(add({}, {}).thinkingTokens).toBeNull();
  expect(add({ thinkingTokens: 7 }, { thinkingTokens: null }, {}, { thinkingTokens: 5 })).toMatchObject({
    thinkingTokens: 12,
    models: { 'claude-sonnet-4-5': { thinkingTokens: 12 } },
  });
  expect(add({ thinkingTokens: 0 }).thinkingTokens).toBe(0);
});

test('an answer without a second price leaves only its model and the total without one', () => {
  const metered = add(
    { inputTokens: 1_000 },
    { model: 'claude-opus-4-8', inputTokens: 1_000 },
    { model: 'claude-opus-4-8', inputTokens: 1_000, isFast: true },
    { model: 'claude-opus-4-8', inputTokens: 1_000 },
  );
  expect(metered).toMatchObject({
    costMicros: 23_000,
    ownCostMicros: null,
    isPriceKnown: true,
    models: {
      'claude-sonnet-4-5': { costMicros: 3_000, ownCostMicros: 3_000 },
      'claude-opus-4-8': { costMicros: 20_000, ownCostMicros: null },
    },
  });
});

test('each answer is priced in the tier of its prompt', () => {
  const metered = add({ inputTokens: 150_000 }, { inputTokens: 150_000 });
  expect(metered.ownCostMicros).toBe(900_000);
});
