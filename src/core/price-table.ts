import { calcPrice } from '@pydantic/genai-prices';
import { toPlainModelName, withoutDate, type ModelNames } from './model-names.ts';
import { US_INFERENCE_FACTOR } from './model-prices.ts';
import { toMicros, type Micros } from './money.ts';
import { costAt, overriddenPriceOf, type BillableUsage, type PriceOverrides, type SamplingUsage } from './pricing.ts';

export type { PriceOverrides } from './pricing.ts';

/**
 * Returns the cost of one answer of `model` by a second, independently maintained price table: in whole micro-dollars,
 * or null when the table has no price for the model or for the way it was used. Never an estimate, so that a difference
 * to `costOf` is meaningful. The table is bundled with its package: nothing is fetched.
 */
export function ownCostOf(
  model: string | ModelNames,
  usage: BillableUsage,
  overrides: PriceOverrides = {},
): Micros | null {
  const overridden = overriddenPriceOf(model, overrides);
  if (overridden !== null) return costAt(overridden, usage);
  // The table has no price for fast mode, which is up to six times the usual price.
  if (usage.isFast === true) return null;
  // By the name in the answer alone: there the provider has already resolved a profile or an alias.
  const name = toTableName(typeof model === 'string' ? model : model[0]);
  if (name === null) return null;
  const tokens = sumUp((usage.samplings ?? [usage]).map((sampling) => priceAt(name, toTokens(sampling))));
  // Separate, because the location of inference makes tokens more expensive, but not searches.
  const searches = (usage.webSearches ?? 0) === 0 ? 0 : priceAt(name, { web_searches: usage.webSearches ?? 0 });
  if (tokens === null || searches === null) return null;
  return toMicros(tokens * (usage.isUsOnly === true ? US_INFERENCE_FACTOR : 1) + searches);
}

/** The facts about a model that the table has beside its price. */
export interface TableModel {
  /** Its name for people; null: the table has none. */
  readonly name: string | null;
  /** Most tokens of a prompt; null: the table does not say. */
  readonly contextTokens: number | null;
  readonly isDeprecated: boolean;
}

/** Describes a model by the second table; null when that does not know it. */
export function describeModel(model: string): TableModel | null {
  const name = toTableName(model);
  const known = name === null ? undefined : find(name, {})?.model;
  if (known === undefined) return null;
  return {
    name: known.name ?? null,
    contextTokens: known.context_window ?? null,
    isDeprecated: known.deprecated === true,
  };
}

function sumUp(parts: readonly (number | null)[]): number | null {
  return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0);
}

/** Returns a price in USD; null when the table lacks a price for something that was used. */
function priceAt(name: string, usage: Readonly<Record<string, number>>): number | null {
  const found = find(name, usage);
  if (found === null) return null;
  // The table leaves items without a price out of the sum.
  if ((usage['web_searches'] ?? 0) > 0 && found.model_price['web_searches_kcount'] === undefined) return null;
  return found.total_price;
}

/** The table counts every token of the prompt as input, and separately how many of them were cached. */
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
/** Names come from outside: an endless stream of new names must not stay in memory. */
const MOST_NAMES = 1_000;

/**
 * Returns the name of `model` in the table, or null when the table does not know it. The table matches by prefix, and
 * gives `claude-sonnet-5-5` the price of `claude-sonnet-5`: a match counts only when nothing but a date is left over.
 */
function toTableName(model: string): string | null {
  const known = tableNames.get(model);
  if (known !== undefined) return known;
  const name = toPlainModelName(model);
  const matched = find(name, {})?.model.id.replace(/-latest$/, '');
  const undated = withoutDate(name);
  // The table lists `claude-opus-4` as `claude-opus-4-0`.
  const isSame = matched !== undefined && (matched === undated || matched === `${undated}-0`);
  if (tableNames.size >= MOST_NAMES) tableNames.clear();
  tableNames.set(model, isSame ? name : null);
  return isSame ? name : null;
}

function find(name: string, usage: Readonly<Record<string, number>>): ReturnType<typeof calcPrice> {
  try {
    return calcPrice({ ...usage }, name, { providerId: 'anthropic' });
  } catch {
    // The table throws for counts that make no sense; they have no price.
    return null;
  }
}
