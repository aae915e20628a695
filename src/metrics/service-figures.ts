import { sql } from 'kysely';
import { createMoneyFacts } from '../alert/money-facts.ts';
import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import { figure, type Figure } from './figure.ts';

interface ServiceDeps {
  readonly config: Config;
  readonly database: Database;
}

/** Reads what waits besides runs: approvals, alerts, webhooks, the audit record, and the use of budgets. */
export async function readServiceFigures({ config, database }: ServiceDeps): Promise<Figure[]> {
  const figures = await Promise.all([
    readApprovals(database, config),
    readAlerts(database),
    readBacklogs(database),
    readBudgets({ config, database }),
  ]);
  return figures.flat();
}

async function readApprovals(database: Database, { agents }: Config): Promise<Figure[]> {
  const { rows } = await sql<{ agent: string; count: number; oldest: number }>`
    select agent, count(*)::int as count, extract(epoch from now() - min(requested_at))::float8 as oldest
      from longhaul.approvals where status = 'pending' and kind <> 'custom' group by agent`.execute(database.sql);
  const counts = new Map(withoutHealthAgent(agents).map(({ name }) => [name, 0]));
  for (const { agent, count } of rows) counts.set(agent, count);
  return [
    ...[...counts].map(([agent, count]) => figure('longhaul_approvals_pending', { agent }, count)),
    figure('longhaul_approval_oldest_wait_seconds', {}, Math.max(0, ...rows.map(({ oldest }) => oldest))),
  ];
}

async function readAlerts(database: Database): Promise<Figure[]> {
  const { rows } = await sql<{ rule: string; severity: string; count: number }>`
    select rule, severity, count(*)::int as count from longhaul.alerts where state = 'open' group by 1, 2`.execute(
    database.sql,
  );
  return rows.map(({ rule, severity, count }) => figure('longhaul_alerts_open', { rule, severity }, count));
}

/** Counts rows that only partial indexes have: none of them grows with the history. */
async function readBacklogs(database: Database): Promise<Figure[]> {
  const { rows } = await sql<{ deliveries: number; oldest: number; unchained: number }>`
    select (select count(*)::int from longhaul.webhook_deliveries where status = 'pending') as deliveries,
           (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8
              from longhaul.webhook_deliveries where status = 'pending') as oldest,
           (select count(*)::int from longhaul.audit where seq is null) as unchained`.execute(database.sql);
  const { deliveries, oldest, unchained } = rows[0]!;
  return [
    figure('longhaul_webhook_deliveries_pending', {}, deliveries),
    figure('longhaul_webhook_oldest_pending_seconds', {}, oldest),
    figure('longhaul_audit_unchained_entries', {}, unchained),
  ];
}

const LEVELS = [80, 100] as const;

/** Of users and teams only how many are near their limit: a metric must not grow with them. */
async function readBudgets(deps: ServiceDeps): Promise<Figure[]> {
  const [used, global] = await Promise.all([
    createMoneyFacts(deps).budgets({ now: new Date(), share: LEVELS[0] / 100 }),
    readGlobalBudget(deps),
  ]);
  const near = (['user', 'team', 'global'] as const).flatMap((scope) =>
    LEVELS.map((level) => {
      const ofScope = used.filter((budget) => budget.scope === scope);
      const count = ofScope.filter(({ usedMicros, limitMicros }) => usedMicros >= (limitMicros * level) / 100).length;
      return figure('longhaul_budgets_near_limit', { scope, level: String(level) }, count);
    }),
  );
  return [...near, ...global];
}

async function readGlobalBudget({ config, database }: ServiceDeps): Promise<Figure[]> {
  const { timeZone, limits } = config;
  const { rows } = await sql<{ period: 'day' | 'month'; used: number; cap: number }>`
    with cap as (
      select * from longhaul.budget_caps(null, null, longhaul.day_of(now(), ${timeZone}),
        ${JSON.stringify({ global: limits.global })}::json))
    select cap.period, cap.cap, coalesce(account.spent_micros + account.reserved_micros, 0)::bigint as used
      from cap left join longhaul.budget_accounts as account using (scope, key, period, start)
     where cap.cap is not null`.execute(database.sql);
  return rows.map(({ period, used, cap }) =>
    figure('longhaul_budget_used_ratio', { period }, cap === 0 ? 1 : used / cap),
  );
}
