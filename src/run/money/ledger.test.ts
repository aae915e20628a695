import { expect, it } from 'vitest';
import { toEntries } from './ledger.ts';

const tokens = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheCreationTokens: 0 };
const costs = (entries: ReturnType<typeof toEntries>) =>
  entries.map(({ model, cost_micros, sdk_cost_micros, own_cost_micros }) => [
    model,
    cost_micros,
    sdk_cost_micros,
    own_cost_micros,
  ]);

it('has one entry for each model, and adds up to the charge', () => {
  const entries = toEntries({
    costMicros: 1_001,
    models: {
      'claude-sonnet-4-5': { ...tokens, costUsd: 0.0006, ownCostUsd: 0.0004, sdkCostMicros: 700 },
      'my-model': { ...tokens, costUsd: 0.0004, ownCostUsd: null, sdkCostMicros: null },
    },
  });
  expect(costs(entries)).toEqual([
    ['claude-sonnet-4-5', 601, 700, 400],
    ['my-model', 400, null, null],
  ]);
});

it('has an entry without a model for an attempt that called none, with its whole charge', () => {
  expect(costs(toEntries({ costMicros: 0, models: {} }))).toEqual([[null, 0, null, null]]);
  expect(costs(toEntries({ costMicros: 700, models: {} }))).toEqual([[null, 700, null, null]]);
});

it('names the requested model, and marks estimates', () => {
  const usage = { ...tokens, costUsd: 0, sdkCostMicros: null, requestedModels: ['sonnet'], isEstimated: true };
  expect(toEntries({ costMicros: 0, models: { 'claude-sonnet-5-5': usage } })).toMatchObject([
    { model: 'claude-sonnet-5-5', requested_models: ['sonnet'], is_estimated: true },
  ]);
});
