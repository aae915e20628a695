import { sql, type Selectable } from 'kysely';
import { createId } from '../core/ids.ts';
import type { Database, Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import type { Queue } from '../queue/queue.ts';
import { appendEvents, type Lease } from './append-events.ts';
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
      const lease = { runId, fence: row.fence };
      if (!(await holdSession(trx, { sessionId: row.session_id, lease }))) {
        await putBack({ trx, queue, row });
        continue;
      }
      const attemptId = createId();
      await trx
        .insertInto('longhaul.attempts')
        .values({
          id: attemptId,
          run_id: runId,
          agent: row.agent,
          number: row.attempt,
          worker_id: options.workerId,
          fence: row.fence,
        })
        .execute();
      await appendEvents(trx, {
        runId,
        attempt: row.attempt,
        events: [{ type: 'run.started', data: { workerId: options.workerId } }],
      });
      claims.push({ run: toRun(row), attemptId, lease, lastSeq: row.event_seq + 1 });
    }
    return claims;
  });
}

/** How long a run waits that finds its conversation in use. */
const SESSION_WAIT_MS = 1_000;

/** Undoes a claim in its own transaction: another run of the same conversation is at work. */
async function putBack({ trx, queue, row }: { trx: Transaction; queue: Queue; row: Selectable<RunsTable> }) {
  await trx
    .updateTable('longhaul.runs')
    .set({
      status: 'queued',
      attempt: row.attempt - 1,
      lease_worker_id: null,
      lease_expires_at: null,
      ...(row.attempt === 1 && { started_at: null }),
    })
    .where('id', '=', row.id)
    .execute();
  // Reckoned from the lease it was given: by the database's clock.
  const startAfter = new Date((row.lease_expires_at?.getTime() ?? 0) - LEASE_DURATION_MS + SESSION_WAIT_MS);
  await queue.requeue(trx, { runId: row.id, queue: row.queue, priority: row.priority, startAfter });
}

/** The end of a lease given or renewed now, by the database's clock: those of the machines do not matter. */
export function leaseEnd() {
  return sql<Date>`clock_timestamp() + ${sql.lit(LEASE_DURATION_MS)} * interval '1 millisecond'`;
}
