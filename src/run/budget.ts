import { sql, type Selectable } from 'kysely';
import type { Budget } from '../config/config.ts';
import { LonghaulError, type RunErrorCode } from '../core/errors.ts';
import type { RunLimits } from '../core/limits.ts';
import { formatUsd, toMicros, toUsd, type Micros } from '../core/money.ts';
import type { Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import type { RunRules } from './rules.ts';

export type BudgetScope = 'user' | 'team' | 'global';

/** A budget that has no room for what was to be set aside. */
export interface FullBudget {
  readonly scope: BudgetScope;
  /** The user or team; empty for all. */
  readonly key: string;
  readonly period: 'day' | 'month';
  readonly capMicros: Micros;
  readonly spentMicros: Micros;
  /** Set aside by other runs that are not over. */
  readonly reservedMicros: Micros;
  /** ISO 8601: when it begins anew. */
  readonly resetsAt: string;
}

const RULES_OF: Readonly<Record<BudgetScope, 'perUser' | 'perTeam' | 'global'>> = {
  user: 'perUser',
  team: 'perTeam',
  global: 'global',
};

const CODES: Readonly<Record<BudgetScope, RunErrorCode>> = {
  user: 'user_budget',
  team: 'team_budget',
  global: 'global_budget',
};

/** What came of setting money aside. Neither: there is no budget at all, and nothing was written or locked. */
export interface Reservation {
  readonly isReserved: boolean;
  /** The first budget that has no room. */
  readonly full: FullBudget | null;
}

/**
 * Sets a run's ceiling aside in every budget it counts for, or in none of them: then the first that is full is returned.
 * Money set aside on an earlier day comes over to today.
 *
 * Holds the budgets until the transaction ends; the last thing to do in one. The caller has locked the run's row.
 */
export async function reserveBudget(
  trx: Transaction,
  { runId, amountMicros, rules }: { runId: string; amountMicros: Micros; rules: RunRules },
): Promise<Reservation> {
  const { rows } = await sql<{ full: FullBudget | Record<string, never> | null }>`
    select longhaul.reserve_budget(${runId}, ${amountMicros}, ${toCaps(rules.limits)}::json, ${rules.timeZone}) as full`.execute(
    trx,
  );
  const full = rows[0]?.full ?? null;
  if (full === null) return { isReserved: true, full };
  return { isReserved: false, full: 'scope' in full ? (full as FullBudget) : null };
}

/**
 * Sets aside the ceilings of runs that `trx` has just made; one that a budget has no room for, beside those before it,
 * gets that budget in its place. As `reserveBudget`, the last thing to do.
 */
export async function reserveBudgets(
  trx: Transaction,
  { runIds, amounts, rules }: { runIds: readonly string[]; amounts: readonly Micros[]; rules: RunRules },
): Promise<(FullBudget | null)[]> {
  if (runIds.length === 1) {
    return [(await reserveBudget(trx, { runId: runIds[0]!, amountMicros: amounts[0]!, rules })).full];
  }
  const { rows } = await sql<{ run: string; full_budget: FullBudget }>`
    select run, full_budget from longhaul.reserve_budgets(${sql.val([...runIds])}::uuid[],
      ${sql.val([...amounts])}::bigint[], ${toCaps(rules.limits)}::json, ${rules.timeZone})`.execute(trx);
  const fulls = new Map(rows.map((row) => [row.run, row.full_budget]));
  return runIds.map((runId) => fulls.get(runId) ?? null);
}

/** Whether what a run may spend is set aside in today's budgets. */
export async function isReservedToday(
  trx: Transaction,
  { row, rules }: { row: Selectable<RunsTable>; rules: RunRules },
): Promise<boolean> {
  if (row.reserved_on === null) return false;
  const { rows } = await sql<{ is: boolean }>`
    select reserved_on = longhaul.day_of(clock_timestamp(), ${rules.timeZone}) as is
      from longhaul.runs where id = ${row.id}`.execute(trx);
  return rows[0]?.is === true;
}

/**
 * Sets aside in today's budgets what a run that is about to begin may still spend. When there is no room for it, nothing
 * stays set aside, on no day. The caller has locked the run's row.
 */
export async function moveReservation(
  trx: Transaction,
  { row, rules }: { row: Selectable<RunsTable>; rules: RunRules },
): Promise<Reservation> {
  const limits = row.limits as RunLimits;
  const leftMicros = Math.max(0, toMicros(limits.maxBudgetUsd) - row.cost_micros);
  const reservation = await reserveBudget(trx, { runId: row.id, amountMicros: leftMicros, rules });
  if (reservation.full !== null) await spendBudget(trx, { runId: row.id, spentMicros: 0, isOver: true, rules });
  return reservation;
}

/**
 * Books what an attempt has spent, and gives back as much of what its run had set aside; all of it when the run is
 * over, or is to set it aside anew. The caller has locked the run's row.
 */
export async function spendBudget(
  trx: Transaction,
  options: { runId: string; spentMicros: Micros; isOver: boolean; rules: Pick<RunRules, 'timeZone'> },
): Promise<void> {
  const { runId, spentMicros, isOver, rules } = options;
  await sql`select longhaul.spend_budget(${runId}, ${spentMicros}, ${isOver}, ${rules.timeZone})`.execute(trx);
}

/** What the configuration wants done at a full budget. */
export function isWaitedFor({ scope }: FullBudget, { limits }: RunRules): boolean {
  return limits[RULES_OF[scope]].whenReached === 'wait';
}

/** A submission refused for a full budget: 402, with which budget it is and when it begins anew. */
export function toBudgetError(full: FullBudget, amountMicros: Micros): LonghaulError {
  const { scope, period, capMicros, spentMicros, reservedMicros, resetsAt } = full;
  const owner = scope === 'global' ? 'for all runs together' : `of this ${scope}`;
  const message = `The budget ${owner} is ${formatUsd(capMicros)} a ${period}: ${formatUsd(spentMicros)} are spent, ${formatUsd(reservedMicros)} set aside for runs under way, and this run may cost ${formatUsd(amountMicros)}. It begins anew at ${new Date(resetsAt).toISOString()}; a lower limits.maxBudgetUsd may fit before.`;
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

/** An error for a caller who may not know what others spend: of a team's budget, and that of all, only when it begins anew. */
export function withoutFiguresOfOthers(error: unknown): unknown {
  if (!(error instanceof LonghaulError)) return error;
  const budget = error.details['budget'] as { scope: BudgetScope; period: string; resetsAt: string } | undefined;
  if (budget === undefined || budget.scope === 'user') return error;
  const { scope, period, resetsAt } = budget;
  const owner = scope === 'global' ? 'for all runs together' : `of this ${scope}`;
  return new LonghaulError(error.code, {
    message: `The budget ${owner} has no room for this run. It begins anew at ${resetsAt}; a lower limits.maxBudgetUsd may fit before.`,
    details: { budget: { scope, period, resetsAt } },
    errors: error.errors,
    retryAfterSeconds: error.retryAfterSeconds,
  });
}

/** The limits as the SQL of budgets takes them. */
export function toCaps({ perUser, perTeam, global }: RunRules['limits']): string {
  const caps = ({ dayMicros, monthMicros }: Budget) => ({ dayMicros, monthMicros });
  return JSON.stringify({ user: caps(perUser), team: caps(perTeam), global: caps(global) });
}
