import { plural } from '../core/plural.ts';
import { formatUsd, toMicros, toUsd } from '../core/money.ts';
import { head } from '../core/text.ts';
import { parseUserKey } from '../core/user-key.ts';
import type { BudgetUse } from './alert-facts.ts';
import { percent, type Finding, type Rule } from './rule.ts';

/** Daily sums below this, 1 cent, are too small for a comparison of the two counts. */
const LEAST_COMPARED_MICROS = 10_000;

/** Maximum number of accounts that an alert names. */
const MOST_LISTED = 20;

/** Finds runs that cost more than the threshold. Each run has one alert. */
export const runCost: Rule = {
  name: 'run_cost',
  isRepeated: false,
  calm: 'once',
  async find({ facts, alerts, lookedUntil }) {
    const { runCostUsd } = alerts;
    if (runCostUsd === null) return [];
    const runs = await facts.costlyRuns({ since: lookedUntil, overMicros: toMicros(runCostUsd) });
    return runs.map(({ id, agent, costMicros }) => ({
      key: `run_cost:${id}`,
      severity: 'warning',
      title: `A run of agent ${agent} cost ${formatUsd(costMicros)}`,
      detail: `Run ${id} cost ${formatUsd(costMicros)}, more than ${formatUsd(toMicros(runCostUsd))}.`,
      data: { runId: id, agent, costUsd: toUsd(costMicros), thresholdUsd: runCostUsd },
    }));
  },
};

/** Finds a day that cost more than the threshold. Each day has one alert. */
export const dailyCost: Rule = {
  name: 'daily_cost',
  isRepeated: false,
  calm: 1,
  async find({ facts, alerts, now }) {
    const { dailyCostUsd } = alerts;
    if (dailyCostUsd === null) return [];
    const micros = await facts.costOfDay(now);
    if (micros <= toMicros(dailyCostUsd)) return [];
    return [
      {
        key: 'daily_cost',
        severity: 'critical',
        title: `The day has cost ${formatUsd(micros)}`,
        detail: `Runs have cost ${formatUsd(micros)} today, more than ${formatUsd(toMicros(dailyCostUsd))}.`,
        data: { costUsd: toUsd(micros), thresholdUsd: dailyCostUsd },
      },
    ];
  },
};

/**
 * Finds a large difference between the Agent SDK's cost of the day and Longhaul's own: one of the two has wrong prices.
 */
export const drift: Rule = {
  name: 'drift',
  isRepeated: true,
  calm: 1,
  async find({ facts, alerts, now }) {
    const { driftShare } = alerts;
    if (driftShare === null) return [];
    const { sdkMicros, ownMicros } = await facts.drift(now);
    if (Math.max(sdkMicros, ownMicros) < LEAST_COMPARED_MICROS) return [];
    const share = Math.abs(sdkMicros - ownMicros) / ownMicros;
    if (share <= driftShare) return [];
    const data = { sdkCostUsd: toUsd(sdkMicros), ownCostUsd: toUsd(ownMicros), threshold: driftShare };
    return [
      {
        key: 'drift',
        severity: 'warning',
        title: `Two counts of today's cost differ by ${formatUsd(Math.abs(sdkMicros - ownMicros))}`,
        detail: `The Agent SDK counts ${formatUsd(sdkMicros)} and Longhaul's price list gives ${formatUsd(ownMicros)}: they differ by more than ${percent(driftShare)}. Prices may have changed.`,
        // If our own cost is zero the share is infinite, which JSON cannot represent.
        data: { ...data, share: Number.isFinite(share) ? share : null },
      },
    ];
  },
};

export const budget80: Rule = {
  name: 'budget_80',
  isRepeated: false,
  calm: 1,
  find: async ({ facts, now }) =>
    toFindings(await facts.budgets({ now, share: 0.8 }), { share: 0.8, severity: 'warning' }),
};

export const budget100: Rule = {
  name: 'budget_100',
  isRepeated: true,
  calm: 1,
  find: async ({ facts, now }) =>
    toFindings(await facts.budgets({ now, share: 1 }), { share: 1, severity: 'critical' }),
};

/** Returns one finding for each account. Users, of which there may be thousands, share one finding for each period. */
function toFindings(
  used: readonly BudgetUse[],
  { share, severity }: { share: number; severity: Finding['severity'] },
): Finding[] {
  const rule = `budget_${share * 100}`;
  const groups = Map.groupBy(used, ({ scope, key, period }) =>
    scope === 'team' ? `${rule}:team:${key}:${period}` : `${rule}:${scope}:${period}`,
  );
  return [...groups].map(([key, accounts]) => {
    const [{ scope, period, usedMicros, limitMicros }, ...others] = accounts as [BudgetUse, ...BudgetUse[]];
    const each = period === 'day' ? 'daily' : 'monthly';
    const owner = others.length > 0 ? plural(accounts.length, scope) : nameOwner(accounts[0]!);
    return {
      key,
      severity,
      title: `${owner} ${others.length > 0 ? 'have' : 'has'} used ${share === 1 ? 'all' : percent(share)} of the ${each} budget`,
      detail: `${others.length > 0 ? `The largest is` : 'It is'} at ${formatUsd(usedMicros)} of ${formatUsd(limitMicros)}, including reservations for unfinished runs.`,
      data: {
        scope,
        period,
        accounts: accounts.length,
        largest: accounts.slice(0, MOST_LISTED).map((account) => ({
          ...toOwner(account),
          usedUsd: toUsd(account.usedMicros),
          limitUsd: toUsd(account.limitMicros),
        })),
      },
    };
  });
}

function nameOwner(account: BudgetUse): string {
  if (account.scope === 'global') return 'The service';
  const { key, team } = toOwner(account);
  const name = (text: string) => JSON.stringify(head(text, 80));
  return `${account.scope === 'user' ? 'User' : 'Team'} ${name(key)}${team === undefined ? '' : ` of team ${name(team)}`}`;
}

/** Returns the owner of an account, with the team for a team's own user. */
function toOwner({ scope, key }: BudgetUse): { key: string; team?: string } {
  if (scope !== 'user') return { key };
  const { user, tenant } = parseUserKey(key);
  return { key: user, ...(tenant !== null && { team: tenant }) };
}
