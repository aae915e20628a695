import type { Selectable } from 'kysely';
import { toMicros, type Micros } from '../../core/money.ts';
import type { FinalStatus } from '../../core/states.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { Charge } from './charge.ts';
import type { RunRules } from '../rules.ts';
import { book } from './bookings.ts';

/** The spending of an attempt, ready to be booked. */
export interface Booking {
  readonly row: Selectable<RunsTable>;
  readonly attemptId: string;
  readonly outcome: string;
  /** The state in which the attempt's end has ended the run; null: the run continues. */
  readonly concludes: FinalStatus | null;
  /** True when the run keeps no reservation. */
  readonly isOver: boolean;
  readonly charge: Charge;
  readonly durationMs: number;
}

/**
 * Books an attempt with the commit of `trx`: its ledger entries, one for each model it used, with their sums by day and
 * month, and its charge in the budgets of its run. The entries add up to the charge, exact to the micro-dollar. They are
 * written once: the caller holds the row's lock under its fence, and the key (`attempt_id`, `position`) rejects a second
 * entry.
 */
export async function bookAttempt(
  trx: Transaction,
  booking: Booking,
  rules: Pick<RunRules, 'timeZone'>,
): Promise<void> {
  const { row, attemptId, outcome, concludes, isOver, charge, durationMs } = booking;
  const entries = toEntries(charge).map((entry, position) => ({
    attempt_id: attemptId,
    position,
    run_id: row.id,
    attempt: row.attempt,
    agent: row.agent,
    user_id: row.user_id,
    team: row.team,
    outcome,
    concludes,
    duration_ms: position === 0 ? durationMs : 0,
    ...entry,
  }));
  await book(trx, { attemptId, runId: row.id, entries, spentMicros: charge.costMicros, isOver, rules });
}

/** Makes one entry for each model, or one entry with no model for an attempt that called none. */
export function toEntries({ models, costMicros }: Charge) {
  const entries = Object.entries(models).map(([model, usage]) => ({
    model,
    requested_models: usage.requestedModels ?? [],
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_creation_tokens: usage.cacheCreationTokens,
    cache_creation_1h_tokens: Math.min(usage.cacheCreation1hTokens ?? 0, usage.cacheCreationTokens),
    thinking_tokens: usage.thinkingTokens ?? null,
    web_searches: usage.webSearches ?? 0,
    cost_micros: toMicros(usage.costUsd),
    sdk_cost_micros: usage.sdkCostMicros,
    own_cost_micros: toMicrosOrNull(usage.ownCostUsd),
    is_estimated: usage.isEstimated === true,
  }));
  return addUp(entries.length === 0 ? [WITHOUT_MODEL] : entries, costMicros);
}

interface Entry {
  readonly model: string | null;
  readonly requested_models: readonly string[];
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_creation_tokens: number;
  readonly cache_creation_1h_tokens: number;
  readonly thinking_tokens: number | null;
  readonly web_searches: number;
  readonly cost_micros: Micros;
  readonly sdk_cost_micros: Micros | null;
  readonly own_cost_micros: Micros | null;
  readonly is_estimated: boolean;
}

const WITHOUT_MODEL: Entry = {
  model: null,
  requested_models: [],
  input_tokens: 0,
  output_tokens: 0,
  cache_read_tokens: 0,
  cache_creation_tokens: 0,
  cache_creation_1h_tokens: 0,
  thinking_tokens: null,
  web_searches: 0,
  cost_micros: 0,
  sdk_cost_micros: null,
  own_cost_micros: null,
  is_estimated: false,
};

/** Corrects the sum: each model's cost is rounded separately, so the difference goes to the model that cost most. */
function addUp(entries: readonly Entry[], totalMicros: Micros): Entry[] {
  const sum = entries.reduce((total, { cost_micros }) => total + cost_micros, 0);
  const dearest = entries.reduce(
    (most, entry, index) => (entry.cost_micros > entries[most]!.cost_micros ? index : most),
    0,
  );
  return entries.map((entry, index) => {
    if (index !== dearest || sum === totalMicros) return entry;
    return { ...entry, cost_micros: Math.max(0, entry.cost_micros + totalMicros - sum) };
  });
}

function toMicrosOrNull(usd: number | null | undefined): Micros | null {
  return usd === null || usd === undefined ? null : toMicros(usd);
}
