import { sql } from 'kysely';
import { recordAudit } from '../audit/record.ts';
import { CHANNELS, type Database, type Transaction } from '../db/database.ts';

/** True of a worker that is alive: its last heartbeat is at most 30 seconds old. */
export const IS_ALIVE = sql<boolean>`heartbeat_at > now() - interval '30 seconds'`;

/** A worker that is alive. */
export interface LiveWorker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly slots: number;
  /** The number of runs that it executes. */
  readonly running: number;
  readonly freeMemoryBytes: number | null;
  readonly spares: number;
  readonly containment: string | null;
  readonly isDraining: boolean;
  /** The reason for which it leaves runs queued; null when it takes runs. */
  readonly holdingReason: string | null;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
}

/** Reads the workers that are alive, oldest first. */
export function readWorkers(database: Database): Promise<LiveWorker[]> {
  return select(database.sql);
}

/** Returns whether any worker is alive. */
export async function isAnyWorkerAlive(database: Database): Promise<boolean> {
  const { rows } = await sql`select from longhaul.workers where ${IS_ALIVE} limit 1`.execute(database.sql);
  return rows.length > 0;
}

/**
 * Asks a worker to drain, and returns it as it was then; null when no such worker is alive. A worker that drains already
 * is not asked again.
 */
export async function requestDrain(
  database: Database,
  { id, actor }: { id: string; actor: string },
): Promise<LiveWorker | null> {
  return database.sql.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('longhaul.workers')
      .set({ drain_requested_at: sql<Date>`coalesce(drain_requested_at, clock_timestamp())` })
      .where('id', '=', id)
      .where(IS_ALIVE)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return null;
    await recordAudit(trx, { actor, action: 'worker.drain_requested', subject: id, data: {} });
    await sql`select pg_notify(${CHANNELS.drain}, ${id})`.execute(trx);
    // Read before the worker receives the notification, because an idle worker stops at once.
    return (await select(trx)).find((worker) => worker.id === id) ?? null;
  });
}

async function select(connection: Database['sql'] | Transaction): Promise<LiveWorker[]> {
  const rows = await connection
    .selectFrom('longhaul.workers')
    .selectAll()
    .select((worker) =>
      worker
        .selectFrom('longhaul.runs')
        .select((run) => run.fn.countAll<number>().as('count'))
        .where('status', '=', 'running')
        .whereRef('lease_worker_id', '=', 'longhaul.workers.id')
        .as('running'),
    )
    .where(IS_ALIVE)
    .orderBy('started_at')
    .execute();
  return rows.map(({ id, host, pid, version, slots, spares, containment, ...row }) => ({
    id,
    host,
    pid,
    version,
    slots,
    running: row.running ?? 0,
    freeMemoryBytes: row.free_memory_bytes,
    spares,
    containment,
    isDraining: row.drain_requested_at !== null,
    holdingReason: row.holding_reason,
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
  }));
}
