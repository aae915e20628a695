import type { BudgetResource } from 'longhaul/client';

/** Returns the name of a budget, such as `ann, today`. */
export function toBudgetName({ scope, key, team, period }: BudgetResource): string {
  const time = period === 'day' ? 'today' : 'this month';
  if (scope === 'global') return `Everything, ${time}`;
  if (scope === 'team') return `Team ${key}, ${time}`;
  return team === null ? `${key}, ${time}` : `${key} of ${team}, ${time}`;
}
