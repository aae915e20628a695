import { describe, expect, test } from 'vitest';
import { ownCostOf } from './price-table.ts';
import { costOf } from './pricing.ts';
import { NO_USAGE } from './usage.ts';

const MILLION = 1_000_000;
const SHORT = { ...NO_USAGE, inputTokens: 100_000 };

describe('ownCostOf', () => {
  test('adds up every class, as the list price does', () => {
    const usage = {
      inputTokens: 1_000,
      outputTokens: 500,
      cacheReadTokens: 10_000,
      cacheCreationTokens: 3_000,
      cacheCreation1hTokens: 2_000,
      webSearches: 2,
    };
    expect(ownCostOf('claude-sonnet-4-5', usage)).toBe(49_250);
    expect(ownCostOf('claude-sonnet-4-5', usage)).toBe(costOf('claude-sonnet-4-5', usage));
    expect(ownCostOf('claude-sonnet-4-5', { ...usage, isUsOnly: true })).toBe(29_250 * 1.1 + 20_000);
  });

  test('charges the whole answer at the tier that its prompt is in, cached parts included', () => {
    const usage = { ...NO_USAGE, inputTokens: 100_000, outputTokens: 1_000, cacheReadTokens: 100_000 };
    expect(ownCostOf('claude-sonnet-4-5', usage)).toBe(345_000);
    expect(ownCostOf('claude-sonnet-4-5', { ...usage, cacheReadTokens: 100_001 })).toBe(682_501);
  });

  test.each([
    ['claude-sonnet-4-5-20250929', 300_000],
    ['claude-sonnet-4-5[1m]', 300_000],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 300_000],
    ['claude-sonnet-4-5@20250929', 300_000],
    ['claude-sonnet-4-20250514', 300_000],
    ['claude-opus-4', 1_500_000],
    ['claude-opus-4-8', 500_000],
    ['claude-opus-5-5', 400_000],
    ['claude-3-5-haiku-20241022', 80_000],
    ['claude-3-5-sonnet-v2@20241022', 300_000],
    ['claude-sonnet-5-20300101', 200_000],
  ])('knows %s', (model, micros) => {
    expect(ownCostOf(model, SHORT)).toBe(micros);
  });

  // The package itself gives the second to fifth model the price of another model.
  test.each([
    '',
    'claude-sonnet-5-5',
    'claude-sonnet-5-9',
    'claude-opus-4-12',
    'claude-haiku-4-5-turbo',
    'claude-sonnet-9',
    'my-model',
    'gpt-5',
    'sonnet',
    'constructor',
    '__proto__',
  ])('has no price for %j, the second time as well', (model) => {
    expect(ownCostOf(model, SHORT)).toBeNull();
    expect(ownCostOf(model, SHORT)).toBeNull();
  });

  test('has no price for fast mode, and for searches by a model without a search price', () => {
    expect(ownCostOf('claude-opus-4-8', { ...SHORT, isFast: true })).toBeNull();
    expect(ownCostOf('claude-3-haiku-20240307', SHORT)).toBe(25_000);
    expect(ownCostOf('claude-3-haiku-20240307', { ...SHORT, webSearches: 1 })).toBeNull();
  });

  test('prefers an override to its table', () => {
    const overrides = {
      'claude-sonnet-4-5': { inputUsdPerMTok: 1, outputUsdPerMTok: 2 },
      'my-model': { inputUsdPerMTok: 4, outputUsdPerMTok: 5, cacheReadUsdPerMTok: 6 },
    };
    const usage = { ...SHORT, outputTokens: MILLION, webSearches: 1 };
    expect(ownCostOf('claude-sonnet-4-5-20250929', usage, overrides)).toBe(2_110_000);
    expect(ownCostOf('my-model', { ...SHORT, cacheReadTokens: MILLION }, overrides)).toBe(6_400_000);
    expect(ownCostOf('other', SHORT, overrides)).toBeNull();
  });
});
