import type { Micros } from '../core/money.ts';
import { ownCostOf, type PriceOverrides } from '../core/price-table.ts';
import { priceOf, costOf, type BillableUsage } from '../core/pricing.ts';
import { addUsage, NO_USAGE, type TokenUsage } from '../core/usage.ts';

/** What an attempt has used so far, from the provider's own answers. */
export interface Metered {
  /** Requests for an answer that were sent to the provider. */
  readonly requestCount: number;
  /** By the id the provider answered with. */
  readonly models: Readonly<Record<string, MeteredModel>>;
  readonly usage: TokenUsage;
  readonly costMicros: Micros;
  /** By a second price table, that others keep; null as soon as that has no price for one answer. */
  readonly ownCostMicros: Micros | null;
  readonly cacheCreation1hTokens: number;
  readonly thinkingTokens: number | null;
  readonly webSearches: number;
  /** False when a model without a list price was used; its tokens are priced as Claude Code prices an unknown model. */
  readonly isPriceKnown: boolean;
}

export interface MeteredModel extends TokenUsage {
  readonly costMicros: Micros;
  /** By a second price table, that others keep; null as soon as that has no price for one answer. */
  readonly ownCostMicros: Micros | null;
  /** How many of `cacheCreationTokens` were written for an hour. */
  readonly cacheCreation1hTokens: number;
  /** How many of `outputTokens` were thinking, as far as the provider told; null when it told of none. */
  readonly thinkingTokens: number | null;
  readonly webSearches: number;
  /** Whether an answer broke off before its final count, so that part of this is our estimate. */
  readonly isEstimated: boolean;
}

/** What one answer has used so far. */
export interface AnswerUsage extends BillableUsage {
  readonly model: string;
  readonly isEstimated: boolean;
  /** Null, or not there, when the provider did not say. */
  readonly thinkingTokens?: number | null;
}

/** The same, with what it costs. */
export interface PricedAnswer extends AnswerUsage {
  readonly costMicros: Micros;
  readonly ownCostMicros: Micros | null;
  readonly isPriceKnown: boolean;
}

const NO_SUMS = {
  ...NO_USAGE,
  costMicros: 0,
  ownCostMicros: 0,
  cacheCreation1hTokens: 0,
  thinkingTokens: null,
  webSearches: 0,
};

export const NOTHING_METERED: Metered = {
  requestCount: 0,
  models: {},
  usage: NO_USAGE,
  costMicros: 0,
  ownCostMicros: 0,
  cacheCreation1hTokens: 0,
  thinkingTokens: null,
  webSearches: 0,
  isPriceKnown: true,
};

/** Each answer is priced by itself: a tier of a price may depend on its size. */
export function priceAnswer(answer: AnswerUsage, overrides: PriceOverrides): PricedAnswer {
  return {
    ...answer,
    costMicros: costOf(answer.model, answer, overrides),
    ownCostMicros: ownCostOf(answer.model, answer, overrides),
    isPriceKnown: priceOf(answer.model, overrides) !== null,
  };
}

/** `metered` with one more answer in it. */
export function addAnswer(metered: Metered, answer: PricedAnswer): Metered {
  // The name is the provider's, or the process's: `constructor` is one, too.
  const before = Object.hasOwn(metered.models, answer.model) ? metered.models[answer.model] : undefined;
  return {
    ...addSums(metered, answer),
    requestCount: metered.requestCount,
    models: {
      ...metered.models,
      [answer.model]: {
        ...addUsage(before ?? NO_USAGE, answer),
        ...addSums(before ?? NO_SUMS, answer),
        isEstimated: before?.isEstimated === true || answer.isEstimated,
      },
    },
    usage: addUsage(metered.usage, answer),
    isPriceKnown: metered.isPriceKnown && answer.isPriceKnown,
  };
}

type Sums = Pick<
  MeteredModel,
  'costMicros' | 'ownCostMicros' | 'cacheCreation1hTokens' | 'thinkingTokens' | 'webSearches'
>;

function addSums(before: Sums, answer: PricedAnswer): Sums {
  const { ownCostMicros, thinkingTokens = null } = answer;
  return {
    costMicros: before.costMicros + answer.costMicros,
    ownCostMicros:
      before.ownCostMicros === null || ownCostMicros === null ? null : before.ownCostMicros + ownCostMicros,
    cacheCreation1hTokens: before.cacheCreation1hTokens + (answer.cacheCreation1hTokens ?? 0),
    thinkingTokens: thinkingTokens === null ? before.thinkingTokens : (before.thinkingTokens ?? 0) + thinkingTokens,
    webSearches: before.webSearches + (answer.webSearches ?? 0),
  };
}
