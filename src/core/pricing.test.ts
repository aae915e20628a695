import { describe, expect, test } from 'vitest';
import { costOf, priceOf } from './pricing.ts';
import { NO_USAGE } from './usage.ts';

const MILLION = 1_000_000;

describe('priceOf', () => {
  test.each([
    ['claude-sonnet-4-5', 3],
    ['claude-sonnet-4-5-20250929', 3],
    ['claude-sonnet-4-5[1m]', 3],
    ['claude-sonnet-4-5@20250929', 3],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 3],
    ['CLAUDE-SONNET-4-5-latest', 3],
    ['claude-sonnet-4-20250514', 3],
    ['claude-sonnet-5', 2],
    ['claude-sonnet-5-5', 2],
    ['claude-haiku-4-5-20251001', 1],
    ['claude-opus-4-20250514', 15],
    ['claude-opus-4-8', 5],
    ['claude-fable-5', 10],
    ['sonnet', 2],
    ['opus[1m]', 4],
  ])('knows the input price of %s', (model, usd) => {
    expect(priceOf(model)?.inputTokens).toBe(usd * MILLION);
  });

  test.each(['', 'my-model', 'claude-sonnet-9', 'claude-sonnet-5-9', 'constructor'])(
    'knows no price of %j',
    (model) => {
      expect(priceOf(model)).toBeNull();
    },
  );
});

describe('costOf', () => {
  test('adds up every class as Claude Code does', () => {
    const usage = {
      inputTokens: 1_000,
      outputTokens: 500,
      cacheReadTokens: 10_000,
      cacheCreationTokens: 3_000,
      cacheCreation1hTokens: 2_000,
      webSearches: 2,
    };
    expect(costOf('claude-sonnet-4-5', usage)).toBe(49_250);
  });

  test('prices a model nobody knows as Claude Code does', () => {
    expect(costOf('my-model', { ...NO_USAGE, inputTokens: MILLION })).toBe(4 * MILLION);
    expect(costOf('my-model', { ...NO_USAGE, cacheReadTokens: MILLION })).toBe(0.2 * MILLION);
  });

  test('charges a long prompt, fast mode and inference bound to the United States at their own price', () => {
    expect(costOf('claude-haiku-5-5', { ...NO_USAGE, inputTokens: 50_000, outputTokens: 1_000 })).toBe(5_500);
    expect(costOf('claude-haiku-5-5', { ...NO_USAGE, inputTokens: MILLION })).toBe(0.5 * MILLION);
    expect(costOf('claude-opus-4-8', { ...NO_USAGE, inputTokens: MILLION, isFast: true })).toBe(10 * MILLION);
    expect(costOf('claude-sonnet-4-5', { ...NO_USAGE, inputTokens: MILLION, isUsOnly: true })).toBe(3.3 * MILLION);
  });

  test('is a whole number of micro-dollars', () => {
    expect(costOf('claude-haiku-4-5', { ...NO_USAGE, cacheReadTokens: 7 })).toBe(1);
  });
});
