import type { Micros } from '../core/money.ts';
import { addUsage, NO_USAGE, type ModelUsage, type TokenUsage } from '../core/usage.ts';

/** What an attempt spent, by model, as one source tells it. */
export interface Spending {
  readonly costMicros: Micros;
  readonly models: Readonly<Record<string, ModelUsage>>;
}

/**
 * What an attempt is charged for, of what the gateway metered and what the Agent SDK reported. Each of them
 * can miss spending (the SDK when its process is killed, the gateway when an answer breaks off before its
 * count) and neither invents any, so the larger is the nearer to the truth.
 */
export function chooseSpending(metered: Spending, reported: Spending | null): Spending {
  return reported !== null && reported.costMicros >= metered.costMicros ? reported : metered;
}

export function totalUsage({ models }: Spending): TokenUsage {
  return Object.values(models).reduce<TokenUsage>(addUsage, NO_USAGE);
}

/** The sum of two, model by model: of a run's attempts so far and one more. */
export function addModels(a: Spending['models'], b: Spending['models']): Record<string, ModelUsage> {
  const sum: Record<string, ModelUsage> = { ...a };
  for (const [model, usage] of Object.entries(b)) {
    const before = sum[model];
    const costUsd = Math.round(((before?.costUsd ?? 0) + usage.costUsd) * 1_000_000) / 1_000_000;
    sum[model] = { ...addUsage(before ?? NO_USAGE, usage), costUsd };
  }
  return sum;
}
