import { sql, type Selectable } from 'kysely';
import type { Database, Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { Lease } from '../log/append-events.ts';

/** Workers that a run may lose before it is considered the cause. */
const MOST_LOSSES = 2;

/**
 * Records that the attempt was lost with its worker. Returns whether its run is a poison run: it has taken two workers
 * down, and must not take a third. A draining worker does not count as taken down: its supervisor gave it no more time.
 *
 * When several runs that had already lost a worker were lost together with the second one, only one of them need be the
 * cause. Each gets another attempt, on a worker that executes no other such run (`isBesideSuspect`): the run that takes
 * its worker down again is the cause, and the others are not lost with it.
 */
export async function noteLoss(trx: Transaction, row: Selectable<RunsTable>): Promise<boolean> {
  const { rows } = await sql<{ losses: number; is_alone: boolean }>`
    with noted as (
      update longhaul.attempts
         set lost_at = clock_timestamp(),
             worker_survived = worker_survived or exists (
               select from longhaul.workers where id = attempts.worker_id and drain_requested_at is not null)
       where run_id = ${row.id} and number = ${row.attempt} returning id, worker_survived)
    select (select count(*)::int from noted where not worker_survived)
         + (select count(*)::int from longhaul.attempts as attempt
             where run_id = ${row.id} and number < ${row.attempt} and ${isLoss}) as losses,
           not exists (${suspectsOf({ workerId: row.lease_worker_id, runId: row.id })}) as is_alone`.execute(trx);
  const { losses, is_alone: isAlone } = rows[0]!;
  return losses > MOST_LOSSES || (losses === MOST_LOSSES && isAlone);
}

/**
 * Returns whether a run, which `trx` has just given to its worker, and another run of that worker may both be poison
 * runs: each of them has taken two workers down.
 */
export async function isBesideSuspect(trx: Transaction, row: Selectable<RunsTable>): Promise<boolean> {
  if (row.attempt <= MOST_LOSSES) return false;
  const { rows } = await sql`
    select from longhaul.attempts as attempt where run_id = ${row.id} and ${isLoss}
    having count(*) >= ${sql.lit(MOST_LOSSES)}
       and exists (${suspectsOf({ workerId: row.lease_worker_id, runId: row.id })})`.execute(trx);
  return rows.length > 0;
}

/**
 * Records that a worker which lost its lease is alive: it was cut off from the database, and its run did not take it
 * down.
 */
export async function noteSurvival(database: Database, { runId, fence }: Lease): Promise<void> {
  await database.sql
    .updateTable('longhaul.attempts')
    .set({ worker_survived: true })
    .where('run_id', '=', runId)
    .where('fence', '=', fence)
    .execute();
}

const isLoss = sql`attempt.lost_at is not null and not attempt.worker_survived`;

/** Other runs that were lost with this worker, or that it executes now, and that had lost a worker before. */
function suspectsOf({ workerId, runId }: { workerId: string | null; runId: string }) {
  return sql`
    select from longhaul.attempts as earlier
     where earlier.lost_at is not null and not earlier.worker_survived and earlier.run_id <> ${runId}
       and earlier.worker_id <> ${workerId}
       and earlier.run_id in (
         select run.id from longhaul.runs as run where run.status = 'running' and run.lease_worker_id = ${workerId}
         union all
         select lost.run_id from longhaul.attempts as lost where lost.worker_id = ${workerId} and lost.lost_at is not null)`;
}
