import { sql } from 'kysely';
import type { Config } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { AlertFacts, BudgetUse } from './alert-facts.ts';

type MoneyFacts = Pick<AlertFacts, 'costOfDay' | 'costlyRuns' | 'drift' | 'budgets'>;

/** Reads the figures of money: from the sums kept with the ledger, and from the accounts of the budgets. */
export function createMoneyFacts({ config, database }: { config: Config; database: Database }): MoneyFacts {
  const { timeZone, limits } = config;
  const caps = [
    ['user', limits.perUser],
    ['team', limits.perTeam],
    ['global', limits.global],
  ].flatMap(([scope, budget]) => {
    const { dayMicros, monthMicros } = budget as typeof limits.perTeam;
    return [
      { scope, period: 'day', micros: dayMicros },
      { scope, period: 'month', micros: monthMicros },
    ];
  });

  async function readDay(now: Date) {
    const { rows } = await sql<{ cost: number; sdk: number; own: number }>`
      select cost_micros as cost, compared_sdk_micros as sdk, compared_own_micros as own from longhaul.cost_rollups
       where dimension = 'total' and period = 'day' and key = ''
         and start = longhaul.day_of(${now}::timestamptz, ${timeZone})`.execute(database.sql);
    return rows[0] ?? { cost: 0, sdk: 0, own: 0 };
  }

  return {
    costOfDay: async (now) => (await readDay(now)).cost,

    async drift(now) {
      const { sdk, own } = await readDay(now);
      return { sdkMicros: sdk, ownMicros: own };
    },

    costlyRuns: ({ since, overMicros }) =>
      database.sql
        .selectFrom('longhaul.runs')
        .select(['id', 'agent', 'cost_micros as costMicros'])
        .where('finished_at', '>', since)
        .where('cost_micros', '>', overMicros)
        .orderBy('finished_at')
        .execute(),

    async budgets({ now, share }) {
      const { rows } = await sql<BudgetUse>`
        with today as (select longhaul.day_of(${now}::timestamptz, ${timeZone}) as day),
        current as (
          select 'day' as period, day as start from today
          union all select 'month', longhaul.period_start('month', day) from today),
        cap as (select * from json_to_recordset(${JSON.stringify(caps)}::json) as (scope text, period text, micros bigint)),
        used as (
          select account.scope, account.key, account.period,
                 account.spent_micros + account.reserved_micros as "usedMicros",
                 coalesce(case account.period when 'day' then changed.day_micros else changed.month_micros end,
                          cap.micros) as "limitMicros"
            from current
            join longhaul.budget_accounts as account on account.start = current.start and account.period = current.period
            join cap on cap.scope = account.scope and cap.period = account.period
            left join longhaul.budgets as changed on changed.scope = account.scope and changed.key = account.key)
        select * from used
         where "usedMicros" > 0 and "usedMicros" >= "limitMicros" * ${share}::float
         order by "usedMicros" desc, key`.execute(database.sql);
      return rows;
    },
  };
}
