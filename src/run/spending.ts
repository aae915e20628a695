import type { Micros } from '../core/money.ts';
import { overriddenPriceOf, type PriceOverrides } from '../core/pricing.ts';
import { head, toStorable } from '../core/text.ts';
import { addUsage, NO_USAGE, type ModelUsage, type TokenUsage } from '../core/usage.ts';

/** What an attempt spent, by model, as one source tells it. */
export interface Spending {
  readonly costMicros: Micros;
  readonly models: Readonly<Record<string, ModelUsage>>;
}

/**
 * What an attempt is charged for, of what the gateway metered and what the Agent SDK reported. Each of them
 * can miss spending (the SDK when its process is killed, the gateway when an answer breaks off before its
 * count) and neither invents any, so the larger is the nearer to the truth. Where the configuration sets the price of a
 * model that was used, only the gateway's count goes by it.
 */
export function chooseSpending(metered: Spending, reported: Spending | null, prices: PriceOverrides = {}): Spending {
  if (Object.keys(metered.models).some((model) => overriddenPriceOf(model, prices) !== null)) return metered;
  return reported !== null && reported.costMicros >= metered.costMicros ? reported : metered;
}

/** Far above what any attempt can use; far below where sums stop being exact. */
const MOST = { tokens: 1e12, costUsd: 1e6 };

/**
 * Figures as the database takes them, whatever a provider or an executable has reported: whole numbers of tokens and
 * micro-dollars, none below zero, none without end.
 */
export function toSound({ costMicros, models }: Spending): Spending {
  return {
    costMicros: Math.round(clamp(costMicros, MOST.costUsd * 1e6)),
    models: Object.fromEntries(
      Object.entries(models).map(([model, usage]) => [
        // A provider's word, as everything here.
        toStorable(head(model, 200)),
        {
          inputTokens: Math.round(clamp(usage.inputTokens, MOST.tokens)),
          outputTokens: Math.round(clamp(usage.outputTokens, MOST.tokens)),
          cacheReadTokens: Math.round(clamp(usage.cacheReadTokens, MOST.tokens)),
          cacheCreationTokens: Math.round(clamp(usage.cacheCreationTokens, MOST.tokens)),
          costUsd: toSoundUsd(usage.costUsd),
          ...(usage.cacheCreation1hTokens !== undefined && {
            cacheCreation1hTokens: Math.round(clamp(usage.cacheCreation1hTokens, MOST.tokens)),
          }),
          ...(usage.webSearches !== undefined && { webSearches: Math.round(clamp(usage.webSearches, MOST.tokens)) }),
          ...(typeof usage.thinkingTokens === 'number' && {
            thinkingTokens: Math.round(clamp(usage.thinkingTokens, MOST.tokens)),
          }),
          ...(typeof usage.ownCostUsd === 'number' && { ownCostUsd: toSoundUsd(usage.ownCostUsd) }),
        },
      ]),
    ),
  };
}

function toSoundUsd(usd: number): number {
  return Math.round(clamp(usd, MOST.costUsd) * 1e6) / 1e6;
}

function clamp(value: number, most: number): number {
  return Number.isNaN(value) ? 0 : Math.min(Math.max(value, 0), most);
}

export function totalUsage({ models }: Spending): TokenUsage {
  return Object.values(models).reduce<TokenUsage>(addUsage, NO_USAGE);
}

/** The sum of two, model by model: of a run's attempts so far and one more. */
export function addModels(a: Spending['models'], b: Spending['models']): Record<string, ModelUsage> {
  const sum: Record<string, ModelUsage> = { ...a };
  for (const [model, usage] of Object.entries(b)) {
    const before = Object.hasOwn(sum, model) ? sum[model] : undefined;
    const costUsd = Math.round(((before?.costUsd ?? 0) + usage.costUsd) * 1_000_000) / 1_000_000;
    sum[model] = { ...addUsage(before ?? NO_USAGE, usage), costUsd };
  }
  return sum;
}
