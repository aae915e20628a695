/** Tokens by the four classes that a provider bills. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
}

/** Usage and cost of one model within one attempt. */
export interface ModelUsage extends TokenUsage {
  /** USD, at most 6 decimals. */
  readonly costUsd: number;
  /** Part of `cacheCreationTokens` that was written for an hour; the rest was for 5 minutes. */
  readonly cacheCreation1hTokens?: number;
  /** Part of `outputTokens` that was thinking; null when the provider did not report it. */
  readonly thinkingTokens?: number | null;
  readonly webSearches?: number;
  /** Cost by an independently maintained price table, in USD; null when it has no price. */
  readonly ownCostUsd?: number | null;
  /** Names that the model was requested by, if they differ from its own. Defaults to none. */
  readonly requestedModels?: readonly string[];
  /**
   * True when a part of this is an estimate: an answer was interrupted before the provider had counted it. Defaults to
   * false.
   */
  readonly isEstimated?: boolean;
  /** True when the configuration sets the price. Defaults to false. */
  readonly isPriceSet?: boolean;
  /** True when the cost is a guess of a reporter that knows no price for the model. Defaults to false. */
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

/** Far above the usage of any call, far below the point where sums and prices become inexact. */
const MOST_TOKENS = 10_000_000_000;

/** Converts a reported token count to a number that can be summed and priced: a whole number from 0 to 1e10. */
export function toTokenCount(value: unknown): number {
  if (typeof value !== 'number' || !(value > 0)) return 0;
  return Math.min(Math.round(value), MOST_TOKENS);
}
