import { ALIASES } from '../../src/core/model-names.ts';
import { costOf, priceOf } from '../../src/core/pricing.ts';
import { USAGES, type AskedPrice } from './ask-prices.ts';

const CLASSES = ['input', 'output', 'cache read', 'cache write', 'input of a long prompt'];

/** Returns a line for each model with its prices, in dollars for a million tokens. */
export function toPriceLines(prices: readonly AskedPrice[]): string[] {
  return [...Map.groupBy(prices, ({ model }) => model)].map(([model, asked]) => {
    const { requested, isListed } = asked[0]!;
    const name = requested === model ? model : `${model} → ${requested}`;
    const each = asked.map(({ usd, usage }) => {
      const tokens = Object.values(usage).reduce((sum, count) => sum + count, 0);
      return `${CLASSES[USAGES.indexOf(usage)]} $${Number(((usd / tokens) * 1_000_000).toFixed(6))}`;
    });
    return `${name}: ${each.join(', ')}${isListed ? '' : ' (a guess)'}`;
  });
}

/** Returns the differences between Claude Code's prices and aliases and those in `src/core`. */
export function findPriceFaults(prices: readonly AskedPrice[]): string[] {
  const faults = prices.flatMap((asked) => {
    const { model, requested, usage, usd, isListed } = asked;
    // A name that Claude Code sends unchanged is an alias only for the provider.
    if (requested !== model && requested !== ALIASES.get(model)) {
      return [`${model} means ${requested}, and ALIASES says ${ALIASES.get(model) ?? 'nothing'}`];
    }
    if (isListed && priceOf(model) === null) return [`${model} has a price, and MODEL_PRICES has none`];
    const micros = costOf(model, usage);
    if (micros === Math.round(usd * 1_000_000)) return [];
    return [`${model} costs $${usd} for ${JSON.stringify(usage)}, and Longhaul counts $${micros / 1_000_000}`];
  });
  return [...new Set(faults)];
}
