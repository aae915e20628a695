import { sql, type Selectable } from 'kysely';
import { createId } from '../core/ids.ts';
import { CHANNELS, type Database, type Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import type { Queue } from '../queue/queue.ts';
import type { Lease } from './append-events.ts';
import { toRun, type Run } from './run.ts';
import { holdSession } from './sessions.ts';

/** How long a lease lasts unless it is renewed. Short enough that a lost worker's runs are seen to within 30 s. */
export const LEASE_DURATION_MS = 15_000;

/** A run given to a worker for one attempt. */
export interface Claim {
  readonly run: Run;
  readonly attemptId: string;
  readonly lease: Lease;
  /** The place of the attempt's first event, `run.started`: its own events follow it. */
  readonly lastSeq: number;
}

interface ClaimOptions {
  readonly queue: string;
  readonly workerId: string;
  readonly limit: number;
  /** The agents the worker knows. A run of another is left to one that does. */
  readonly agents: ReadonlySet<string>;
}

/**
 * Gives up to `limit` of a queue's runs to a worker: message taken, lease given, attempt begun, in one
 * transaction. Nothing is returned for a paused queue.
 *
 * A message whose run is not queued any more (cancelled, or already running elsewhere) is dropped. Of two
 * workers that take at once each gets other messages (`for update skip locked` in pg-boss).
 */
export async function claimRuns(deps: { database: Database; queue: Queue }, options: ClaimOptions): Promise<Claim[]> {
  const { database, queue } = deps;
  return database.sql.transaction().execute(async (trx) => {
    const paused = await trx
      .selectFrom('longhaul.queues')
      .select('name')
      .where('name', '=', options.queue)
      .where('paused_at', 'is not', null)
      .executeTakeFirst();
    if (paused !== undefined) return [];
    const runIds = await queue.take(trx, options);
    const claims: Claim[] = [];
    for (const runId of runIds) {
      const row = await trx
        .updateTable('longhaul.runs')
        .set((row) => ({
          status: 'running',
          attempt: row('attempt', '+', 1),
          fence: row('fence', '+', 1),
          // For `run.started`, which `beginAttempt` writes.
          event_seq: row('event_seq', '+', 1),
          lease_worker_id: options.workerId,
          lease_expires_at: leaseEnd(),
          started_at: sql<Date>`coalesce(started_at, now())`,
        }))
        .where('id', '=', runId)
        .where('status', '=', 'queued')
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) {
        await queue.remove(trx, { runId, queue: options.queue });
        continue;
      }
      const attemptId = createId();
      if (!options.agents.has(row.agent)) {
        await putBack({ trx, queue, row, waitMs: AGENT_WAIT_MS });
      } else if (await beginAttempt(trx, { row, attemptId, workerId: options.workerId })) {
        claims.push({ run: toRun(row), attemptId, lease: { runId, fence: row.fence }, lastSeq: row.event_seq });
      } else {
        await putBack({ trx, queue, row, waitMs: SESSION_WAIT_MS });
      }
    }
    return claims;
  });
}

/**
 * Gives the attempt its conversation, notes it and says that it has started, in one statement. False, with nothing
 * written, when another running attempt has the conversation.
 */
async function beginAttempt(
  trx: Transaction,
  { row, attemptId, workerId }: { row: Selectable<RunsTable>; attemptId: string; workerId: string },
): Promise<boolean> {
  const { rows } = await sql`
    with held as (${holdSession({ sessionId: row.session_id, lease: { runId: row.id, fence: row.fence } })}),
    begun as (
      insert into longhaul.attempts (id, run_id, agent, number, worker_id, fence)
      select ${attemptId}, ${row.id}, ${row.agent}, ${row.attempt}, ${workerId}, ${row.fence} from held),
    written as (
      insert into longhaul.run_events (run_id, seq, type, attempt, data)
      select ${row.id}, ${row.event_seq}, 'run.started', ${row.attempt}, ${JSON.stringify({ workerId })}::json from held)
    select pg_notify(${CHANNELS.events}, ${row.id}) from held`.execute(trx);
  return rows.length > 0;
}

/** How long a run waits that finds its conversation in use. */
const SESSION_WAIT_MS = 1_000;

/** How long a run waits whose agent the worker that found it does not know, as while a new configuration is rolled out. */
const AGENT_WAIT_MS = 3_000;

/** Undoes a claim in its own transaction, and keeps the run from being claimed again for a while. */
async function putBack(options: { trx: Transaction; queue: Queue; row: Selectable<RunsTable>; waitMs: number }) {
  const { trx, queue, row, waitMs } = options;
  await trx
    .updateTable('longhaul.runs')
    .set({
      status: 'queued',
      attempt: row.attempt - 1,
      event_seq: row.event_seq - 1,
      lease_worker_id: null,
      lease_expires_at: null,
      ...(row.attempt === 1 && { started_at: null }),
    })
    .where('id', '=', row.id)
    .execute();
  // Reckoned from the lease it was given: by the database's clock.
  const startAfter = new Date((row.lease_expires_at?.getTime() ?? 0) - LEASE_DURATION_MS + waitMs);
  await queue.requeue(trx, { runId: row.id, queue: row.queue, priority: row.priority, startAfter });
}

/** The end of a lease given or renewed now, by the database's clock: those of the machines do not matter. */
export function leaseEnd() {
  return sql<Date>`clock_timestamp() + ${sql.lit(LEASE_DURATION_MS)} * interval '1 millisecond'`;
}
