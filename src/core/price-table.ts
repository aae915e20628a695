import { calcPrice } from '@pydantic/genai-prices';
import { toPlainModelName, withoutDate, type ModelNames } from './model-names.ts';
import { US_INFERENCE_FACTOR } from './model-prices.ts';
import { toMicros, type Micros } from './money.ts';
import { costAt, overriddenPriceOf, type BillableUsage, type PriceOverrides, type SamplingUsage } from './pricing.ts';

export type { PriceOverrides } from './pricing.ts';

/**
 * What one answer of `model` cost by a second price table, that others keep: in whole micro-dollars, or null when no
 * price is known for the model or for the way it was used. Never an estimate, so that a difference to `costOf` means
 * something. The table is the one bundled with its package: nothing is fetched.
 */
export function ownCostOf(
  model: string | ModelNames,
  usage: BillableUsage,
  overrides: PriceOverrides = {},
): Micros | null {
  const overridden = overriddenPriceOf(model, overrides);
  if (overridden !== null) return costAt(overridden, usage);
  // The table knows no price for fast mode, which is up to six times the usual one.
  if (usage.isFast === true) return null;
  // By the answer's own name alone: what a profile or an alias stood for, the provider has said with it.
  const name = toTableName(typeof model === 'string' ? model : model[0]);
  if (name === null) return null;
  const tokens = sumUp((usage.samplings ?? [usage]).map((sampling) => priceAt(name, toTokens(sampling))));
  // Apart: where inference runs makes the tokens dearer, not the searches.
  const searches = (usage.webSearches ?? 0) === 0 ? 0 : priceAt(name, { web_searches: usage.webSearches ?? 0 });
  if (tokens === null || searches === null) return null;
  return toMicros(tokens * (usage.isUsOnly === true ? US_INFERENCE_FACTOR : 1) + searches);
}

function sumUp(parts: readonly (number | null)[]): number | null {
  return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0);
}

/** In USD; null when the table has no price for something that was used. */
function priceAt(name: string, usage: Readonly<Record<string, number>>): number | null {
  const found = find(name, usage);
  if (found === null) return null;
  // What it has no price for, it leaves out of the sum.
  if ((usage['web_searches'] ?? 0) > 0 && found.model_price['web_searches_kcount'] === undefined) return null;
  return found.total_price;
}

/** The table counts every token of the prompt as input, and then says which of them were cached. */
function toTokens(usage: SamplingUsage): Record<string, number> {
  const cacheWrite1hTokens = Math.min(usage.cacheCreation1hTokens ?? 0, usage.cacheCreationTokens);
  return {
    input_tokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheCreationTokens,
    cache_write_5m_tokens: usage.cacheCreationTokens - cacheWrite1hTokens,
    cache_write_1h_tokens: cacheWrite1hTokens,
    output_tokens: usage.outputTokens,
  };
}

const tableNames = new Map<string, string | null>();
/** Names come from outside: an endless stream of new ones must not stay in memory. */
const MOST_NAMES = 1_000;

/**
 * `model` as the table is to be asked for it, or null when it does not know it. It matches by how a name begins, and
 * gives `claude-sonnet-5-5` the price of `claude-sonnet-5`: a match counts only when what it leaves over is a date.
 */
function toTableName(model: string): string | null {
  const known = tableNames.get(model);
  if (known !== undefined) return known;
  const name = toPlainModelName(model);
  const matched = find(name, {})?.model.id.replace(/-latest$/, '');
  const undated = withoutDate(name);
  // `claude-opus-4` stands in it as `claude-opus-4-0`.
  const isSame = matched !== undefined && (matched === undated || matched === `${undated}-0`);
  if (tableNames.size >= MOST_NAMES) tableNames.clear();
  tableNames.set(model, isSame ? name : null);
  return isSame ? name : null;
}

function find(name: string, usage: Readonly<Record<string, number>>): ReturnType<typeof calcPrice> {
  try {
    return calcPrice({ ...usage }, name, { providerId: 'anthropic' });
  } catch {
    // Counts it cannot make sense of have no price.
    return null;
  }
}
