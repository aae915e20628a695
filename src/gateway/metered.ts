import type { ModelNames } from '../core/model-names.ts';
import type { Micros } from '../core/money.ts';
import { ownCostOf, type PriceOverrides } from '../core/price-table.ts';
import { costOf, overriddenPriceOf, priceOf, type BillableUsage } from '../core/pricing.ts';
import { addUsage, NO_USAGE, type TokenUsage } from '../core/usage.ts';
import type { AnswerUsage } from './answer-usage.ts';

/** The usage of an attempt so far, from the provider's own answers. */
export interface Metered {
  /** Number of requests for an answer that were sent to the provider. */
  readonly requestCount: number;
  /** By the model id in the provider's answers. */
  readonly models: Readonly<Record<string, MeteredModel>>;
  readonly usage: TokenUsage;
  readonly costMicros: Micros;
  /** By an independently maintained price table; null as soon as it lacks a price for one answer. */
  readonly ownCostMicros: Micros | null;
  readonly cacheCreation1hTokens: number;
  readonly thinkingTokens: number | null;
  readonly webSearches: number;
  /**
   * False when a model without a list price was used; its tokens are priced like Claude Code prices an unknown model.
   */
  readonly isPriceKnown: boolean;
}

export interface MeteredModel extends TokenUsage {
  readonly costMicros: Micros;
  /** By an independently maintained price table; null as soon as it lacks a price for one answer. */
  readonly ownCostMicros: Micros | null;
  /** Part of `cacheCreationTokens` that was written for an hour. */
  readonly cacheCreation1hTokens: number;
  /** Part of `outputTokens` that was thinking, as far as the provider reported it; null when it reported none. */
  readonly thinkingTokens: number | null;
  readonly webSearches: number;
  /** True when an answer broke off before its final count, so that part of this is our estimate. */
  readonly isEstimated: boolean;
  /** Names that the model was requested by, if they differ from the name in its answers. */
  readonly requestedModels: readonly string[];
  /** True when the configuration sets the price. */
  readonly isPriceSet: boolean;
}

/** The usage of one model for an answer, with its cost. */
export interface PricedAnswer extends BillableUsage {
  readonly model: string;
  readonly isEstimated: boolean;
  readonly thinkingTokens?: number | null;
  readonly costMicros: Micros;
  readonly ownCostMicros: Micros | null;
  readonly isPriceKnown: boolean;
  readonly isPriceSet: boolean;
  /** The name requested by the agent's process; null for a model that it did not request. */
  readonly requestedModel: string | null;
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

/**
 * Prices one answer. Each answer is priced separately, because a tier of a price may depend on its size. `asked`: the
 * names of its model, first the one requested from the provider, last the one requested by the agent's process.
 */
export function priceAnswer(
  { others = [], isInputUnknown: _, ...answer }: AnswerUsage,
  { asked, overrides }: { asked: ModelNames; overrides: PriceOverrides },
): PricedAnswer[] {
  const { isFast = false, isUsOnly = false, isLongContext = false, isEstimated } = answer;
  const price = (usage: BillableUsage & Pick<AnswerUsage, 'model' | 'isEstimated'>, names: ModelNames) => ({
    ...usage,
    costMicros: costOf(names, usage, overrides),
    ownCostMicros: ownCostOf(names, usage, overrides),
    isPriceKnown: priceOf(names, overrides) !== null,
    isPriceSet: overriddenPriceOf(names, overrides) !== null,
  });
  const requestedModel = asked.at(-1) ?? null;
  return [
    { ...price(answer, [answer.model, ...asked]), requestedModel },
    ...others.map(({ model, ...usage }) => {
      const isOwn = model === answer.model;
      const billable = { ...usage, model, isEstimated, isFast: isFast && isOwn, isUsOnly, isLongContext };
      return { ...price(billable, isOwn ? [model, ...asked] : [model]), requestedModel: isOwn ? requestedModel : null };
    }),
  ];
}

/** Returns `metered` with the usage of one model for an answer added. */
export function addAnswer(metered: Metered, answer: PricedAnswer): Metered {
  // The name comes from the provider or the process, so it may be `constructor`.
  const before = Object.hasOwn(metered.models, answer.model) ? metered.models[answer.model] : undefined;
  const { requestedModel } = answer;
  const requestedModels = before?.requestedModels ?? [];
  const isNew = requestedModel !== null && requestedModel !== answer.model && !requestedModels.includes(requestedModel);
  return {
    ...addSums(metered, answer),
    requestCount: metered.requestCount,
    models: {
      ...metered.models,
      [answer.model]: {
        ...addUsage(before ?? NO_USAGE, answer),
        ...addSums(before ?? NO_SUMS, answer),
        isEstimated: before?.isEstimated === true || answer.isEstimated,
        requestedModels: isNew ? [...requestedModels, requestedModel] : requestedModels,
        isPriceSet: before?.isPriceSet === true || answer.isPriceSet,
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
