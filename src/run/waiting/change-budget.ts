import { sql } from 'kysely';
import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { BudgetScope } from '../money/reserve-budget.ts';
import type { RunDeps } from '../rules.ts';
import { wakeRuns } from './wake-runs.ts';

/** A limit that overrides the configuration's; null: removes the override; undefined: leaves it unchanged. */
export interface BudgetChange {
  readonly scope: BudgetScope;
  /** The user, as `toUserKey` writes it, or the team; empty for the global budget. */
  readonly key: string;
  readonly dayMicros?: Micros | null | undefined;
  readonly monthMicros?: Micros | null | undefined;
}

/** Changes a budget at once and on all servers, and queues the runs that waited for it. Returns their number. */
export async function changeBudget(
  { database, queue, rules }: RunDeps,
  {
    scope,
    key,
    dayMicros,
    monthMicros,
    alongside,
  }: BudgetChange & {
    /** Further work in the same transaction. Defaults to nothing. */
    readonly alongside?: (trx: Transaction) => Promise<void>;
  },
): Promise<number> {
  await database.sql.transaction().execute(async (trx) => {
    const change = {
      ...(dayMicros !== undefined && { day_micros: dayMicros }),
      ...(monthMicros !== undefined && { month_micros: monthMicros }),
      updated_at: sql<Date>`now()`,
    };
    await trx
      .insertInto('longhaul.budgets')
      .values({ scope, key, day_micros: dayMicros ?? null, month_micros: monthMicros ?? null })
      .onConflict((conflict) => conflict.columns(['scope', 'key']).doUpdateSet(change))
      .execute();
    // Makes the budget appear in lists and alerts before anything is spent in it.
    await sql`
      insert into longhaul.budget_accounts (scope, key, period, start)
      select ${scope}, ${key}, period, longhaul.period_start(period, longhaul.day_of(clock_timestamp(), ${rules.timeZone}))
        from (values ('day'), ('month')) as periods (period)
      on conflict do nothing`.execute(trx);
    await alongside?.(trx);
  });
  const whose = scope === 'user' ? { userKey: key } : scope === 'team' ? { team: key } : {};
  return wakeRuns({ database, queue }, { waitingFor: 'budget', ...whose });
}
