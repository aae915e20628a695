import type { BudgetResource } from 'longhaul/client';

/** The budgets of a user, a team or the whole service. */
export interface BudgetGroup {
  readonly id: string;
  readonly scope: BudgetResource['scope'];
  readonly key: string | null;
  readonly team: string | null;
  readonly budgets: readonly BudgetResource[];
}

/** Groups budgets by owner, the fullest owner first. */
export function groupBudgets(budgets: readonly BudgetResource[]): BudgetGroup[] {
  const groups = Map.groupBy(budgets, ({ scope, team, key }) => JSON.stringify([scope, team, key]));
  return [...groups]
    .map(([id, own]) => {
      const { scope, key, team } = own[0]!;
      return { id, scope, key, team, budgets: [...own].sort((a, b) => (a.period < b.period ? -1 : 1)) };
    })
    .sort((a, b) => ORDER[a.scope] - ORDER[b.scope] || toShare(b) - toShare(a));
}

const ORDER = { global: 0, team: 1, user: 2 };

function toShare({ budgets }: BudgetGroup): number {
  return Math.max(
    ...budgets.map(({ limitUsd, spentUsd, reservedUsd }) =>
      limitUsd === null ? 0 : limitUsd === 0 ? Infinity : (spentUsd + reservedUsd) / limitUsd,
    ),
  );
}

export function toOwnerName({ scope, key, team }: Pick<BudgetGroup, 'scope' | 'key' | 'team'>): string {
  if (scope === 'global') return 'Everything';
  return team === null ? (key ?? '') : `${key} of ${team}`;
}
