import { sql } from 'kysely';
import type { Micros } from '../../core/money.ts';
import { toUserKey } from '../../core/user-key.ts';
import type { Database } from '../../db/database.ts';
import { toCaps, type BudgetScope } from './reserve-budget.ts';
import type { RunRules } from '../rules.ts';
import type { Viewer } from '../viewer.ts';

/** The state of a budget in its current day or month. */
export interface BudgetState {
  readonly scope: BudgetScope;
  /** The user, as `toUserKey` writes it, or the team; empty for the global budget. */
  readonly key: string;
  readonly period: 'day' | 'month';
  /** First day of the period, such as `2026-11-23`. */
  readonly start: string;
  readonly capMicros: Micros | null;
  readonly isChanged: boolean;
  readonly spentMicros: Micros;
  readonly reservedMicros: Micros;
  readonly resetsAt: Date;
}

interface ReadOptions {
  /** Limits the result to all budgets, those of one user, or those of one team. */
  readonly viewer: Viewer;
  readonly rules: Pick<RunRules, 'timeZone' | 'limits'>;
  readonly scope?: BudgetScope | undefined;
  /** The team, or empty for the global budget. Defaults to any. */
  readonly key?: string | undefined;
  /** The user, as `toUserKey` writes it. Defaults to `key`. */
  readonly userKey?: string | undefined;
  readonly limit: number;
}

/** Reads the budgets of today and of this month in which money was spent or reserved, the fullest first. */
export async function readBudgets(
  database: Database,
  { viewer, rules, scope, key, userKey = key, limit }: ReadOptions,
): Promise<BudgetState[]> {
  const { timeZone } = rules;
  const ownKey = toUserKey({ user: viewer.user, tenant: viewer.team });
  const own = ownKey !== null ? { scope: 'user', key: ownKey } : { scope: 'team', key: viewer.team };
  const { rows } = await sql<BudgetState>`
    with today as (select longhaul.day_of(clock_timestamp(), ${timeZone}) as day),
    standing as (
      select account.*, cap.cap, coalesce(case account.period when 'day' then changed.day_micros else changed.month_micros end
               is not null, false) as is_changed
        from today
        join longhaul.budget_accounts as account on account.start = longhaul.period_start(account.period, today.day)
        left join longhaul.budgets as changed on changed.scope = account.scope and changed.key = account.key
       cross join lateral (
         select cap from longhaul.budget_caps(case account.scope when 'user' then account.key end,
           case account.scope when 'team' then account.key end, today.day, ${toCaps(rules.limits)}::json) as caps
          where caps.scope = account.scope and caps.key = account.key and caps.period = account.period) as cap
       where (${own.key}::text is null or (account.scope, account.key) = (${own.scope}, ${own.key}))
         and (${scope ?? null}::text is null or account.scope = ${scope ?? null})
         and (${key ?? null}::text is null
              or account.key = case account.scope when 'user' then ${userKey ?? null}::text else ${key ?? null} end))
    select scope, key, period, start::text as start, cap as "capMicros", is_changed as "isChanged",
           spent_micros as "spentMicros", reserved_micros as "reservedMicros",
           (start + case period when 'day' then interval '1 day' else interval '1 month' end) at time zone ${timeZone}
             as "resetsAt"
      from standing
     order by (spent_micros + reserved_micros)::float / nullif(cap, 0) desc nulls last,
              spent_micros + reserved_micros desc, scope, key, period
     limit ${limit}`.execute(database.sql);
  return rows;
}
