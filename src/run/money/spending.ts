import type { Micros } from '../../core/money.ts';
import { head, toStorable } from '../../core/text.ts';
import { addUsage, NO_USAGE, type ModelUsage, type TokenUsage } from '../../core/usage.ts';

/** An attempt's spending by model, as one source reports it. */
export interface Spending {
  readonly costMicros: Micros;
  readonly models: Readonly<Record<string, ModelUsage>>;
}

/** Far above what any attempt can use; far below the numbers where sums stop being exact. */
const MOST = { tokens: 1e12, costUsd: 1e6, names: 20, nameLength: 200 };

/**
 * Makes figures that the database accepts from anything a provider or an executable reports: whole numbers of tokens
 * and micro-dollars, never negative and never infinite.
 */
export function toSound({ costMicros, models }: Spending): Spending {
  return {
    costMicros: Math.round(clamp(costMicros, MOST.costUsd * 1e6)),
    models: Object.fromEntries(
      Object.entries(models).map(([model, usage]) => [toSoundName(model), toSoundUsage(usage)]),
    ),
  };
}

function toSoundUsage(usage: ModelUsage): ModelUsage {
  const { requestedModels = [] } = usage;
  return {
    inputTokens: toSoundTokens(usage.inputTokens),
    outputTokens: toSoundTokens(usage.outputTokens),
    cacheReadTokens: toSoundTokens(usage.cacheReadTokens),
    cacheCreationTokens: toSoundTokens(usage.cacheCreationTokens),
    costUsd: toSoundUsd(usage.costUsd),
    ...(usage.cacheCreation1hTokens !== undefined && {
      cacheCreation1hTokens: toSoundTokens(usage.cacheCreation1hTokens),
    }),
    ...(usage.webSearches !== undefined && { webSearches: toSoundTokens(usage.webSearches) }),
    ...(typeof usage.thinkingTokens === 'number' && { thinkingTokens: toSoundTokens(usage.thinkingTokens) }),
    ...(typeof usage.ownCostUsd === 'number' && { ownCostUsd: toSoundUsd(usage.ownCostUsd) }),
    ...(requestedModels.length > 0 && { requestedModels: requestedModels.slice(0, MOST.names).map(toSoundName) }),
    ...(usage.isEstimated === true && { isEstimated: true }),
    ...(usage.isPriceSet === true && { isPriceSet: true }),
    ...(usage.isCostBasisUnknown === true && { isCostBasisUnknown: true }),
  };
}

/** Cleans a model name: it comes from a provider, like everything here. */
function toSoundName(model: string): string {
  return toStorable(head(model, MOST.nameLength));
}

function toSoundTokens(tokens: number): number {
  return Math.round(clamp(tokens, MOST.tokens));
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

/** Adds two, model by model: a run's attempts so far and one more. */
export function addModels(a: Spending['models'], b: Spending['models']): Record<string, ModelUsage> {
  const sum: Record<string, ModelUsage> = { ...a };
  for (const [model, usage] of Object.entries(b)) {
    const before = Object.hasOwn(sum, model) ? sum[model] : undefined;
    const costUsd = Math.round(((before?.costUsd ?? 0) + usage.costUsd) * 1_000_000) / 1_000_000;
    sum[model] = { ...addUsage(before ?? NO_USAGE, usage), costUsd };
  }
  return sum;
}
