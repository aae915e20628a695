import type { ModelNames } from '../core/model-names.ts';
import type { Micros } from '../core/money.ts';
import { ownCostOf, type PriceOverrides } from '../core/price-table.ts';
import { costOf, overriddenPriceOf, priceOf, type BillableUsage } from '../core/pricing.ts';
import { addUsage, NO_USAGE, type TokenUsage } from '../core/usage.ts';
import type { AnswerUsage } from './answer-usage.ts';

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
  /** The names it was asked for by, where they are others than that it answered with. */
  readonly requestedModels: readonly string[];
  /** Whether the configuration sets its price. */
  readonly isPriceSet: boolean;
}

/** What one model used for an answer, with what that costs. */
export interface PricedAnswer extends BillableUsage {
  readonly model: string;
  readonly isEstimated: boolean;
  readonly thinkingTokens?: number | null;
  readonly costMicros: Micros;
  readonly ownCostMicros: Micros | null;
  readonly isPriceKnown: boolean;
  readonly isPriceSet: boolean;
  /** As the agent's process asked for it; null for a model that it did not ask for. */
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
 * Each answer is priced by itself: a tier of a price may depend on its size. `asked` is what its model was asked for
 * by: first as the provider was asked for it, last as the agent's process did.
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

/** `metered` with one more answer in it, or what one model used for it. */
export function addAnswer(metered: Metered, answer: PricedAnswer): Metered {
  // The name is the provider's, or the process's: `constructor` is one, too.
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
