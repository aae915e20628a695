import { expect, it } from 'vitest';
import { askPrices } from '../scripts/upstream/ask-prices.ts';
import { findPriceFaults, toPriceLines } from '../scripts/upstream/price-lines.ts';
import { ALIASES } from '../src/core/model-names.ts';
import { MODEL_PRICES } from '../src/core/model-prices.ts';

it('Claude Code charges the prices that ceilings and the ledger count with, and means the same models by its aliases', async () => {
  const models = [...MODEL_PRICES.keys(), ...ALIASES.keys(), 'a-model-that-nobody-knows'];
  const { prices } = await askPrices(models);
  expect(findPriceFaults(prices)).toEqual([]);
  const lines = toPriceLines(prices);
  expect(lines).toHaveLength(models.length);
  expect(lines).toContain(
    'claude-haiku-5-5: input $0.1, output $0.5, cache read $0.01, cache write $0.125, input of a long prompt $0.5',
  );
  expect(lines.at(-1)).toContain('(a guess)');
}, 180_000);

it('a price that differs is a fault, and so is a price that the list lacks', () => {
  const usage = { inputTokens: 10_000, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
  const asked = (model: string, usd: number, requested = model) => ({ model, requested, usage, usd, isListed: true });
  expect(findPriceFaults([asked('claude-sonnet-5', 0.02)])).toEqual([]);
  expect(findPriceFaults([asked('claude-sonnet-5', 0.03)])).toEqual([
    expect.stringContaining('claude-sonnet-5 costs $0.03'),
  ]);
  expect(findPriceFaults([asked('claude-sonnet-9', 0.02)])).toEqual([
    'claude-sonnet-9 has a price, and MODEL_PRICES has none',
  ]);
  expect(findPriceFaults([asked('opus', 0.04, 'claude-opus-6')])).toEqual([
    'opus means claude-opus-6, and ALIASES says claude-opus-5-5',
  ]);
});
