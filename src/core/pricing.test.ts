import { describe, expect, test } from 'vitest';
import { toPlainModelName } from './model-names.ts';
import { costOf, dearestPriceOf, mergePrices, priceOf } from './pricing.ts';
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
    ['claude-opus-4-0', 15],
    ['claude-sonnet-4-0', 3],
  ])('knows the input price of %s', (model, usd) => {
    expect(priceOf(model)?.inputTokens).toBe(usd * MILLION);
  });

  test.each(['', 'my-model', 'claude-sonnet-9', 'claude-sonnet-5-9', 'constructor'])('has no price for %j', (model) => {
    expect(priceOf(model)).toBeNull();
  });
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

  test('prices an unknown model like Claude Code', () => {
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

describe('an override', () => {
  const overrides = {
    'claude-sonnet-4-5': { inputUsdPerMTok: 1, outputUsdPerMTok: 2 },
    'claude-opus-4-8-20260101': { inputUsdPerMTok: 7, outputUsdPerMTok: 8, cacheWriteUsdPerMTok: 9 },
    'Home-Made': { inputUsdPerMTok: 0, outputUsdPerMTok: 0 },
  };

  test.each([
    ['claude-sonnet-4-5', 1],
    ['claude-sonnet-4-5-20250929', 1],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 1],
    ['claude-sonnet-4-5@20250929', 1],
    ['claude-sonnet-4-5[1m]', 1],
    ['claude-sonnet-4-6', 3],
    ['claude-opus-4-8-20260101', 7],
    ['claude-opus-4-8', 5],
    ['Home-Made', 0],
  ])('prices %s at %i', (model, usd) => {
    expect(priceOf(model, overrides)?.inputTokens).toBe(usd * MILLION);
  });

  test('does not apply to a model that merely begins alike, or has an unknown name', () => {
    expect(priceOf('home-made-2', overrides)).toBeNull();
    expect(priceOf('constructor', overrides)).toBeNull();
  });

  test('sets the omitted classes in the usual proportion to the input', () => {
    const usage = {
      ...NO_USAGE,
      cacheReadTokens: MILLION,
      cacheCreationTokens: 2 * MILLION,
      cacheCreation1hTokens: MILLION,
    };
    expect(costOf('claude-sonnet-4-5', usage, overrides)).toBe(0.1 * MILLION + 1.25 * MILLION + 2 * MILLION);
    expect(costOf('claude-opus-4-8-20260101', usage, overrides)).toBe(0.7 * MILLION + 9 * MILLION + 14 * MILLION);
  });
});

describe('prices by name', () => {
  const profile = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
  const arn = 'arn:aws:bedrock:us-east-1:1:application-inference-profile/abc';
  const answered = 'claude-sonnet-4-5-20250929';
  const at = (usd: number) => ({ inputUsdPerMTok: usd, outputUsdPerMTok: usd });

  test.each([
    [[answered, profile], 4],
    [[answered, profile, `${profile}[1m]`], 4],
    [[answered, `${profile}[1m]`], 4],
    [[answered, arn, 'claude-sonnet-4-5'], 5],
    [[answered, 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0'], 2],
    [[answered, 'anthropic.claude-sonnet-4-5-20250929-v1:0'], 2],
    [[answered], 2],
  ] as const)('of a profile apply to that profile alone: %j costs $%i', (names, usd) => {
    const overrides = { 'claude-sonnet-4-5': at(2), [profile]: at(4), [arn]: at(5) };
    expect(priceOf([...names], overrides)?.inputTokens).toBe(usd * MILLION);
  });

  test.each([
    ['claude-sonnet-5-5', 'sonnet', 9],
    ['claude-sonnet-4-5', 'sonnet[1m]', 9],
    ['claude-haiku-4-5', 'sonnet', 1],
    ['claude-haiku-4-5', 'claude-sonnet-5-5', 1],
    ['home-made', 'sonnet', 9],
  ])('of the family apply to its models: %s, requested as %s, costs $%i', (name, asked, usd) => {
    expect(priceOf([name, asked], { sonnet: at(9) })?.inputTokens).toBe(usd * MILLION);
  });

  test('of a profile leave other places at the list price', () => {
    expect(priceOf([answered, 'eu.anthropic.claude-sonnet-4-5-v1:0'], { [profile]: at(4) })?.inputTokens).toBe(
      3 * MILLION,
    );
  });
});

describe('mergePrices', () => {
  const at = (usd: number) => ({ inputUsdPerMTok: usd, outputUsdPerMTok: usd });

  test.each([
    ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929'],
    ['claude-sonnet-4-5', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
    ['claude-sonnet-5-5', 'sonnet'],
    ['my-model', 'my-model'],
  ])('prefers the own price of %s to the common one of %s', (own, base) => {
    const merged = mergePrices({ [base]: at(1) }, { [own]: at(7) });
    expect(priceOf(base, merged)?.inputTokens).toBe(7 * MILLION);
  });

  test('keeps the common prices of models without their own price', () => {
    const profile = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
    const merged = mergePrices(
      { 'claude-opus-4-8': at(1), [profile]: at(2), 'claude-sonnet-4-5': at(3) },
      { 'claude-sonnet-4-5-20250929': at(7) },
    );
    expect(priceOf('claude-opus-4-8', merged)?.inputTokens).toBe(MILLION);
    expect(priceOf(profile, merged)?.inputTokens).toBe(2 * MILLION);
    expect(priceOf('claude-sonnet-4-5', merged)?.inputTokens).toBe(3 * MILLION);
    expect(priceOf('claude-sonnet-4-5-20250929', merged)?.inputTokens).toBe(7 * MILLION);
  });
});

describe('dearestPriceOf', () => {
  test.each([
    ['claude-sonnet-4-5', false, 16.5],
    ['claude-haiku-5-5', false, 2.75],
    ['claude-opus-4-6', false, 27.5],
    ['claude-opus-4-6', true, 165],
    ['my-model', false, 82.5],
    ['my-model', true, 165],
    ['claude-opus-4-0', false, 82.5],
  ])('of %s (fast: %s) is the dearest tier that may apply', (model, isFast, usd) => {
    expect(dearestPriceOf([model], { isFast }).outputTokens).toBe(usd * MILLION);
  });

  test('of several models is the price of the dearest, by its override if it has one', () => {
    const overrides = { 'claude-opus-4-8': { inputUsdPerMTok: 50, outputUsdPerMTok: 1 } };
    const price = dearestPriceOf(['claude-sonnet-4-5', 'claude-opus-4-8'], { isFast: false, overrides });
    expect(price).toMatchObject({ inputTokens: 55 * MILLION, outputTokens: 16.5 * MILLION });
  });
});

test.each([
  ['claude-sonnet-4-5[1m]', 'claude-sonnet-4-5'],
  ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5-20250929'],
  ['arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-opus-4-8-v1', 'claude-opus-4-8'],
  ['claude-3-5-sonnet-v2@20241022', 'claude-3-5-sonnet-20241022'],
  ['claude-opus-4-8@default', 'claude-opus-4-8'],
  ['Claude-3-5-Haiku-Latest', 'claude-3-5-haiku'],
  ['my-model', 'my-model'],
])('%s is %s by its own name', (spelled, plain) => {
  expect(toPlainModelName(spelled)).toBe(plain);
});
