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

it('has one entry for each model, under one name, and adds up to what is charged', () => {
  const entries = toEntries({
    metered: {
      costMicros: 900,
      models: {
        'claude-sonnet-4-5-20250929': { ...tokens, costUsd: 0.0005, ownCostUsd: 0.0004 },
        'my-model': { ...tokens, costUsd: 0.0004, ownCostUsd: null },
      },
    },
    reported: {
      costMicros: 1_001,
      models: {
        'claude-sonnet-4-5': { ...tokens, costUsd: 0.0006 },
        'my-model': { ...tokens, costUsd: 0.0004 },
      },
    },
  });
  expect(costs(entries)).toEqual([
    ['claude-sonnet-4-5', 601, 600, 400],
    ['my-model', 400, 400, null],
  ]);
});

it('has an entry without a model for an attempt that asked none', () => {
  const entries = toEntries({ metered: { costMicros: 0, models: {} }, reported: null });
  expect(costs(entries)).toEqual([[null, 0, null, null]]);
});

it('charges by the price that was set, and compares it with no other', () => {
  const entries = toEntries(
    {
      metered: { costMicros: 10, models: { 'my-model': { ...tokens, costUsd: 0.00001, ownCostUsd: 0.00001 } } },
      reported: { costMicros: 500, models: { 'my-model': { ...tokens, costUsd: 0.0005 } } },
    },
    { 'my-model': { inputUsdPerMTok: 1, outputUsdPerMTok: 1 } },
  );
  expect(costs(entries)).toEqual([['my-model', 10, null, 10]]);
});
