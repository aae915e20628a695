import { sql, type Selectable } from 'kysely';
import type { NewEvent } from '../../core/events.ts';
import { createId } from '../../core/ids.ts';
import type { Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import type { RunsTable } from '../../db/tables.ts';
import { appendEvents, notifyWatchers, type Lease } from '../log/append-events.ts';
import { isReservedToday, moveReservation, type BudgetScope } from '../money/reserve-budget.ts';
import { findFullGate, lockGates, type Gate } from '../waiting/concurrency.ts';
import { isBesideSuspect } from './losses.ts';
import { END_OF_WAIT, parkForSession, parkRun, TRIED_AGAIN } from '../waiting/park.ts';
import { toQueueMessage } from '../waiting/place-in-line.ts';
import type { RunDeps } from '../rules.ts';
import { isBoundBySession, leftOf, toRun, type Run } from '../run.ts';
import { isBehindAnother } from '../waiting/session-gate.ts';
import { boundBySession } from '../sessions/session-budget.ts';
import { takeSession } from '../sessions/sessions.ts';
import { giveTeamTurns } from '../waiting/team-turns.ts';
import { wakeNextWithin } from '../waiting/wake-runs.ts';
import { writeEvents } from '../log/write-events.ts';
import { noteStatusOfEvents } from '../webhooks/note-session-status.ts';

/** Duration of a lease unless it is renewed. Short enough that a lost worker's runs are recovered within 20 s. */
export const LEASE_DURATION_MS = 15_000;

/** A run given to a worker for one attempt. */
export interface Claim {
  readonly run: Run;
  readonly attemptId: string;
  readonly lease: Lease;
  /** The `seq` of the attempt's first event, `run.started`: the attempt's own events follow it. */
  readonly lastSeq: number;
}

/** The result of a claim on a queue. */
export interface Claimed {
  readonly claims: readonly Claim[];
  /**
   * True when the queue had as many messages as requested: more may follow, even if none of these runs could be
   * claimed.
   */
  readonly isMore: boolean;
  /** True when there was no message to take, as when another worker was quicker. */
  readonly wasEmpty: boolean;
}

interface ClaimOptions {
  readonly queue: string;
  readonly workerId: string;
  readonly limit: number;
  /** The agents that the worker knows. Runs of other agents are left to other workers. */
  readonly agents: ReadonlySet<string>;
  /**
   * Called for each run, in its transaction: returns the time until which the model of its agent cannot be called, or
   * null. Defaults to null: then a run discovers the limit itself.
   */
  readonly findProviderLimit?: (trx: Transaction, agent: string) => Promise<Date | null>;
}

/**
 * Claims at most `limit` runs of a queue for a worker: takes the message (`queue/pg-boss-run-queue.ts`), grants the lease and begins the attempt, in one
 * transaction. Returns nothing for a paused queue. The order: priority, then the ranks that `waiting/place-in-line.ts`
 * computed at submission.
 *
 * Drops a message whose run is no longer queued (cancelled, or already running elsewhere). Two workers that claim at
 * once get different messages (`for update skip locked` in pg-boss). A run that may not begin now is put back; what it
 * waits for decides how.
 */
export async function claimRuns(deps: RunDeps, options: ClaimOptions): Promise<Claimed> {
  const { database, queue } = deps;
  const claim = async (trx: Transaction): Promise<Claimed> => {
    const paused = await trx
      .selectFrom('longhaul.queues')
      .select('name')
      .where('name', '=', options.queue)
      .where('paused_at', 'is not', null)
      .executeTakeFirst();
    if (paused !== undefined) return { claims: [], isMore: false, wasEmpty: false };
    await lockGates(trx, deps.rules);
    const taken = await queue.take(trx, options);
    const runIds = await giveTeamTurns(trx, { queue, name: options.queue, taken });
    const claims: Claim[] = [];
    const budgets = { areLocked: false };
    for (const runId of runIds) {
      const claimed = await claimRun(trx, { deps, options, runId, budgets });
      if (claimed !== null) claims.push(claimed);
    }
    return { claims, isMore: runIds.length === options.limit, wasEmpty: runIds.length === 0 };
  };
  return retryDeadlock(() => database.preparedSql.transaction().execute(claim));
}

interface ClaimRunOptions {
  readonly deps: RunDeps;
  readonly options: ClaimOptions;
  readonly runId: string;
  /**
   * True when money was reserved in this transaction. A claim reserves for one run at most, because the accounts of a
   * second run would be locked out of order.
   */
  readonly budgets: { areLocked: boolean };
}

async function claimRun(trx: Transaction, { deps, options, runId, budgets }: ClaimRunOptions): Promise<Claim | null> {
  const { queue } = deps;
  const claimed = await trx
    .updateTable('longhaul.runs')
    .set((row) => ({
      status: 'running',
      attempt: row('attempt', '+', 1),
      fence: row('fence', '+', 1),
      // Numbers for the events that `beginAttempt` writes.
      event_seq: sql<number>`event_seq + case when status = 'waiting' then 2 else 1 end`,
      lease_worker_id: options.workerId,
      lease_expires_at: leaseEnd(),
      started_at: sql<Date>`coalesce(started_at, now())`,
    }))
    .where('id', '=', runId)
    .where((run) =>
      run.or([
        run('status', '=', 'queued'),
        run.and([
          run('status', '=', 'waiting'),
          run('waiting_for', 'in', [...TRIED_AGAIN]),
          run('waits_for_scope', 'is distinct from', 'session'),
        ]),
      ]),
    )
    .returningAll()
    .executeTakeFirst();
  if (claimed === undefined) {
    await queue.remove(trx, { runId, queue: options.queue });
    return null;
  }
  const row = claimed.is_managed ? await boundBySession(trx, claimed) : claimed;
  const obstacle = await findObstacle(trx, { deps, options, row, budgets });
  if (obstacle !== null) {
    await putBack({ trx, deps, row, obstacle });
    return null;
  }
  const attemptId = createId();
  if (!(await beginAttempt(trx, { row, attemptId, workerId: options.workerId }))) {
    await putBack({ trx, deps, row, obstacle: { kind: 'later', waitMs: SESSION_WAIT_MS } });
    return null;
  }
  const run = toRun({ ...row, waiting_for: null });
  return { run, attemptId, lease: { runId, fence: row.fence }, lastSeq: row.event_seq };
}

/** The reason why a run cannot begin now, with what is done about it. */
type Obstacle =
  /** The run stays queued and is tried again after a while. */
  | { readonly kind: 'later'; readonly waitMs: number }
  /** The run stays queued until another run has ended. */
  | { readonly kind: 'held'; readonly gate: Gate | 'session' }
  | {
      readonly kind: 'waiting';
      readonly waitingFor: (typeof TRIED_AGAIN)[number];
      readonly until: Date;
      /** The budget that the run waits for. */
      readonly scope?: BudgetScope;
    }
  /** The budget of its session leaves the run nothing: it waits until that is raised. */
  | { readonly kind: 'session_budget' };

/** Delay before the next claim of a run whose session is in use. */
const SESSION_WAIT_MS = 1_000;

/**
 * Delay before the next claim of a run whose agent the claiming worker does not know, for example during the rollout of
 * a new configuration. The alert `agent_unserved` reports a run that nobody takes.
 */
const AGENT_WAIT_MS = 3_000;

/** Delay before the next claim of a run that must not be executed beside others like it: see `losses.ts`. */
const SUSPECT_WAIT_MS = 1_000;

async function findObstacle(
  trx: Transaction,
  { deps, options, row, budgets }: Omit<ClaimRunOptions, 'runId'> & { row: Selectable<RunsTable> },
): Promise<Obstacle | null> {
  const { rules } = deps;
  if (!options.agents.has(row.agent)) return { kind: 'later', waitMs: AGENT_WAIT_MS };
  if (await isBesideSuspect(trx, row)) return { kind: 'later', waitMs: SUSPECT_WAIT_MS };
  // Only a run that waited for a budget can be claimed while an earlier run of its session is unfinished.
  if (await isBehindAnother(trx, row)) return { kind: 'held', gate: 'session' };
  if (isBoundBySession(row) && leftOf(row) === 0) {
    // Its reservation is released, in accounts that a second run of this transaction may not lock.
    if (budgets.areLocked) return { kind: 'later', waitMs: 0 };
    budgets.areLocked = true;
    return { kind: 'session_budget' };
  }
  const limitedUntil = await options.findProviderLimit?.(trx, row.agent);
  if (limitedUntil) return { kind: 'waiting', waitingFor: 'provider_limit', until: limitedUntil };
  const gate = await findFullGate(trx, { row, rules });
  if (gate !== null) return { kind: 'held', gate };
  // The run is going to spend today's budget: reserve now what was reserved on an earlier day or never, or what the
  // session's budget leaves it now.
  if (await isReservedToday(trx, { row, rules })) return null;
  if (budgets.areLocked) return { kind: 'later', waitMs: 0 };
  const { full, isReserved } = await moveReservation(trx, { row, rules });
  budgets.areLocked = isReserved || full !== null;
  if (full === null) return null;
  return { kind: 'waiting', waitingFor: 'budget', until: new Date(full.resetsAt), scope: full.scope };
}

/**
 * Gives the session to the attempt, records the attempt and writes its first events, in one statement. Returns false,
 * and writes nothing, when another running attempt has the session.
 */
async function beginAttempt(
  trx: Transaction,
  { row, attemptId, workerId }: { row: Selectable<RunsTable>; attemptId: string; workerId: string },
): Promise<boolean> {
  const resumed: NewEvent = { type: 'run.queued', data: { agent: row.agent, reason: 'resumed' } };
  const started: NewEvent = { type: 'run.started', data: { workerId } };
  const events = row.waiting_for === null ? [started] : [resumed, started];
  const { rows } = await sql`
    with taken as (${takeSession({ sessionId: row.session_id, lease: { runId: row.id, fence: row.fence } })}),
    begun as (
      insert into longhaul.attempts (id, run_id, agent, number, worker_id, fence)
      select ${attemptId}, ${row.id}, ${row.agent}, ${row.attempt}, ${workerId}, ${row.fence} from taken),
    log as (
      select ${row.id}::uuid as run_id, ${row.event_seq - events.length}::int as last_seq, ${JSON.stringify(events)}::json as events,
             ${row.user_id}::text as user_id, ${row.team}::text as team, ${row.tenant}::text as tenant
        from taken),
    written as (${writeEvents(row.attempt)})
    select from taken`.execute(trx);
  if (rows.length === 0) return false;
  notifyWatchers(trx, { runId: row.id, events });
  if (row.waiting_for !== null || row.parked_at !== null) await noteEndOfWait(trx, row.id);
  if (row.is_managed) await noteStatusOfEvents(trx, { runId: row.id, sessionId: row.session_id, events });
  return true;
}

async function noteEndOfWait(trx: Transaction, runId: string): Promise<void> {
  await trx.updateTable('longhaul.runs').set(END_OF_WAIT).where('id', '=', runId).execute();
}

interface PutBackOptions {
  readonly trx: Transaction;
  readonly deps: RunDeps;
  readonly row: Selectable<RunsTable>;
  readonly obstacle: Obstacle;
}

/** Undoes a claim in its own transaction. Only the reason why the run now waits is kept. */
async function putBack({ trx, deps, row, obstacle }: PutBackOptions): Promise<void> {
  const { queue } = deps;
  const wasWaiting = row.waiting_for !== null;
  await trx
    .updateTable('longhaul.runs')
    .set({
      status: wasWaiting ? 'waiting' : 'queued',
      attempt: row.attempt - 1,
      event_seq: row.event_seq - (wasWaiting ? 2 : 1),
      lease_worker_id: null,
      lease_expires_at: null,
      ...(row.attempt === 1 && { started_at: null }),
      ...(obstacle.kind === 'held' && {
        held_for: obstacle.gate,
        status: 'queued',
      }),
    })
    .where('id', '=', row.id)
    .execute();
  // Computed from the new lease, so that it is the time of the database's clock.
  const now = (row.lease_expires_at?.getTime() ?? 0) - LEASE_DURATION_MS;
  switch (obstacle.kind) {
    case 'later':
      return queue.requeue(trx, toQueueMessage(row, new Date(now + obstacle.waitMs)));
    case 'held':
      if (wasWaiting) {
        const queued: NewEvent = { type: 'run.queued', data: { agent: row.agent, reason: 'resumed' } };
        await appendEvents(trx, { runId: row.id, attempt: row.attempt - 1, events: [queued] });
        await noteEndOfWait(trx, row.id);
      }
      return queue.remove(trx, { runId: row.id, queue: row.queue });
    case 'waiting': {
      const { waitingFor, until, scope = null } = obstacle;
      if (row.waiting_for === waitingFor && row.waits_for_scope === scope) {
        return queue.requeue(trx, toQueueMessage(row, until));
      }
      await parkRun(trx, { queue, runId: row.id, attempt: row.attempt - 1, waitingFor, until, scope });
      return;
    }
    case 'session_budget':
      await parkForSession(trx, { deps, row, attempt: row.attempt - 1 });
      await wakeNextWithin(trx, deps, { user: row.user_id, team: row.team, tenant: row.tenant });
  }
}

/** The end of a lease that is granted or renewed now, by the database's clock: the clocks of machines do not matter. */
export function leaseEnd() {
  return sql<Date>`clock_timestamp() + ${sql.lit(LEASE_DURATION_MS)} * interval '1 millisecond'`;
}
