import type { Micros } from '../core/money.ts';
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
  /** False when a model without a list price was used; its tokens are priced as Claude Code prices an unknown model. */
  readonly isPriceKnown: boolean;
}

export interface MeteredModel extends TokenUsage {
  readonly costMicros: Micros;
  /** Whether an answer broke off before its final count, so that part of this is our estimate. */
  readonly isEstimated: boolean;
}

/** What one answer has used so far. */
export interface AnswerUsage extends BillableUsage {
  readonly model: string;
  readonly isEstimated: boolean;
}

export const NOTHING_METERED: Metered = {
  requestCount: 0,
  models: {},
  usage: NO_USAGE,
  costMicros: 0,
  isPriceKnown: true,
};

/** `metered` with one more answer in it. Each answer is priced by itself: a tier of a price may depend on its size. */
export function addAnswer(metered: Metered, answer: AnswerUsage): Metered {
  const costMicros = costOf(answer.model, answer);
  // The name is the provider's, or the process's: `constructor` is one, too.
  const known = Object.hasOwn(metered.models, answer.model) ? metered.models[answer.model] : undefined;
  const before = known ?? { ...NO_USAGE, costMicros: 0, isEstimated: false };
  return {
    requestCount: metered.requestCount,
    models: {
      ...metered.models,
      [answer.model]: {
        ...addUsage(before, answer),
        costMicros: before.costMicros + costMicros,
        isEstimated: before.isEstimated || answer.isEstimated,
      },
    },
    usage: addUsage(metered.usage, answer),
    costMicros: metered.costMicros + costMicros,
    isPriceKnown: metered.isPriceKnown && priceOf(answer.model) !== null,
  };
}
