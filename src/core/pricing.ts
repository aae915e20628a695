import { toMicros, type Micros } from './money.ts';
import type { TokenUsage } from './usage.ts';

/**
 * List prices of the models this build of Claude Code knows. Source: the price table inside Claude Code
 * 2.1.330 (Agent SDK 0.3.330), confirmed by running it against a loopback model that reported a million
 * tokens of one class at a time and reading `total_cost_usd`. Estimates of what a provider bills, not the bill.
 */
const MODEL_PRICES: Readonly<Record<string, Price>> = {
  'claude-3-5-haiku': list({ input: 0.8, output: 4 }),
  'claude-haiku-4-5': list({ input: 1, output: 5 }),
  'claude-haiku-5-5': {
    ...list({ input: 0.1, output: 0.5 }),
    longPrompt: { aboveTokens: 100_000, ...list({ input: 0.5, output: 2.5 }) },
  },
  'claude-3-5-sonnet': list({ input: 3, output: 15 }),
  'claude-3-7-sonnet': list({ input: 3, output: 15 }),
  'claude-sonnet-4': list({ input: 3, output: 15 }),
  'claude-sonnet-4-5': list({ input: 3, output: 15 }),
  'claude-sonnet-4-6': list({ input: 3, output: 15 }),
  'claude-sonnet-5': list({ input: 2, output: 10 }),
  'claude-sonnet-5-5': list({ input: 2, output: 10, cacheRead: 0.1 }),
  'claude-opus-4': list({ input: 15, output: 75 }),
  'claude-opus-4-1': list({ input: 15, output: 75 }),
  'claude-opus-4-5': list({ input: 5, output: 25 }),
  'claude-opus-4-6': { ...list({ input: 5, output: 25 }), fast: list({ input: 30, output: 150 }) },
  'claude-opus-4-7': { ...list({ input: 5, output: 25 }), fast: list({ input: 30, output: 150 }) },
  'claude-opus-4-8': { ...list({ input: 5, output: 25 }), fast: list({ input: 10, output: 50 }) },
  'claude-opus-5': { ...list({ input: 5, output: 25 }), fast: list({ input: 10, output: 50 }) },
  'claude-opus-5-5': {
    ...list({ input: 4, output: 20, cacheRead: 0.2 }),
    fast: list({ input: 8, output: 40, cacheRead: 0.4 }),
  },
  'claude-fable-5': list({ input: 10, output: 50 }),
  'claude-fable-5-1': list({ input: 10, output: 50, cacheRead: 0.25 }),
  'claude-fable-5-2': {
    ...list({ input: 8, output: 40, cacheRead: 0.2 }),
    fast: list({ input: 16, output: 80, cacheRead: 0.4 }),
  },
  'claude-mythos-5': list({ input: 10, output: 50 }),
  'claude-mythos-5-1': list({ input: 10, output: 50, cacheRead: 0.25 }),
  'claude-mythos-5-2': {
    ...list({ input: 8, output: 40, cacheRead: 0.2 }),
    fast: list({ input: 16, output: 80, cacheRead: 0.4 }),
  },
};

/** What the same build resolves a bare family name to when the provider is Anthropic. */
const ALIASES: Readonly<Record<string, string>> = {
  haiku: 'claude-haiku-5-5',
  sonnet: 'claude-sonnet-5-5',
  opus: 'claude-opus-5-5',
  fable: 'claude-fable-5-2',
  best: 'claude-opus-5-5',
  default: 'claude-opus-5-5',
};

/** What the same build charges for a model it does not know. */
const UNKNOWN_MODEL_PRICE: Price = list({ input: 4, output: 20, cacheRead: 0.2 });

/** Micro-dollars each. The same for every model. */
export const WEB_SEARCH_PRICE: Micros = toMicros(0.01);

/** Asking that inference stay in the United States costs this factor on tokens; measured, $3.00 became $3.30. */
export const US_INFERENCE_FACTOR = 1.1;

/** Micro-dollars per million tokens, by class. */
export interface TokenPrice {
  readonly inputTokens: Micros;
  readonly outputTokens: Micros;
  readonly cacheReadTokens: Micros;
  /** Writing to the prompt cache for 5 minutes. */
  readonly cacheWrite5mTokens: Micros;
  /** Writing to the prompt cache for an hour. */
  readonly cacheWrite1hTokens: Micros;
}

/** What a model costs. */
export interface Price extends TokenPrice {
  /** Holds for the whole answer when the prompt, cached parts included, has more tokens than `aboveTokens`. */
  readonly longPrompt?: TokenPrice & { readonly aboveTokens: number };
  /** Holds when the answer was made in fast mode. */
  readonly fast?: TokenPrice;
}

/** The tokens of one answer with all that its price depends on. */
export interface BillableUsage extends TokenUsage {
  /** How many of `cacheCreationTokens` were written for an hour; the rest was for 5 minutes. Defaults to 0. */
  readonly cacheCreation1hTokens?: number;
  /** Defaults to 0. */
  readonly webSearches?: number;
  /** Defaults to false. */
  readonly isFast?: boolean;
  /** Whether inference was bound to the United States. Defaults to false. */
  readonly isUsOnly?: boolean;
}

/** Prices that replace the known ones, by model id: as the provider names it, or without its date. */
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
 * The price of a model, its override's before the list's, or null when neither is known. Takes what Claude Code takes:
 * `claude-sonnet-4-5`, dated (`-20250929`), with `[1m]`, as Bedrock and Vertex spell it, and a bare family name such as
 * `sonnet`.
 */
export function priceOf(model: string, overrides: PriceOverrides = {}): Price | null {
  const name = model.toLowerCase();
  return (
    overriddenPriceOf(model, overrides) ??
    MODEL_PRICES[ALIASES[name.replace('[1m]', '')] ?? toListedName(name) ?? ''] ??
    null
  );
}

/** What one answer of `model` cost, in whole micro-dollars. A model without a price costs the unknown's price. */
export function costOf(model: string, usage: BillableUsage, overrides: PriceOverrides = {}): Micros {
  return costAt(priceOf(model, overrides) ?? UNKNOWN_MODEL_PRICE, usage);
}

/** What one answer cost at `whole`, in whole micro-dollars. */
export function costAt(whole: Price, usage: BillableUsage): Micros {
  const price = tokenPriceOf(whole, usage);
  const cacheWrite1hTokens = Math.min(usage.cacheCreation1hTokens ?? 0, usage.cacheCreationTokens);
  const tokens =
    usage.inputTokens * price.inputTokens +
    usage.outputTokens * price.outputTokens +
    usage.cacheReadTokens * price.cacheReadTokens +
    (usage.cacheCreationTokens - cacheWrite1hTokens) * price.cacheWrite5mTokens +
    cacheWrite1hTokens * price.cacheWrite1hTokens;
  const factor = usage.isUsOnly === true ? US_INFERENCE_FACTOR : 1;
  return Math.round((tokens / 1_000_000) * factor + (usage.webSearches ?? 0) * WEB_SEARCH_PRICE);
}

/**
 * The most a call can be charged that any of `models` may answer, before it is known what it uses: class by class the
 * dearest of the tiers that may hold. Fast mode holds only where it was asked for; inference in the United States may
 * be the account's choice.
 */
export function dearestPriceOf(
  models: readonly string[],
  { isFast, overrides = {} }: { isFast: boolean; overrides?: PriceOverrides | undefined },
): TokenPrice {
  const tiers = models.flatMap((model): TokenPrice[] => {
    const price = priceOf(model, overrides) ?? UNKNOWN_MODEL_PRICE;
    return [price, price.longPrompt ?? price, isFast ? (price.fast ?? price) : price];
  });
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

/** What the owner of the installation says a model costs, or null. */
export function overriddenPriceOf(model: string, overrides: PriceOverrides): Price | null {
  const plain = toPlainModelName(model);
  const name = [model, plain, withoutDate(plain)].find((candidate) => Object.hasOwn(overrides, candidate));
  const override = name === undefined ? undefined : overrides[name];
  if (override === undefined) return null;
  const { inputUsdPerMTok: input, outputUsdPerMTok: output, cacheReadUsdPerMTok: cacheRead } = override;
  const price = list({ input, output, ...(cacheRead === undefined ? {} : { cacheRead }) });
  return {
    ...price,
    cacheWrite5mTokens: toMicros(override.cacheWriteUsdPerMTok ?? input * 1.25),
    cacheWrite1hTokens: toMicros(override.cacheWrite1hUsdPerMTok ?? input * 2),
  };
}

/**
 * A model's own name, as Anthropic spells it: without `[1m]` and `-latest`, and without what Bedrock
 * (`us.anthropic.…-v1:0`) and Vertex (`…@20250929`) put around it. A date stays.
 */
export function toPlainModelName(model: string): string {
  const name = model.toLowerCase().replace('[1m]', '').replace('@', '-');
  const start = name.indexOf('claude-');
  return (start === -1 ? name : name.slice(start))
    .replace(/-(latest|default)$/, '')
    .replace(/-v\d+(:\d+)?(?=-\d{8}$|$)/, '');
}

/** The one name by which we know a model: a family name resolved, without date, and as in `toPlainModelName`. */
export function toModelKey(model: string): string {
  const plain = toPlainModelName(model);
  return withoutDate((Object.hasOwn(ALIASES, plain) ? ALIASES[plain] : undefined) ?? plain);
}

export function withoutDate(name: string): string {
  return name.replace(/-\d{8}$/, '');
}

function tokenPriceOf(price: Price, usage: BillableUsage): TokenPrice {
  if (usage.isFast === true && price.fast !== undefined) return price.fast;
  const promptTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens;
  const { longPrompt } = price;
  return longPrompt !== undefined && promptTokens > longPrompt.aboveTokens ? longPrompt : price;
}

/**
 * The longest listed name within `name`. Digits may follow only as a date: `claude-sonnet-5-20300101` is
 * `claude-sonnet-5`, while `claude-sonnet-5-9` is another model, whose price nobody told us.
 */
function toListedName(name: string): string | undefined {
  return LISTED_NAMES.find((listed) => {
    const start = name.indexOf(listed);
    return start !== -1 && !/^-?\d{1,4}(?!\d)/.test(name.slice(start + listed.length));
  });
}

const LISTED_NAMES = Object.keys(MODEL_PRICES).sort((a, b) => b.length - a.length);

/** A price from USD per million tokens. A cache read is a tenth of the input's price unless said otherwise. */
function list({
  input,
  output,
  cacheRead = input / 10,
}: {
  input: number;
  output: number;
  cacheRead?: number;
}): TokenPrice {
  return {
    inputTokens: toMicros(input),
    outputTokens: toMicros(output),
    cacheReadTokens: toMicros(cacheRead),
    cacheWrite5mTokens: toMicros(input * 1.25),
    cacheWrite1hTokens: toMicros(input * 2),
  };
}
