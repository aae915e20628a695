/** Tokens by the four classes a provider bills for. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
}

/** What one model used and cost within one attempt. */
export interface ModelUsage extends TokenUsage {
  /** USD, at most 6 decimals. */
  readonly costUsd: number;
  /** How many of `cacheCreationTokens` were written for an hour; the rest was for 5 minutes. */
  readonly cacheCreation1hTokens?: number;
  /** How many of `outputTokens` were thinking; null when the provider did not say. */
  readonly thinkingTokens?: number | null;
  readonly webSearches?: number;
  /** What it cost by a price table that others keep, in USD; null when that knows no price. */
  readonly ownCostUsd?: number | null;
  /** The names it was asked for by, where they are others than its own. Defaults to none. */
  readonly requestedModels?: readonly string[];
  /** Whether a part of this is an estimate: an answer was cut before the provider had counted it. Defaults to false. */
  readonly isEstimated?: boolean;
  /** Whether the configuration sets its price. Defaults to false. */
  readonly isPriceSet?: boolean;
  /** Whether its cost is a guess of whoever reports it, who knows no price for it. Defaults to false. */
  readonly isCostBasisUnknown?: boolean;
}

export const NO_USAGE: TokenUsage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };

export function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheCreationTokens: a.cacheCreationTokens + b.cacheCreationTokens,
  };
}

/** Far above what any call can use, far below where sums and prices stop being exact. */
const MOST_TOKENS = 10_000_000_000;

/** A count of tokens as someone else reports it, made one that can be summed and priced: whole, from 0 to 1e10. */
export function toTokenCount(value: unknown): number {
  if (typeof value !== 'number' || !(value > 0)) return 0;
  return Math.min(Math.round(value), MOST_TOKENS);
}
