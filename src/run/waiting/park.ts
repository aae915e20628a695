import { sql, type Selectable } from 'kysely';
import type { NewEvent, WaitingFor } from '../../core/events.ts';
import { toUsd, type Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { Queue } from '../../queue/queue.ts';
import { releaseBudget, type BudgetScope } from '../money/reserve-budget.ts';
import { changeRun } from '../log/change-run.ts';
import type { RunDeps } from '../rules.ts';
import { placeNotes } from '../sessions/session-budget.ts';
import { noteWebhooks } from '../webhooks/note-webhooks.ts';
import { toQueueMessage } from './place-in-line.ts';

interface ParkOptions {
  readonly queue: Queue;
  readonly runId: string;
  readonly attempt: number;
  readonly waitingFor: WaitingFor;
  /** Time of the next try: the run's message is delivered then. */
  readonly until: Date;
  /** For a budget: its scope. Defaults to null. */
  readonly scope?: BudgetScope | null;
}

/** Makes a run whose row `trx` has locked wait, with no process and no slot, until a worker claims it again. */
export async function parkRun(trx: Transaction, options: ParkOptions): Promise<Selectable<RunsTable>> {
  const { queue, runId, attempt, waitingFor, until, scope = null } = options;
  const row = await changeRun(trx, {
    runId,
    attempt,
    events: [{ type: 'run.waiting', data: { waitingFor, until: until.toISOString() } }],
    columns: {
      status: 'waiting',
      waiting_for: waitingFor,
      waits_for_scope: scope,
      parked_at: sql<Date>`clock_timestamp()`,
    },
  });
  await noteWebhooks(trx, row);
  await queue.requeue(trx, toQueueMessage(row, until));
  return row;
}

/** The event of a run that waits for the budget of its session, with its cost so far. */
export function toSessionWait(costMicros: Micros): NewEvent {
  return { type: 'run.waiting', data: { waitingFor: 'budget', scope: 'session', costUsd: toUsd(costMicros) } };
}

/** The columns of a run that waits for the budget of its session. */
export const SESSION_WAIT = {
  status: 'waiting',
  waiting_for: 'budget',
  waits_for_scope: 'session',
  parked_at: sql<Date>`clock_timestamp()`,
} as const;

/**
 * Makes a run wait until the budget of its session is raised; nothing else wakes it. It has no message and no reservation.
 * `trx` has locked its row and its session. Must come last in `trx`, because it locks budgets.
 */
export async function parkForSession(
  trx: Transaction,
  {
    deps: { queue, rules },
    row,
    attempt,
  }: { deps: Pick<RunDeps, 'queue' | 'rules'>; row: Selectable<RunsTable>; attempt: number },
): Promise<void> {
  const events = [toSessionWait(row.cost_micros)];
  const parked = await changeRun(trx, { runId: row.id, attempt, events, columns: SESSION_WAIT });
  await placeNotes(trx, parked);
  await noteWebhooks(trx, parked);
  await queue.remove(trx, { runId: row.id, queue: row.queue });
  await releaseBudget(trx, { runId: row.id, rules });
}

/** Queues a waiting run whose row `trx` has locked: its reason to wait has ended. Returns its row. */
export async function resumeRun(
  trx: Transaction,
  { queue, row }: { queue: Queue; row: Selectable<RunsTable> },
): Promise<Selectable<RunsTable>> {
  const resumed = await changeRun(trx, {
    runId: row.id,
    attempt: row.attempt,
    events: [{ type: 'run.queued', data: { agent: row.agent, reason: 'resumed' } }],
    columns: { status: 'queued', ...END_OF_WAIT },
  });
  await queue.enqueue(trx, toQueueMessage(row));
  return resumed;
}

/** Time since `parked_at` is added to `parked_ms`, which the deadline of retries leaves out. */
export const END_OF_WAIT = {
  waiting_for: null,
  waits_for_scope: null,
  parked_at: null,
  parked_ms: sql<number>`parked_ms + coalesce((extract(epoch from clock_timestamp() - parked_at) * 1000)::bigint, 0)`,
};

/** Reasons to wait that end when a worker tries the run again, rather than when a person decides. */
export const TRIED_AGAIN = ['budget', 'provider_limit'] as const satisfies WaitingFor[];
