import { sql, type Selectable } from 'kysely';
import type { Budget } from '../../config/config.ts';
import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { RunRules } from '../rules.ts';
import { leftOf } from '../run.ts';

export type BudgetScope = 'user' | 'team' | 'global';

/** A budget that has no room for the amount to reserve. */
export interface FullBudget {
  readonly scope: BudgetScope;
  /** The user or team; empty for the global budget. */
  readonly key: string;
  readonly period: 'day' | 'month';
  readonly capMicros: Micros;
  readonly spentMicros: Micros;
  /** Reserved by other unfinished runs. */
  readonly reservedMicros: Micros;
  /** Time at which the budget resets, ISO 8601. */
  readonly resetsAt: string;
}

const RULES_OF: Readonly<Record<BudgetScope, 'perUser' | 'perTeam' | 'global'>> = {
  user: 'perUser',
  team: 'perTeam',
  global: 'global',
};

/**
 * The result of reserving money. If the run counts for no budget, `isReserved` is false and `full` is null: nothing was
 * written or locked.
 */
export interface Reservation {
  readonly isReserved: boolean;
  /** The first budget that has no room. */
  readonly full: FullBudget | null;
}

/**
 * Reserves a run's ceiling in every budget it counts for, or in none: then returns the first budget that is full. Money
 * reserved on an earlier day moves to today.
 *
 * Locks the budgets until the transaction ends, so it must come last in a transaction. The caller has locked the run's
 * row.
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
 * Reserves the ceilings of runs that `trx` has just inserted. Returns for each run the budget that has no room for it
 * beside the runs before it, or null. As with `reserveBudget`, it must come last in a transaction.
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

/** Returns whether a run's remaining ceiling is reserved in today's budgets. */
export async function isReservedToday(
  trx: Transaction,
  { row, rules }: { row: Selectable<RunsTable>; rules: RunRules },
): Promise<boolean> {
  return row.reserved_micros === leftOf(row) && (await hasReservationOfToday(trx, { row, rules }));
}

async function hasReservationOfToday(
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
 * Reserves in today's budgets what a run that is about to begin may still spend. Without room for it, no reservation
 * remains, on any day, unless the run has reserved as much or more today: a limit that was lowered since does not stop it.
 * The caller has locked the run's row.
 */
export async function moveReservation(
  trx: Transaction,
  { row, rules }: { row: Selectable<RunsTable>; rules: RunRules },
): Promise<Reservation> {
  const leftMicros = leftOf(row);
  const reservation = await reserveBudget(trx, { runId: row.id, amountMicros: leftMicros, rules });
  if (reservation.full === null) return reservation;
  const isCovered = leftMicros <= row.reserved_micros && (await hasReservationOfToday(trx, { row, rules }));
  if (isCovered) return { isReserved: true, full: null };
  await releaseBudget(trx, { runId: row.id, rules });
  return reservation;
}

/**
 * Releases the whole reservation of a run: it was cancelled, a claim has found a full budget, or it waits for its session.
 * At once, because `trx` may reserve the money for another run, or delete this one. The caller has locked the run's row.
 */
export async function releaseBudget(
  trx: Transaction,
  { runId, rules }: { runId: string; rules: Pick<RunRules, 'timeZone'> },
): Promise<void> {
  await sql`select longhaul.spend_budget(${runId}, 0, true, ${rules.timeZone})`.execute(trx);
}

/** Returns whether the configuration lets a run wait for this budget instead of rejecting it. */
export function isWaitedFor({ scope }: FullBudget, { limits }: RunRules): boolean {
  return limits[RULES_OF[scope]].whenReached === 'wait';
}

/** The limits in the form that the SQL of budgets takes. */
export function toCaps({ perUser, perTeam, global }: RunRules['limits']): string {
  const caps = ({ dayMicros, monthMicros }: Budget) => ({ dayMicros, monthMicros });
  return JSON.stringify({ user: caps(perUser), team: caps(perTeam), global: caps(global) });
}
