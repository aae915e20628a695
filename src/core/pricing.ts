import { ALIASES, isOwnModelName, toModelKey, toPlainModelName, type ModelNames } from './model-names.ts';
import {
  list,
  MODEL_PRICES,
  UNKNOWN_MODEL_PRICE,
  US_INFERENCE_FACTOR,
  WEB_SEARCH_PRICE,
  type Price,
  type TokenPrice,
} from './model-prices.ts';
import { toMicros, type Micros } from './money.ts';
import type { TokenUsage } from './usage.ts';

export type { Price, TokenPrice } from './model-prices.ts';

/** The tokens that one sampling of a model used. */
export interface SamplingUsage extends TokenUsage {
  /** Part of `cacheCreationTokens` that was written for an hour; the rest was for 5 minutes. Defaults to 0. */
  readonly cacheCreation1hTokens?: number;
}

/** The tokens of one answer, with everything that its price depends on. */
export interface BillableUsage extends SamplingUsage {
  /** The samplings that make up the tokens: each is priced in the tier of its prompt. Defaults to a single one. */
  readonly samplings?: readonly SamplingUsage[];
  /** Defaults to 0. */
  readonly webSearches?: number;
  /** Defaults to false. */
  readonly isFast?: boolean;
  /** True when the request carried the beta of the long context window. Defaults to false. */
  readonly isLongContext?: boolean;
  /** True when inference was restricted to the United States. Defaults to false. */
  readonly isUsOnly?: boolean;
}

/**
 * Prices that replace the known ones, by any name of a model: an id, dated or not, an alias, a profile or ARN of a
 * cloud. If several match, the most exact one applies.
 */
export type PriceOverrides = Readonly<Record<string, PriceOverride>>;

/** USD per million tokens. */
interface PriceOverride {
  readonly inputUsdPerMTok: number;
  readonly outputUsdPerMTok: number;
  /** Defaults to a tenth of the input's price. */
  readonly cacheReadUsdPerMTok?: number;
  /** Writing to the prompt cache for 5 minutes. Defaults to 1.25 times the input's price. */
  readonly cacheWriteUsdPerMTok?: number;
  /** Writing to the prompt cache for an hour. Defaults to twice the input's price. */
  readonly cacheWrite1hUsdPerMTok?: number;
}

/**
 * Returns the price of a model: its override, else its list price, or null when no name of the model has either.
 * Accepts every name that Claude Code accepts: `claude-sonnet-4-5`, dated (`-20250929`), with `[1m]`, in the spelling
 * of Bedrock and Vertex, and an alias such as `sonnet`.
 */
export function priceOf(model: string | ModelNames, overrides: PriceOverrides = {}): Price | null {
  const names = toNamesOfOne(model);
  const overridden = findOverride(names, overrides);
  if (overridden !== null) return overridden;
  const listed = names.map(listedPriceOf).find((price) => price !== undefined);
  return listed ?? null;
}

/**
 * Returns the cost of one answer of a model, in whole micro-dollars. A model without a price costs the unknown model's
 * price.
 */
export function costOf(model: string | ModelNames, usage: BillableUsage, overrides: PriceOverrides = {}): Micros {
  return costAt(priceOf(model, overrides) ?? UNKNOWN_MODEL_PRICE, usage);
}

/** Returns the cost of one answer at the price `whole`, in whole micro-dollars. */
export function costAt(whole: Price, usage: BillableUsage): Micros {
  const tokens = (usage.samplings ?? [usage]).reduce(
    (sum, sampling) => sum + tokensAt(tierOf(whole, { sampling, usage }), sampling),
    0,
  );
  const factor = usage.isUsOnly === true ? US_INFERENCE_FACTOR : 1;
  return Math.round((tokens / 1_000_000) * factor + (usage.webSearches ?? 0) * WEB_SEARCH_PRICE);
}

interface DearestOptions {
  readonly isFast: boolean;
  readonly isLongContext?: boolean;
  readonly overrides?: PriceOverrides | undefined;
}

/**
 * Returns the most that a call to any of `models` can be charged, before its usage is known: for each class the highest
 * price of the possible tiers. Fast mode and the long context's price apply only if they were requested; inference in
 * the United States may be the account's setting. A model that no list knows counts as any model.
 */
export function dearestPriceOf(models: readonly (string | ModelNames)[], options: DearestOptions): TokenPrice {
  const { overrides = {}, isFast, isLongContext = false } = options;
  const prices = models.flatMap((model) => priceOf(model, overrides) ?? allPrices(overrides));
  const tiers = prices.flatMap((price): TokenPrice[] => [
    price,
    price.longPrompt ?? price,
    isLongContext ? (price.longContext ?? price) : price,
    isFast ? (price.fast ?? price) : price,
  ]);
  const dearest = (of: keyof TokenPrice): Micros =>
    Math.round(Math.max(...tiers.map((tier) => tier[of])) * US_INFERENCE_FACTOR);
  return {
    inputTokens: dearest('inputTokens'),
    outputTokens: dearest('outputTokens'),
    cacheReadTokens: dearest('cacheReadTokens'),
    cacheWrite5mTokens: dearest('cacheWrite5mTokens'),
    cacheWrite1hTokens: dearest('cacheWrite1hTokens'),
  };
}

/** Merges two sets of prices. `own` takes precedence, also where the two spell a model's name differently. */
export function mergePrices(base: PriceOverrides, own: PriceOverrides): PriceOverrides {
  const { plain, undated } = toIndex(own);
  const kept = Object.entries(base).filter(
    ([name]) => !isOwnModelName(name) || !(plain.has(toPlainModelName(name)) || undated.has(toModelKey(name))),
  );
  return { ...Object.fromEntries(kept), ...own };
}

/** Returns the configured price of a model, or null. */
export function overriddenPriceOf(model: string | ModelNames, overrides: PriceOverrides): Price | null {
  return findOverride(toNamesOfOne(model), overrides);
}

function allPrices(overrides: PriceOverrides): Price[] {
  return [...MODEL_PRICES.values(), UNKNOWN_MODEL_PRICE, ...Object.values(overrides).map(toPrice)];
}

/** Aliases for some model of a family; the provider decides which one. */
const FAMILIES = new Set(['haiku', 'sonnet', 'opus', 'fable']);

/**
 * Returns `model`'s names without those of another model. Another model, such as a fallback, may answer a request:
 * names that the list has as two entries are two models.
 */
function toNamesOfOne(model: string | ModelNames): readonly string[] {
  if (typeof model === 'string') return [model];
  const listed = model.map((name) => toListedName(name.toLowerCase()));
  const first = listed.find((name) => name !== undefined);
  return model.filter((name, index) => {
    if (first === undefined || listed[index] !== undefined) return listed[index] === first;
    const plain = toPlainModelName(name);
    return !FAMILIES.has(plain) || first.includes(plain);
  });
}

/**
 * Finds the configured price that matches best. The exact name has priority, and among exact names a profile or an ARN:
 * it stands for one region, which may have its own price. Next comes the model's own name, in any spelling.
 */
function findOverride(names: readonly string[], overrides: PriceOverrides): Price | null {
  const index = toIndex(overrides);
  // `[1m]` does not change the place.
  const places = names.filter((name) => !isOwnModelName(name)).flatMap((name) => [name, name.replace(/\[1m\]$/i, '')]);
  for (const name of [...places, ...names]) {
    const price = index.exact.get(name);
    if (price !== undefined) return price;
  }
  for (const name of names) {
    const price = index.plain.get(toPlainModelName(name)) ?? index.undated.get(toModelKey(name));
    if (price !== undefined) return price;
  }
  return null;
}

interface OverrideIndex {
  readonly exact: ReadonlyMap<string, Price>;
  /** Models' own names only: a price for a profile of one region applies to no other. */
  readonly plain: ReadonlyMap<string, Price>;
  /** Names without a date only: a price for a dated model applies to no other. */
  readonly undated: ReadonlyMap<string, Price>;
}

const indexes = new WeakMap<PriceOverrides, OverrideIndex>();

function toIndex(overrides: PriceOverrides): OverrideIndex {
  const known = indexes.get(overrides);
  if (known !== undefined) return known;
  const prices = Object.entries(overrides).map(([name, override]) => [name, toPrice(override)] as const);
  const plain = prices
    .filter(([name]) => isOwnModelName(name))
    .map(([name, price]) => [toPlainModelName(name), price] as const);
  const index = {
    exact: new Map(prices),
    plain: new Map(plain),
    undated: new Map(
      plain.filter(([name]) => !/-\d{8}$/.test(name)).map(([name, price]) => [ALIASES.get(name) ?? name, price]),
    ),
  };
  indexes.set(overrides, index);
  return index;
}

function toPrice(override: PriceOverride): Price {
  const { inputUsdPerMTok: input, outputUsdPerMTok: output, cacheReadUsdPerMTok: cacheRead } = override;
  return {
    ...list({ input, output, ...(cacheRead === undefined ? {} : { cacheRead }) }),
    cacheWrite5mTokens: toMicros(override.cacheWriteUsdPerMTok ?? input * 1.25),
    cacheWrite1hTokens: toMicros(override.cacheWrite1hUsdPerMTok ?? input * 2),
  };
}

function tierOf(price: Price, { sampling, usage }: { sampling: SamplingUsage; usage: BillableUsage }): TokenPrice {
  if (usage.isFast === true && price.fast !== undefined) return price.fast;
  const promptTokens = sampling.inputTokens + sampling.cacheReadTokens + sampling.cacheCreationTokens;
  const longer = price.longPrompt ?? (usage.isLongContext === true ? price.longContext : undefined);
  return longer !== undefined && promptTokens > longer.aboveTokens ? longer : price;
}

/** Returns a cost in micro-dollars times a million. */
function tokensAt(price: TokenPrice, usage: SamplingUsage): number {
  const cacheWrite1hTokens = Math.min(usage.cacheCreation1hTokens ?? 0, usage.cacheCreationTokens);
  return (
    usage.inputTokens * price.inputTokens +
    usage.outputTokens * price.outputTokens +
    usage.cacheReadTokens * price.cacheReadTokens +
    (usage.cacheCreationTokens - cacheWrite1hTokens) * price.cacheWrite5mTokens +
    cacheWrite1hTokens * price.cacheWrite1hTokens
  );
}

function listedPriceOf(model: string): Price | undefined {
  const name = model.toLowerCase();
  return MODEL_PRICES.get(ALIASES.get(toPlainModelName(name)) ?? toListedName(name) ?? '');
}

/**
 * Returns the longest listed name within `name`. Digits may follow only as a date: `claude-sonnet-5-20300101` is
 * `claude-sonnet-5`, while `claude-sonnet-5-9` is another model, whose price is unknown.
 */
function toListedName(name: string): string | undefined {
  return LISTED_NAMES.find((listed) => {
    const start = name.indexOf(listed);
    return start !== -1 && !/^-?\d{1,4}(?!\d)/.test(name.slice(start + listed.length));
  });
}

const LISTED_NAMES = [...MODEL_PRICES.keys()].sort((a, b) => b.length - a.length);
