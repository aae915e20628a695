import { describe, expect, test } from 'vitest';
import { NO_USAGE } from '../core/usage.ts';
import { toAnswerUsage } from './answer-usage.ts';
import { addAnswer, NOTHING_METERED, priceAnswer, type Metered } from './metered.ts';
import { readUsage } from './read-usage.ts';

const NOTHING = {
  ...NO_USAGE,
  cacheCreation1hTokens: 0,
  thinkingTokens: null,
  webSearches: 0,
  isFast: false,
  isUsOnly: false,
  iterations: [],
};

function meter(usage: object, { model = 'claude-haiku-5-5', isLongContext = false } = {}): Metered {
  const answer = toAnswerUsage(readUsage(NOTHING, usage), { model, isLongContext, isEstimated: false });
  return priceAnswer(answer, { asked: [model], overrides: {} }).reduce(addAnswer, NOTHING_METERED);
}

const message = (inputTokens: number, outputTokens: number, more: object = {}) => ({
  type: 'message',
  input_tokens: inputTokens,
  output_tokens: outputTokens,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  ...more,
});

describe('iterations', () => {
  test('are each priced in the tier of their prompt', () => {
    const iterations = [message(90_000, 100), message(90_000, 100)];
    const usage = { input_tokens: 180_000, output_tokens: 200, iterations };
    // $0.10 and $0.50 a million; $0.50 and $2.50 above 100,000 tokens.
    expect(meter(usage).costMicros).toBe(18_000 + 100);
    expect(meter({ ...usage, iterations: [] }).costMicros).toBe(90_000 + 500);
    expect(meter({ ...usage, iterations: [message(80_000, 0), message(100_001, 200)] }).costMicros).toBe(90_500);
    expect(meter(usage).usage).toMatchObject({ inputTokens: 180_000, outputTokens: 200 });
  });

  test('that do not add up are ignored', () => {
    const usage = { input_tokens: 180_000, output_tokens: 200, iterations: [message(90_000, 100)] };
    expect(meter(usage).costMicros).toBe(90_500);
  });

  test('of an advisor belong to another model, and nothing else counts them', () => {
    const advisor = message(100_000, 10_000, { type: 'advisor_message', model: 'claude-opus-4-8' });
    const metered = meter({ input_tokens: 1_000, output_tokens: 100, iterations: [message(1_000, 100), advisor] });
    expect(metered.models['claude-opus-4-8']).toMatchObject({ inputTokens: 100_000, costMicros: 750_000 });
    expect(metered.models['claude-haiku-5-5']).toMatchObject({ inputTokens: 1_000, costMicros: 150 });
    expect(metered.costMicros).toBe(750_150);
  });

  test('of a summary belong to the answer’s own model, and its counts leave them out', () => {
    const compaction = message(50_000, 2_000, { type: 'compaction' });
    const metered = meter(
      { input_tokens: 1_000, output_tokens: 100, iterations: [compaction, message(1_000, 100)] },
      { model: 'claude-sonnet-4-5' },
    );
    expect(metered.models['claude-sonnet-4-5']).toMatchObject({ inputTokens: 51_000, outputTokens: 2_100 });
    expect(metered.costMicros).toBe(153_000 + 31_500);
  });

  test('of a new kind are added, unless the sum shows that they are included', () => {
    const novelty = message(1_000, 100, { type: 'novelty', model: 'claude-opus-4-8' });
    const usage = { input_tokens: 1_000, output_tokens: 100, iterations: [message(1_000, 100), novelty] };
    expect(meter(usage).costMicros).toBe(150 + 7_500);
    expect(meter({ ...usage, input_tokens: 2_000, output_tokens: 200 }).costMicros).toBe(150 + 7_500);
  });

  test('of a fallback are priced each at the model that wrote them', () => {
    const iterations = [
      message(10_000, 50, { model: 'claude-fable-5' }),
      message(10_000, 100, { type: 'fallback_message', model: 'claude-opus-5' }),
    ];
    const metered = meter({ input_tokens: 20_000, output_tokens: 150, iterations }, { model: 'claude-opus-5' });
    expect(metered.models['claude-fable-5']).toMatchObject({ inputTokens: 10_000, costMicros: 102_500 });
    expect(metered.models['claude-opus-5']).toMatchObject({ inputTokens: 10_000, costMicros: 52_500 });
    expect(metered.usage).toMatchObject({ inputTokens: 20_000, outputTokens: 150 });
  });

  test('under another name than the answer’s are its own if all of them are', () => {
    const iterations = [message(1_000, 0, { model: 'renamed' }), message(1_000, 100, { model: 'renamed' })];
    const metered = meter({ input_tokens: 2_000, output_tokens: 100, iterations });
    expect(Object.keys(metered.models)).toEqual(['claude-haiku-5-5']);
    expect(metered.usage).toMatchObject({ inputTokens: 2_000, outputTokens: 100 });
  });

  test('share the unclaimed writes for an hour', () => {
    const write = (tokens: number, more: object = {}) =>
      message(0, 0, { cache_creation_input_tokens: tokens, ...more });
    const usage = {
      cache_creation_input_tokens: 300,
      cache_creation: { ephemeral_1h_input_tokens: 150, ephemeral_5m_input_tokens: 150 },
      iterations: [write(100), write(100), write(100, { cache_creation: { ephemeral_1h_input_tokens: 0 } })],
    };
    expect(meter(usage).cacheCreation1hTokens).toBe(150);
  });

  test('of any shape break nothing', () => {
    for (const iterations of [7, 'x', [null], [[]], [{ type: 7 }], [{ type: 'message', input_tokens: 'many' }]]) {
      expect(meter({ input_tokens: 1_000, output_tokens: 100, iterations }).costMicros).toBe(150);
    }
  });
});

test('the long context that is a beta has its own price', () => {
  const usage = { input_tokens: 300_000, output_tokens: 1_000 };
  const options = { model: 'claude-sonnet-4-5' };
  expect(meter(usage, options).costMicros).toBe(900_000 + 15_000);
  expect(meter(usage, { ...options, isLongContext: true }).costMicros).toBe(1_800_000 + 22_500);
  expect(meter({ ...usage, input_tokens: 100_000 }, { ...options, isLongContext: true }).costMicros).toBe(315_000);
});
