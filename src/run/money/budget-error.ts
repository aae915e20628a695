import { LonghaulError, type RunErrorCode } from '../../core/errors.ts';
import { formatUsd, toUsd, type Micros } from '../../core/money.ts';
import type { BudgetScope, FullBudget } from './reserve-budget.ts';

const CODES: Readonly<Record<BudgetScope, RunErrorCode>> = {
  user: 'user_budget',
  team: 'team_budget',
  global: 'global_budget',
};

/**
 * Makes the error for a submission that a full budget rejects: 402, with the budget and the time at which it resets.
 */
export function toBudgetError(full: FullBudget, amountMicros: Micros): LonghaulError {
  const { scope, period, capMicros, spentMicros, reservedMicros, resetsAt } = full;
  const owner = scope === 'global' ? 'for all runs together' : `of this ${scope}`;
  const message = `The budget ${owner} is ${formatUsd(capMicros)} a ${period}: ${formatUsd(spentMicros)} are spent, ${formatUsd(reservedMicros)} are reserved for unfinished runs, and this run may cost ${formatUsd(amountMicros)}. The budget resets at ${new Date(resetsAt).toISOString()}; a run with a lower limits.maxBudgetUsd may fit before then.`;
  return new LonghaulError(CODES[scope], {
    message,
    details: {
      budget: {
        scope,
        period,
        limitUsd: toUsd(capMicros),
        spentUsd: toUsd(spentMicros),
        reservedUsd: toUsd(reservedMicros),
        resetsAt: new Date(resetsAt).toISOString(),
      },
    },
    retryAfterSeconds: Math.max(1, (Date.parse(resetsAt) - Date.now()) / 1_000),
  });
}

/**
 * Removes the figures from an error for callers who may not know what others spend: for a team's budget and the global
 * one, the error then only has the time of the reset.
 */
export function withoutFiguresOfOthers(error: unknown): unknown {
  if (!(error instanceof LonghaulError)) return error;
  const budget = error.details['budget'] as { scope: BudgetScope; period: string; resetsAt: string } | undefined;
  if (budget === undefined || budget.scope === 'user') return error;
  const { scope, period, resetsAt } = budget;
  const owner = scope === 'global' ? 'for all runs together' : `of this ${scope}`;
  return new LonghaulError(error.code, {
    message: `This run would exceed the budget ${owner}, which resets at ${resetsAt}. A run with a lower limits.maxBudgetUsd may fit before then.`,
    details: { budget: { scope, period, resetsAt } },
    errors: error.errors,
    retryAfterSeconds: error.retryAfterSeconds,
  });
}
